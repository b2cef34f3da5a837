"""`phrases`: one note, repeated in a rhythm, at a loudness. Four factors, 9,216 combinations, two seconds."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import torch

from generators.bank import NoteBank
from generators.clips import NOISE_FLOOR, NOISE_RANGE, ONSET_JITTER, VARIANT, Layout, NoteClips, Sound
from generators.clips import noise_tape as _tape
from generators.factors import Factor, FactorSpace
from generators.nuisances import Nuisance, Range
from generators.synth import ATTACK_MS, DETUNE_CENTS, synthesise
from generators.timbres import TIMBRES

VERSION = "1"
SAMPLE_RATE = 16_000
LEAD_IN = 1_600  # 0.1 s of silence: an onset at time 0 escapes onset detectors
STEPS = 8
STEP = 3_800  # 0.2375 s
N_SAMPLES = LEAD_IN + STEPS * STEP
MAX_JITTER = 160  # 10 ms
N_VARIANTS = 16

# Of the ten necklaces of 8 steps with 4 onsets, these are eight no two of which are shifts or mirror images.
RHYTHMS = ("xxxx....", "xxx.x...", "xxx..x..", "xx.xx...", "xx..xx..", "xx.x.x..", "xx.x..x.", "x.x.x.x.")

SPACE = FactorSpace(
    (
        Factor("pitch", "MIDI", tuple(float(p) for p in range(48, 72)), ordinal=True),
        Factor("timbre", "", tuple(TIMBRES), ordinal=False),
        Factor("loudness", "LUFS", tuple(float(level) for level in range(-46, -22, 4)), ordinal=True),
        Factor("rhythm", "", RHYTHMS, ordinal=False),
    )
)


LAYOUT = Layout(SAMPLE_RATE, LEAD_IN, STEP, MAX_JITTER, RHYTHMS)
NUISANCES = (
    Nuisance(
        VARIANT,
        (
            Range("phase", "degrees", 0, 360),
            Range("detune", "cents", *DETUNE_CENTS),
            Range("attack", "ms", *ATTACK_MS),
        ),
    ),
    Nuisance(ONSET_JITTER, (Range("delay of each onset", "ms", 0, MAX_JITTER / SAMPLE_RATE * 1_000),)),
    Nuisance(NOISE_FLOOR, (NOISE_RANGE,)),
)


class Phrases(NoteClips):
    """The generator of the space `phrases`. Nuisances: variant (phase, detune, attack), onset jitter, noise floor."""

    def __init__(self, nuisances: bool | Collection[str] = True, device: torch.device | str = "cpu") -> None:
        """nuisances: which are on; see `NoteClips`."""
        sound = Sound(SPACE, LAYOUT, _bank(), _tape(), NUISANCES)
        super().__init__("phrases", VERSION, sound, nuisances, device)


@cache
def _bank() -> NoteBank:
    pitch, _, loudness, _ = SPACE.factors
    return synthesise(
        pitches_midi=[float(value) for value in pitch.values],
        loudnesses_lufs=[float(value) for value in loudness.values],
        n_variants=N_VARIANTS,
        slot=STEP,
        lead=MAX_JITTER,
        notes_a_clip=RHYTHMS[0].count("x"),
        clip_samples=LAYOUT.n_samples,
        sample_rate=SAMPLE_RATE,
    )
