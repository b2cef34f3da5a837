"""`syntone-bandlimited`: SynTone's grid made trustworthy. Three factors, 32,000 combinations, one second.

Two things are unlike `syntone`. The waveforms are sums of harmonics up to the band limit, so none alias, and they stop
at 2,000 Hz: each has three harmonics at least, which is where a square differs from a triangle. And they are equally
loud at each amplitude: `amplitude` is linear in sound pressure, K-weighted, whatever the timbre and the frequency.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import freqz
from torch import Tensor

from generators import steady
from generators.clips import noise_tape
from generators.loudness import energy_at, k_weighting
from generators.steady import N_FREQUENCIES, N_LONGEST, SAMPLE_RATE, TIMBRES, UNIT, SteadyTones, Waves
from generators.synth import BAND_LIMIT
from generators.timbres import TIMBRES as HARMONICS

VERSION = "1"
# Frequency number k is 440 + 1560 k / 399 Hz = (58520 + 520 k) / 133 Hz: at 16 kHz STEPS[k] / PERIOD periods a sample.
PERIOD = 53_200
STEPS = tuple(1_463 + 13 * k for k in range(N_FREQUENCIES))
BITS = 24  # of what is computed as integers
# At amplitude 1. The sawtooth of 440 Hz peaks highest, at -1.2 dBFS.
LOUDEST_LUFS = -7.0

SPACE = steady.grid([step * 40 / 133 for step in STEPS])


class SyntoneBandlimited(SteadyTones):
    """The generator of the space `syntone-bandlimited`. Nuisances: phase and noise floor."""

    def __init__(self, nuisances: bool | Collection[str] = True, device: torch.device | str = "cpu") -> None:
        """nuisances: which are on; see `SteadyTones`."""
        waves = Waves(SPACE, _waves(), noise_tape(), steady.nuisances(default=True))
        super().__init__("syntone-bandlimited", VERSION, waves, nuisances, device)


@cache
def _waves() -> Tensor:
    time = np.arange(N_LONGEST)
    waves = np.empty((len(TIMBRES), N_FREQUENCIES, N_LONGEST), np.int32)
    for number, step in enumerate(STEPS):
        hertz = step * SAMPLE_RATE / PERIOD
        count = int(BAND_LIMIT * SAMPLE_RATE / hertz)
        gains = np.sqrt(energy_at(np.array(LOUDEST_LUFS), 1) / _powers(hertz, count))
        whole = np.rint(32_768 * UNIT * gains).astype(np.int64)
        waves[:, number] = (np.take(_tables(count), step * time % PERIOD, axis=1) * whole[:, None]) >> BITS
    return torch.from_numpy(waves)


@cache
def _tables(count: int) -> NDArray[np.int64]:
    """A period of each waveform of `count` harmonics, by phase: int64 [timbre, PERIOD], 1 << BITS to the unit.

    Added up as integers: floats add up to something else on a machine that adds in another order.
    """
    phase = np.arange(PERIOD)
    sine = np.rint(np.sin(2 * np.pi / PERIOD * phase) * (1 << BITS)).astype(np.int64)
    amplitudes = np.rint(_amplitudes(count) * (1 << BITS)).astype(np.int64)
    tables = np.zeros((len(TIMBRES), PERIOD), np.int64)
    for k in range(1, count + 1):
        tables += amplitudes[:, k - 1, None] * sine[k * phase % PERIOD]
    return tables >> BITS


def _amplitudes(count: int) -> NDArray[np.float64]:
    """Amplitudes of the first `count` harmonics, all in sine phase: float64 [timbre, harmonic]."""
    return np.stack([HARMONICS[name](np.arange(1, count + 1)).real for name in TIMBRES])


def _powers(hertz: float, count: int) -> NDArray[np.float64]:
    """K-weighted mean square of each endless waveform: float64 [timbre]."""
    angles = 2 * np.pi * hertz / SAMPLE_RATE * np.arange(1, count + 1)
    shelf, high_pass = (freqz(*filtered, worN=angles)[1] for filtered in k_weighting(SAMPLE_RATE))
    return (_amplitudes(count) ** 2 / 2 * np.abs(shelf * high_pass) ** 2).sum(1)
