"""`syntone`: the grid of SynTone as it was published. Three factors, 32,000 combinations, one second.

Source: Brima et al. 2024, "Learning disentangled audio representations through controlled synthesis", and the code
published with it. As there, the waveforms are sampled as they are, so they alias; the time axis reaches 1 s with the
last sample, which makes every frequency 0.11 cents high; amplitude 1.0 is full scale, so the loudest clips peak at 0
dBFS; equal amplitudes are not equally loud, a square sounds louder than a triangle. Phases are counted in whole
numbers: what float arithmetic made of a sample that falls on a jump of a waveform is not reproduced.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators import steady
from generators.clips import noise_tape
from generators.steady import (
    AMPLITUDE_UNIT,
    FINE_BITS,
    N_FREQUENCIES,
    N_LONGEST,
    N_SAMPLES,
    TIMBRES,
    UNIT,
    SteadyTones,
    Waves,
)

VERSION = "1"
# Frequency number k is 440 + 7560 k / 399 Hz = (8360 + 360 k) / 19 Hz, so the phase at sample n, at n / 15999 s, is
# STEPS[k] * n periods / PERIOD, exactly.
PERIOD = 19 * (N_SAMPLES - 1)
STEPS = tuple(8_360 + 360 * k for k in range(N_FREQUENCIES))
PEAK = 32_767  # at amplitude 1

SPACE = steady.grid([step / 19 for step in STEPS])


class Syntone(SteadyTones):
    """The generator of the space `syntone`. Nuisances: phase and noise floor, off unless they are named."""

    def __init__(self, nuisances: bool | Collection[str] = True, device: torch.device | str = "cpu") -> None:
        """nuisances: which are on; True is as published, which is none."""
        waves = Waves(SPACE, _waves(), noise_tape(), steady.nuisances(default=False))
        super().__init__("syntone", VERSION, waves, nuisances, device)


@cache
def _waves() -> Tensor:
    tables, time = _tables(), np.arange(N_LONGEST)
    waves = np.empty((len(TIMBRES), N_FREQUENCIES, N_LONGEST), np.int32)
    for number, step in enumerate(STEPS):
        np.take(tables, step * time % PERIOD, axis=1, out=waves[:, number])
    return torch.from_numpy(waves)


def _tables() -> NDArray[np.int32]:
    """A period of each waveform by phase: int32 [timbre, PERIOD], in the unit of `Waves.samples`."""
    phase = np.arange(PERIOD)
    triangle, sawtooth = PERIOD - np.abs(4 * phase - 2 * PERIOD), 2 * phase - PERIOD
    square = np.where(2 * phase < PERIOD, PERIOD, -PERIOD)
    sine = np.rint(PEAK * UNIT * np.sin(2 * np.pi / PERIOD * phase))
    whole = PERIOD * AMPLITUDE_UNIT
    straight = [(2 * (PEAK << FINE_BITS) * line + whole) // (2 * whole) for line in (triangle, sawtooth, square)]
    return np.stack([sine.astype(np.int64), *straight]).astype(np.int32)
