"""Clips made of notes from a bank: a note, struck in some steps of a bar, over a floor of noise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from generators.bank import NoteBank
from generators.factors import FactorSpace
from generators.hashing import hashed_below
from generators.mixing import FULL_SCALE, Placement, mix_batch, mix_rows
from generators.noise import NoiseTape
from generators.nuisances import Nuisance, Range, chosen

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

VARIANT, ONSET_JITTER, NOISE_FLOOR = "variant", "onset_jitter", "noise_floor"
NOISE_DBFS = (-90.0, -87.0, -84.0, -81.0, -78.0, -75.0, -72.0)
NOISE_TAPE = 1 << 18
NOISE_RANGE = Range("white noise", "dBFS rms", NOISE_DBFS[0], NOISE_DBFS[-1])


@dataclass(frozen=True)
class Layout:
    """Where notes can be: after a silent lead-in, one a step. All in samples, but for the rate in Hz.

    patterns: for each level of the rhythm, in which steps the note is struck; one pattern if there is no rhythm.
    """

    sample_rate: int
    lead_in: int
    step: int
    max_jitter: int
    patterns: tuple[str, ...]

    @property
    def n_steps(self) -> int:
        """Steps of a clip."""
        return len(self.patterns[0])

    @property
    def n_samples(self) -> int:
        """Length of a clip."""
        return self.lead_in + self.n_steps * self.step

    @property
    def strikes(self) -> Tensor:
        """Whether a note is struck: bool [pattern, step]."""
        return torch.tensor([[place == "x" for place in pattern] for pattern in self.patterns])


@dataclass(frozen=True)
class Sound:
    """What a space of notes is made of. bank: its timbres, pitches and loudnesses are the space's levels."""

    space: FactorSpace
    layout: Layout
    bank: NoteBank
    tape: NoiseTape
    nuisances: tuple[Nuisance, ...]

    def to(self, device: torch.device | str) -> Sound:
        """The same on another device."""
        return Sound(self.space, self.layout, self.bank.to(device), self.tape.to(device), self.nuisances)


class NoteClips:
    """A generator of clips from a bank of notes; see `generators.generator.Generator` for what it promises.

    The space has `pitch`, `timbre` and `loudness`, and may have `rhythm`.
    """

    def __init__(
        self, name: str, version: str, sound: Sound, nuisances: bool | Collection[str], device: torch.device | str
    ) -> None:
        """nuisances: which are on; without any a clip is in tune, on the beat and free of noise, whatever its seed."""
        self.name, self.version, self.space = name, version, sound.space
        self.sample_rate, self.n_samples = sound.layout.sample_rate, sound.layout.n_samples
        self.nuisances, self.nuisance_list = chosen(nuisances, sound.nuisances), sound.nuisances
        self.device = torch.device(device)
        self.sound = sound.to(device)
        self._strikes = sound.layout.strikes.to(device)

    def to(self, device: torch.device | str) -> NoteClips:
        """The same generator, rendering on another device."""
        return NoteClips(self.name, self.version, self.sound, self.nuisances, device)

    def render(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips, float32 [n, n_samples]; see `Generator.render`."""
        placement = self._placement(levels, seeds)
        if self.device.type != "cpu":
            return self._mix_batch(placement).to(torch.float32).mul_(1 / FULL_SCALE)
        return self._mix_rows(placement, np.float32)

    def render_int16(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips as the 16-bit integers that they are: int16 [n, n_samples]."""
        placement = self._placement(levels, seeds)
        return self._mix_rows(placement, np.int16) if self.device.type == "cpu" else self._mix_batch(placement)

    def midi(self, levels: ArrayLike) -> PrettyMIDI | list[PrettyMIDI]:
        """The score of a clip, levels [factors], or of several, [n, factors]; see `generators.score_midi`."""
        from generators.score_midi import midi  # which needs Layout

        return midi(self.space, self.sound.layout, levels)

    def _mix_rows(self, placement: Placement, dtype: type[np.int16] | type[np.float32]) -> Tensor:
        clips = np.empty((len(placement.notes), self.n_samples), dtype)  # numpy asks for large pages, torch does not
        mix_rows(placement, self.sound.bank, self.sound.tape, self.sound.layout.lead_in, clips)
        return torch.from_numpy(clips)

    def _mix_batch(self, placement: Placement) -> Tensor:
        return mix_batch(placement, self.sound.bank, self.sound.tape, self.sound.layout.lead_in, self.n_samples)

    def _placement(self, levels: ArrayLike, seeds: ArrayLike) -> Placement:
        """What sounds in each clip. Raises ValueError as `render` does."""
        columns = torch.from_numpy(self.space.check(levels)).to(self.device)
        seed = check_seeds(seeds, len(columns)).to(self.device)
        by_name = dict(zip(self.space.names, columns.unbind(1), strict=True))
        notes = self.sound.bank.index(by_name["timbre"], by_name["pitch"], self._variant(seed), by_name["loudness"])
        rhythm = by_name.get("rhythm", torch.zeros_like(seed))
        return Placement(notes, self._strikes.index_select(0, rhythm), self._delays(seed), self._noise(seed))

    def _variant(self, seed: Tensor) -> Tensor:
        """Variant of each clip's note, int64 [n]."""
        if VARIANT not in self.nuisances:
            return torch.zeros_like(seed)
        return hashed_below(seed, 1, self.sound.bank.shape[2])

    def _delays(self, seed: Tensor) -> Tensor:
        """Delay of each step in samples, int64 [n, step]."""
        steps, jitter = self.sound.layout.n_steps, self.sound.layout.max_jitter
        if ONSET_JITTER not in self.nuisances:
            return torch.zeros(len(seed), steps, dtype=torch.int64, device=self.device)
        return torch.stack([hashed_below(seed, 10 + step, jitter + 1) for step in range(steps)], dim=1)

    def _noise(self, seed: Tensor) -> tuple[Tensor, Tensor] | None:
        """Where each clip's noise floor is, if it has one."""
        return noise_places(seed, self.sound.tape, self.n_samples) if NOISE_FLOOR in self.nuisances else None


@cache
def noise_tape() -> NoiseTape:
    """The tape that every space reads its noise floor from."""
    return NoiseTape.record(NOISE_DBFS, NOISE_TAPE)


def noise_places(seed: Tensor, tape: NoiseTape, n_samples: int) -> tuple[Tensor, Tensor]:
    """Level of each clip's noise floor and its place on the tape. int64 [n] -> int64 [n] each."""
    return hashed_below(seed, 2, tape.n_levels), hashed_below(seed, 3, tape.places(n_samples))


def check_seeds(seeds: ArrayLike, n: int) -> Tensor:
    """Seeds as int64 [n]. Raises ValueError where they are no integers, not one a clip, or over 63 bits."""
    array = np.asarray(seeds)
    if array.shape != (n,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"seeds must be integers [{n}], one a clip; got {array.dtype} {list(array.shape)}")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"seeds must fit 64 signed bits; got {array.max()}")
    return torch.from_numpy(array.astype(np.int64))
