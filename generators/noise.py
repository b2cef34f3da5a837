"""A stored tape of noise, read at a hashed place: noise that costs a copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from generators.hashing import hash64

_STREAM = 77


@dataclass(frozen=True)
class NoiseTape:
    """White Gaussian noise at several levels: int16 [levels * length], level after level."""

    samples: Tensor
    length: int

    @classmethod
    def record(cls, levels_dbfs: tuple[float, ...], length: int) -> NoiseTape:
        """A tape of `length` samples at each root-mean-square level, the same on every machine."""
        bits = hash64(torch.arange(length), _STREAM).numpy().view(np.uint64) >> np.uint64(11)
        unit = ndtri((bits.astype(np.float64) + 0.5) / 2.0**53)
        levels = 32768 * 10 ** (np.array(levels_dbfs)[:, None] / 20)
        return cls(torch.from_numpy(np.rint(unit * levels).astype(np.int16).reshape(-1)), length)

    @property
    def n_levels(self) -> int:
        """How many levels the tape holds."""
        return self.samples.numel() // self.length

    def places(self, n_samples: int) -> int:
        """From how many places of one level `n_samples` can be read."""
        return self.length - n_samples + 1

    def read(self, levels: Tensor, offsets: Tensor, n_samples: int) -> Tensor:
        """`n_samples` from a place of a level, for each row. int64 [n], int64 [n] -> int16 [n, n_samples]."""
        windows = self.samples.as_strided((self.samples.numel() - n_samples + 1, n_samples), (1, 1))
        return windows[levels * self.length + offsets]

    def to(self, device: torch.device | str) -> NoiseTape:
        """The same tape on another device."""
        return NoiseTape(self.samples.to(device), self.length)
