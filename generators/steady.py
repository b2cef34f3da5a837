"""Clips of one steady waveform at an amplitude: a window into an endless tone, no envelope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from generators.clips import NOISE_FLOOR, NOISE_RANGE, check_seeds, noise_places
from generators.factors import Factor, FactorSpace
from generators.hashing import hashed_below
from generators.mixing import FULL_SCALE
from generators.noise import NoiseTape
from generators.nuisances import Nuisance, Range, chosen

TIMBRES = ("sine", "triangle", "sawtooth", "square")  # SynTone's, in its order
SAMPLE_RATE = 16_000
N_SAMPLES = 16_000
N_FREQUENCIES = 400
# The 20 amplitudes 0.1 to 1.0 are (19 + 9 k) / 190, exactly.
AMPLITUDES, AMPLITUDE_UNIT = tuple(range(19, 191, 9)), 190
# Waveforms are kept at amplitude 1 / 190, and finer than clips by 16 bits, so that a clip is its waveform times a whole
# number, rounded once by a shift. At amplitude 1 the product just fits 32 bits.
FINE_BITS = 16
UNIT = (1 << FINE_BITS) / AMPLITUDE_UNIT  # of `Waves.samples` in one of a 16-bit sample at amplitude 1
PHASE = "phase"
STARTS = 1_000  # 62.5 ms: 27 periods of 440 Hz, so that the start falls anywhere in a period
N_LONGEST = N_SAMPLES + STARTS - 1


@dataclass(frozen=True)
class Waves:
    """What a space of steady tones is made of.

    space: `timbre`, `frequency`, `amplitude`. samples: every waveform, int32 [timbre, frequency, N_LONGEST], as many as
    UNIT to the unit of a 16-bit sample at amplitude 1. nuisances: those that there are.
    """

    space: FactorSpace
    samples: Tensor
    tape: NoiseTape
    nuisances: tuple[Nuisance, ...]

    @property
    def n_bytes(self) -> int:
        """Memory that the waveforms take."""
        return self.samples.numel() * self.samples.element_size()

    def to(self, device: torch.device | str) -> Waves:
        """The same on another device."""
        return replace(self, samples=self.samples.to(device), tape=self.tape.to(device))


def grid(hertz: Sequence[float]) -> FactorSpace:
    """The space of SynTone's timbres and amplitudes at these frequencies."""
    amplitudes = tuple(numerator / AMPLITUDE_UNIT for numerator in AMPLITUDES)
    return FactorSpace(
        (
            Factor("timbre", "", TIMBRES, ordinal=False),
            Factor("frequency", "Hz", tuple(hertz), ordinal=True),
            Factor("amplitude", "linear", amplitudes, ordinal=True),
        )
    )


def nuisances(default: bool) -> tuple[Nuisance, ...]:
    """The nuisances of steady tones; default: whether they are on where nothing else is asked for."""
    start = Range("start of the waveform", "ms", 0, (STARTS - 1) / SAMPLE_RATE * 1_000)
    return Nuisance(PHASE, (start,), default), Nuisance(NOISE_FLOOR, (NOISE_RANGE,), default)


class SteadyTones:
    """A generator of steady tones; see `generators.generator.Generator` for what it promises.

    A sample is the waveform times the amplitude, rounded to the nearest integer, plus the noise floor's, held
    within 16 bits.
    """

    def __init__(
        self, name: str, version: str, waves: Waves, nuisances: bool | Collection[str], device: torch.device | str
    ) -> None:
        """nuisances: which are on; without any a waveform starts at its beginning and there is no noise."""
        self.name, self.version, self.space = name, version, waves.space
        self.sample_rate, self.n_samples = SAMPLE_RATE, N_SAMPLES
        self.nuisances, self.nuisance_list = chosen(nuisances, waves.nuisances), waves.nuisances
        self.device = torch.device(device)
        self.waves = waves.to(device)

    def to(self, device: torch.device | str) -> SteadyTones:
        """The same generator, rendering on another device."""
        return SteadyTones(self.name, self.version, self.waves, self.nuisances, device)

    def render(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips, float32 [n, 16000]; see `Generator.render`."""
        cut = self._cut(levels, seeds)
        if self.device.type != "cpu":
            return mix_batch(self.waves, cut).to(torch.float32).mul_(1 / FULL_SCALE)
        return _mixed(self.waves, cut, np.float32)

    def render_int16(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips as the 16-bit integers that they are: int16 [n, 16000]."""
        cut = self._cut(levels, seeds)
        return _mixed(self.waves, cut, np.int16) if self.device.type == "cpu" else mix_batch(self.waves, cut)

    def _cut(self, levels: ArrayLike, seeds: ArrayLike) -> Cut:
        """What each clip is made of. Raises ValueError as `render` does."""
        columns = torch.from_numpy(self.space.check(levels)).to(self.device)
        seed = check_seeds(seeds, len(columns)).to(self.device)
        timbre, frequency, amplitude = columns.unbind(1)
        starts = (timbre * N_FREQUENCIES + frequency) * N_LONGEST
        if PHASE in self.nuisances:
            starts = starts + hashed_below(seed, 1, STARTS)
        noise = noise_places(seed, self.waves.tape, N_SAMPLES) if NOISE_FLOOR in self.nuisances else None
        return Cut(starts, AMPLITUDES[0] + (AMPLITUDES[1] - AMPLITUDES[0]) * amplitude, noise)


@dataclass(frozen=True)
class Cut:
    """What each of n clips is made of. Integer tensors on one device.

    starts: its first sample among all waveforms laid end to end, int64 [n]. amplitudes: in 1 / AMPLITUDE_UNIT, int64
    [n]. noise: (level, offset) of the noise floor on its tape, int64 [n] each, or None for silence.
    """

    starts: Tensor
    amplitudes: Tensor
    noise: tuple[Tensor, Tensor] | None


def _mixed(waves: Waves, cut: Cut, dtype: type[np.int16] | type[np.float32]) -> Tensor:
    clips = np.empty((len(cut.starts), N_SAMPLES), dtype)  # numpy asks for large pages, torch does not
    mix_rows(waves, cut, clips)
    return torch.from_numpy(clips)


def mix_rows(waves: Waves, cut: Cut, clips: NDArray[Any]) -> None:
    """Fill `clips` row by row, on the processor, in a buffer that stays in its cache.

    clips: [n, N_SAMPLES], int16, or float32 with full scale 1.0.
    """
    samples, tape = waves.samples.numpy().reshape(-1), waves.tape.samples.numpy()
    floors = None if cut.noise is None else (cut.noise[0] * waves.tape.length + cut.noise[1]).tolist()
    mixed = np.empty(N_SAMPLES, np.int32)
    for row, (start, amplitude) in enumerate(zip(cut.starts.tolist(), cut.amplitudes.tolist(), strict=True)):
        np.multiply(samples[start : start + N_SAMPLES], np.int32(amplitude), out=mixed)
        mixed += np.int32(1 << FINE_BITS - 1)
        mixed >>= FINE_BITS
        if floors is not None:
            mixed += tape[floors[row] : floors[row] + N_SAMPLES]
            np.clip(mixed, -FULL_SCALE, FULL_SCALE - 1, out=mixed)
        if clips.dtype == np.int16:
            clips[row] = mixed
        else:
            np.multiply(mixed, np.float32(1 / FULL_SCALE), out=clips[row], dtype=np.float32, casting="unsafe")


def mix_batch(waves: Waves, cut: Cut) -> Tensor:
    """All clips at once, on the device where waves and cut are: int16 [n, N_SAMPLES]."""
    windows = waves.samples.view(-1).as_strided((waves.samples.numel() - N_SAMPLES + 1, N_SAMPLES), (1, 1))
    mixed = windows[cut.starts].mul_(cut.amplitudes[:, None].to(torch.int32))
    mixed.add_(1 << FINE_BITS - 1).bitwise_right_shift_(FINE_BITS)
    if cut.noise is not None:
        mixed.add_(waves.tape.read(*cut.noise, N_SAMPLES)).clamp_(-FULL_SCALE, FULL_SCALE - 1)
    return mixed.to(torch.int16)
