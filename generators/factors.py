"""Factors of variation: their names, units, levels and grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Factor:
    """One property of a clip that is set independently of the others.

    name: the field's word for it. unit: of `values`; "" for names. values: the physical value of each level.
    ordinal: whether neighbouring levels are nearer to each other than distant ones.
    """

    name: str
    unit: str
    values: tuple[float | str, ...]
    ordinal: bool

    def __post_init__(self) -> None:
        if len(self.values) < 2 or len(set(self.values)) != len(self.values):
            raise ValueError(f"factor '{self.name}' needs at least two different values; got {self.values}")

    @property
    def n_levels(self) -> int:
        """How many levels the factor has."""
        return len(self.values)


@dataclass(frozen=True)
class FactorSpace:
    """The grid that several factors span. A clip's place in it is its `levels`, one integer a factor."""

    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        if not self.factors or len(set(self.names)) != len(self.factors):
            raise ValueError(f"a space needs at least one factor, each with a name of its own; got {self.names}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors, in the order of the columns of `levels`."""
        return tuple(factor.name for factor in self.factors)

    @property
    def n_levels(self) -> tuple[int, ...]:
        """Number of levels of each factor."""
        return tuple(factor.n_levels for factor in self.factors)

    @property
    def size(self) -> int:
        """Number of combinations of levels."""
        return prod(self.n_levels)

    def column(self, name: str) -> int:
        """Column of a factor in `levels`. Raises ValueError naming the factors that there are."""
        if name not in self.names:
            raise ValueError(f"no factor '{name}' in this space; it has {', '.join(self.names)}")
        return self.names.index(name)

    def grid(self) -> Levels:
        """Every combination once: int64 [size, factors], the last factor moving fastest."""
        return self.levels_at(np.arange(self.size))

    def sample(self, n: int, rng: np.random.Generator) -> Levels:
        """`n` combinations drawn uniformly with replacement: int64 [n, factors]."""
        return np.stack([rng.integers(count, size=n) for count in self.n_levels], axis=1)

    def levels_at(self, combinations: NDArray[np.int64]) -> Levels:
        """Levels of combinations given by their row in `grid()`: int64 [n] -> int64 [n, factors]."""
        return np.stack(np.unravel_index(combinations, self.n_levels), axis=1).astype(np.int64)

    def combinations(self, levels: Levels, names: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Number of each row's combination, over all factors or over those named: int64 [n]."""
        columns = [self.column(name) for name in (self.names if names is None else names)]
        index = np.zeros(len(levels), np.int64)
        for column in columns:
            index = index * self.n_levels[column] + levels[:, column]
        return index

    def check(self, levels: ArrayLike) -> Levels:
        """`levels` as int64 [n, factors]. Raises ValueError saying what came where something else was expected."""
        array = np.asarray(levels)
        if array.ndim != 2 or array.shape[1] != len(self.factors):
            raise ValueError(f"levels must be [clip, {len(self.factors)}] ({', '.join(self.names)}); got {array.shape}")
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"levels must be integers; got {array.dtype}")
        bad = np.argwhere((array < 0) | (array >= np.array(self.n_levels)))
        if len(bad):
            row, column = (int(i) for i in bad[0])
            raise ValueError(
                f"row {row}: {self.names[column]} is {array[row, column]}; expected 0 to {self.n_levels[column] - 1}"
            )
        return array.astype(np.int64)

    def describe(self, levels: Levels) -> list[dict[str, float | str]]:
        """Physical values of each row, by factor name."""
        return [{f.name: f.values[level] for f, level in zip(self.factors, row, strict=True)} for row in levels]
