"""A clip's score as MIDI: what a clip of notes plays, without its nuisances.

Pitch is the note's number, timbre the instrument, rhythm the notes' times, all of one velocity. Loudness is told by a
text, `-30 LUFS`, and not played: velocity would change an instrument's sound, and so does the channel's volume, since
FluidSynth rounds it for each layer of an instrument apart. A tick is a whole number of samples, so that a file keeps
all times exactly.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from generators.clips import Layout
from generators.factors import FactorSpace
from generators.fluid import VELOCITY, import_pretty_midi

if TYPE_CHECKING:
    from pretty_midi import Instrument, PrettyMIDI

STEPS_A_BEAT = 2  # a bar of four beats
# The instruments of General MIDI that come nearest to the timbres that are not among them.
NEAREST = {
    "sine": "Ocarina",
    "triangle": "Flute",
    "square": "Lead 1 (square)",
    "sawtooth": "Lead 2 (sawtooth)",
    "buzz": "Lead 5 (charang)",
    "organ": "Drawbar Organ",
    "reed": "Oboe",
    "glass": "FX 3 (crystal)",
}


def midi(space: FactorSpace, layout: Layout, levels: ArrayLike) -> PrettyMIDI | list[PrettyMIDI]:
    """The score of a clip, or those of several.

    space: has `pitch` in MIDI, `timbre` and `loudness` in LUFS, and may have `rhythm`. layout: where notes are.
    levels: integers [factors] for one clip, [n, factors] for a list of n.
    Raises ValueError where levels are none of the space, and where pretty_midi is not installed.
    """
    array = np.asarray(levels)
    scores = [_score(space, layout, row.tolist()) for row in space.check(array[None] if array.ndim == 1 else array)]
    return scores[0] if array.ndim == 1 else scores


def _score(space: FactorSpace, layout: Layout, levels: list[int]) -> PrettyMIDI:
    tick = gcd(layout.lead_in, layout.step, layout.max_jitter)
    beat = STEPS_A_BEAT * layout.step
    score = import_pretty_midi().PrettyMIDI(resolution=beat // tick, initial_tempo=60 * layout.sample_rate / beat)
    by_name = dict(zip(space.names, levels, strict=True))
    loudness = space.factors[space.column("loudness")]
    text = f"{loudness.values[by_name['loudness']]:g} {loudness.unit}"
    score.text_events.append(import_pretty_midi().Text(text, 0.0))
    score.instruments.append(_instrument(space, layout, by_name))
    return score


def _instrument(space: FactorSpace, layout: Layout, levels: dict[str, int]) -> Instrument:
    pretty_midi = import_pretty_midi()
    values = {factor.name: factor.values for factor in space.factors}
    timbre = str(values["timbre"][levels["timbre"]])
    program = pretty_midi.instrument_name_to_program(NEAREST.get(timbre, timbre))
    instrument = pretty_midi.Instrument(program, name=timbre)
    pitch = int(values["pitch"][levels["pitch"]])
    for step in np.flatnonzero(layout.strikes[levels.get("rhythm", 0)].numpy()).tolist():
        start = layout.lead_in + step * layout.step
        end = start + layout.step - layout.max_jitter
        note = pretty_midi.Note(VELOCITY, pitch, start / layout.sample_rate, end / layout.sample_rate)
        instrument.notes.append(note)
    return instrument
