"""What each space sounds like, how exactly its factors hold, and whose work is in it: what a data card owes its reader.

Figures are those of `python -m benchmark.independence` over the whole grid, as kept in results/sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generators.dataset.plan import Plan
from generators.factors import Factor

if TYPE_CHECKING:
    from generators.generator import Generator

KINDS = {
    "phrases": "a synthesised note, repeated in a rhythm",
    "tones": "one synthesised note",
    "soundfont": "a note of a sampled instrument, repeated in a rhythm",
    "syntone": "a steady tone of the published grid of SynTone (Brima et al. 2024), whose waveforms alias",
    "syntone-bandlimited": "a steady tone without aliasing, on a grid after SynTone's (Brima et al. 2024)",
}
SYNTONE = ("Brima et al.", 2024, "Learning disentangled audio representations through controlled synthesis")
# (name, year): the copyright file of Debian's package timgm6mb-soundfont
TIMGM6MB = (("Tim Brechbill", 2004), ("David Bolton", 2010))
# By how much a gated meter reads higher: least, most, mean; pyloudnorm on 400 clips, evenly spread over the grid.
GATED_LU = {"phrases": (0.1, 2.9, 1.6), "tones": (0.9, 1.1, 1.0), "soundfont": (0.1, 2.9, 1.3)}


@dataclass(frozen=True)
class Measured:
    """Worst errors over all clips of a version. bits: the most that a measured factor tells of another one."""

    version: str
    clips: int
    pitch_cents: float
    timbres_mistaken: int
    loudness_lu: float
    bits: float
    reached: bool


MEASURED = {
    "phrases": Measured("1", 9_216, 4, 0, 0.047, 0, True),
    "tones": Measured("1", 1_152, 2, 0, 0.05, 0, True),
    "soundfont": Measured("1+ccce7b91ca12", 9_216, 12, 0, 0.036, 0, True),
    "syntone": Measured("1", 32_000, 0.29, 260, 5, 1.9, False),
    "syntone-bandlimited": Measured("1", 32_000, 0.044, 0, 0.017, 0, True),
}
_SYNTONE_SOUND = (
    "The waveforms are sampled as they are, so they alias. Amplitude 1 is full scale. Equal amplitudes are not equally "
    "loud: how loud a clip is depends on its waveform and frequency, too. A clip starts and stops without a fade."
)
_BANDLIMITED_SOUND = (
    "Waveforms are sums of harmonics below 7,600 Hz, so nothing aliases. `amplitude` is linear in K-weighted sound "
    "pressure, equally loud whatever timbre and frequency; amplitude 1 is -7 LUFS, ungated."
)


def unit_of(factor: Factor) -> str:
    """A factor's unit as files tell it: loudness is measured without the standard's gate."""
    return "LUFS, ungated" if factor.unit == "LUFS" else factor.unit


def sound(plan: Plan, generator: Generator) -> list[str]:
    """How the clips of a space are made, a paragraph each."""
    if plan.space == "syntone":
        return [_SYNTONE_SOUND]
    if plan.space == "syntone-bandlimited":
        return [_BANDLIMITED_SOUND]
    found = [_times(generator), _timbres(plan)]
    if plan.space in GATED_LU:
        least, most, mean = GATED_LU[plan.space]
        found.append(
            "`loudness` is that of ITU-R BS.1770-4 without its gate, over the whole clip, silence included. A meter "
            f"that gates reads higher: by {least:g} to {most:g} LU, {mean:g} on average (pyloudnorm, 400 clips)."
        )
    return found


def _times(generator: Generator) -> str:
    layout: Any = getattr(generator, "sound").layout  # noqa: B009 - spaces of notes have it, the protocol does not
    lead, step = layout.lead_in / layout.sample_rate, layout.step / layout.sample_rate
    note = (layout.step - layout.max_jitter) / layout.sample_rate
    begin = f"A clip begins with {lead:g} s of silence"
    if layout.n_steps == 1:
        return f"{begin}; then comes the note, {note:g} s long."
    return (
        f"{begin}; then come {layout.n_steps} steps of {step:g} s. In a rhythm `x` is a step in which the note is "
        f"struck, `.` one in which it is not. The first step's onset is at {lead:g} s; a note is {note:g} s long."
    )


def _timbres(plan: Plan) -> str:
    if plan.soundfont is not None:
        return (
            "Timbres are instruments of General MIDI, as FluidSynth plays them from a soundfont at velocity 100, "
            "without reverberation or chorus; each note is scaled to its loudness."
        )
    from generators.synth import BAND_LIMIT, DECAY_DB, FADE_S

    return (
        f"Timbres are sums of harmonics below {BAND_LIMIT * 16_000:,.0f} Hz, so nothing aliases: sine, triangle, "
        "square and sawtooth by their Fourier series; buzz has all harmonics alike, organ the 1st, 2nd, 4th and 8th, "
        "reed the first eight with a weak fundamental, glass the 1st and the 9th to 12th. A note falls by "
        f"{DECAY_DB:g} dB from its start to its end and fades out over its last {1000 * FADE_S:g} ms."
    )


def scores(plan: Plan) -> str:
    """What the MIDI of a space of notes says, and does not say."""
    programme = (
        "is the timbre" if plan.soundfont is not None else "is the General MIDI instrument nearest to the timbre"
    )
    return (
        "The MIDI has the notes as the levels say, without the nuisances. A4, 440 Hz, is note 69. The programme "
        f"{programme}. Every velocity is 100: loudness is told by a text event, as `-30 LUFS`."
    )


def limits(plan: Plan) -> str:
    """How exactly factors were found to hold; that nobody measured it where nobody did."""
    there = MEASURED.get(plan.space)
    if there is None or there.version != plan.version:
        return "How exactly these clips hold their factors was not measured."
    in_tune = ", pitch without the variant, which detunes" if plan.space in GATED_LU else ""
    told = (
        f"Measured on all {there.clips:,} combinations by librosa, pyloudnorm and mir_eval{in_tune}: pitch off by "
        f"{there.pitch_cents:g} cents at the most, {there.timbres_mistaken} timbres mistaken, loudness off by "
        f"{there.loudness_lu:g} LU at the most"
    )
    if there.reached:
        return f"{told}. One factor tells nothing of another that these measures can see."
    return (
        f"{told} where amplitude alone is taken to decide it, and so a measured factor tells up to {there.bits:g} bit "
        "of another. Not all figures that dTones asks of a space are reached: `syntone-bandlimited` is the same grid "
        "of timbres and amplitudes, up to 2,000 Hz, that does."
    )


def credits_of(plan: Plan) -> str | None:
    """Whose work the clips rest on, in a sentence or two; None where it is dTones' alone."""
    if plan.space.startswith("syntone"):
        authors, year, title = SYNTONE
        return f"The grid is that of SynTone: {authors} ({year}), *{title}*."
    if plan.soundfont is None:
        return None
    if not plan.soundfont.timgm6mb:
        return f"The sound is that of the soundfont `{plan.soundfont.file}`; credit its authors as its licence asks."
    authors = " and ".join(f"{name} ({year})" for name, year in TIMGM6MB)
    return f"The sound is that of the soundfont TimGM6mb, by {authors}."
