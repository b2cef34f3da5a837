"""`phrases`: one note, repeated in a rhythm, at a loudness. Four factors, 9,216 combinations, two seconds."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from generators.bank import NoteBank
from generators.factors import Factor, FactorSpace
from generators.hashing import hashed_below
from generators.mixing import FULL_SCALE, Placement, mix_batch, mix_rows
from generators.noise import NoiseTape
from generators.synth import synthesise
from generators.timbres import TIMBRES

SAMPLE_RATE = 16_000
LEAD_IN = 1_600  # 0.1 s of silence: an onset at time 0 escapes onset detectors
STEPS = 8
STEP = 3_800  # 0.2375 s
N_SAMPLES = LEAD_IN + STEPS * STEP
MAX_JITTER = 160  # 10 ms
N_VARIANTS = 16
NOISE_DBFS = (-90.0, -87.0, -84.0, -81.0, -78.0, -75.0, -72.0)
NOISE_TAPE = 1 << 18

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


class Phrases:
    """The generator of the space `phrases`. Nuisances: variant (phase, detune, attack), onset jitter, noise floor."""

    name = "phrases"
    version = "1"
    space = SPACE
    sample_rate = SAMPLE_RATE
    n_samples = N_SAMPLES

    def __init__(self, nuisances: bool = True, device: torch.device | str = "cpu") -> None:
        """nuisances: False gives every clip in tune, on the beat and without noise, whatever its seed."""
        self.nuisances = nuisances
        self.device = torch.device(device)
        self._bank = _bank().to(device)
        self._tape = _tape().to(device)
        steps = torch.tensor([[place == "x" for place in rhythm] for rhythm in RHYTHMS])
        self._steps = steps.to(device)

    def to(self, device: torch.device | str) -> Phrases:
        """The same generator, rendering on another device."""
        return Phrases(self.nuisances, device)

    def render(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips, float32 [n, 32000]; see `Generator.render`."""
        placement = self._placement(levels, seeds)
        if self.device.type != "cpu":
            return self._mix_batch(placement).to(torch.float32).mul_(1 / FULL_SCALE)
        return self._mix_rows(placement, np.float32)

    def render_int16(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips as the 16-bit integers that they are: int16 [n, 32000]."""
        placement = self._placement(levels, seeds)
        return self._mix_rows(placement, np.int16) if self.device.type == "cpu" else self._mix_batch(placement)

    def _mix_rows(self, placement: Placement, dtype: type[np.int16] | type[np.float32]) -> Tensor:
        clips = np.empty((len(placement.notes), N_SAMPLES), dtype)  # numpy asks for large pages, torch does not
        mix_rows(placement, self._bank, self._tape, LEAD_IN, clips)
        return torch.from_numpy(clips)

    def _mix_batch(self, placement: Placement) -> Tensor:
        return mix_batch(placement, self._bank, self._tape, LEAD_IN, N_SAMPLES)

    def _placement(self, levels: ArrayLike, seeds: ArrayLike) -> Placement:
        """What sounds in each clip. Raises ValueError as `render` does."""
        columns = torch.from_numpy(self.space.check(levels)).to(self.device)
        seed = _check_seeds(seeds, len(columns)).to(self.device)
        variant, delays = self._variant_and_delays(seed)
        pitch, timbre, loudness, rhythm = columns.unbind(1)
        notes = self._bank.index(timbre, pitch, variant, loudness)
        return Placement(notes, self._steps.index_select(0, rhythm), delays, self._noise(seed))

    def _variant_and_delays(self, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Variant of each clip [n] and delay of each of its steps in samples [n, 8]."""
        if not self.nuisances:
            return torch.zeros_like(seed), torch.zeros(len(seed), STEPS, dtype=torch.int64, device=self.device)
        delays = [hashed_below(seed, 10 + step, MAX_JITTER + 1) for step in range(STEPS)]
        return hashed_below(seed, 1, N_VARIANTS), torch.stack(delays, dim=1)

    def _noise(self, seed: Tensor) -> tuple[Tensor, Tensor] | None:
        """Level of each clip's noise floor and its place on the tape, [n] each."""
        if not self.nuisances:
            return None
        return hashed_below(seed, 2, len(NOISE_DBFS)), hashed_below(seed, 3, self._tape.places(N_SAMPLES))


def _check_seeds(seeds: ArrayLike, n: int) -> Tensor:
    array = np.asarray(seeds)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"seeds must be integers [{n}], one a clip; got {array.dtype} {list(array.shape)}")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"seeds must fit 64 signed bits; got {array.max()}")
    return torch.from_numpy(array.astype(np.int64))


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
        clip_samples=N_SAMPLES,
        sample_rate=SAMPLE_RATE,
    )


@cache
def _tape() -> NoiseTape:
    return NoiseTape.record(NOISE_DBFS, NOISE_TAPE)
