"""What every generator of sound is, and what it promises."""

from __future__ import annotations

from typing import Protocol

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from generators.factors import FactorSpace
from generators.nuisances import Nuisance


class Generator(Protocol):
    """Sound as a function of levels and seed.

    *Determinism.* (name, version, nuisances, levels, seed) decide a clip: the same 16-bit samples on every machine and
    device, in batches of any size and order; row i depends on row i alone. A change of what a clip sounds like bumps
    `version`.

    nuisance_list: every nuisance that the space has, with units and ranges. nuisances: names of those that are on;
    without any the seed decides nothing. n_samples: length of a clip at `sample_rate` Hz.
    """

    name: str
    version: str
    space: FactorSpace
    sample_rate: int
    n_samples: int
    nuisances: frozenset[str]
    nuisance_list: tuple[Nuisance, ...]

    def render(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """Clips, float32 [n, n_samples], full scale 1.0, every value a 16-bit one.

        levels: integers [n, factors]. seeds: integers [n], which decide the nuisances.
        Raises ValueError where levels or seeds are out of range, of a wrong type or shape.
        """
        ...

    def render_int16(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """The same clips as the 16-bit integers that they are: int16 [n, n_samples]."""
        ...

    def to(self, device: torch.device | str) -> Generator:
        """The same generator, rendering on another device."""
        ...
