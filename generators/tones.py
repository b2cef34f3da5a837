"""`tones`: one note at a loudness, nothing else. Three factors, 1,152 combinations, one second."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import torch

from generators.bank import NoteBank
from generators.clips import Layout, NoteClips, Sound, noise_tape
from generators.factors import FactorSpace
from generators.phrases import LEAD_IN, MAX_JITTER, NUISANCES, SAMPLE_RATE
from generators.phrases import SPACE as PHRASES
from generators.synth import synthesise

VERSION = "1"
STEP = 14_400  # 0.9 s: with the lead-in a second
# The note lasts as long as the clip does, so that nobody learns from silence; then 200 MB hold six variants, and with
# the noise tape five. Onset jitter and noise make up for the fewer: no two seeds give the same clip.
N_VARIANTS = 5

SPACE = FactorSpace(tuple(PHRASES.factors[PHRASES.column(name)] for name in ("pitch", "timbre", "loudness")))
LAYOUT = Layout(SAMPLE_RATE, LEAD_IN, STEP, MAX_JITTER, ("x",))


class Tones(NoteClips):
    """The generator of the space `tones`. Nuisances: those of `phrases`."""

    def __init__(self, nuisances: bool | Collection[str] = True, device: torch.device | str = "cpu") -> None:
        """nuisances: which are on; see `NoteClips`."""
        sound = Sound(SPACE, LAYOUT, _bank(), noise_tape(), NUISANCES)
        super().__init__("tones", VERSION, sound, nuisances, device)


@cache
def _bank() -> NoteBank:
    pitch, _, loudness = SPACE.factors
    return synthesise(
        pitches_midi=[float(value) for value in pitch.values],
        loudnesses_lufs=[float(value) for value in loudness.values],
        n_variants=N_VARIANTS,
        slot=STEP,
        lead=MAX_JITTER,
        notes_a_clip=1,
        clip_samples=LAYOUT.n_samples,
        sample_rate=SAMPLE_RATE,
    )
