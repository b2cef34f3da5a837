"""Which factors the views of one example share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generators.factors import FactorSpace, Levels


@dataclass(frozen=True)
class Pairing:
    """Views of one example agree on the `shared` factors and are independent in the rest."""

    shared: frozenset[str]

    def check(self, space: FactorSpace) -> None:
        """Raise ValueError where a shared factor is none of the space's."""
        for name in sorted(self.shared):
            space.column(name)


class ViewSampler:
    """Draws examples of several views from a pool of clips.

    An example is a value of the shared factors, as frequent as it is in the pool; its views are clips of that value,
    each drawn on its own, so what is not shared is independent as far as the pool's levels are.
    """

    def __init__(self, pairing: Pairing, space: FactorSpace, pool: Levels) -> None:
        """pool: int64 [clip, factors]. Raises ValueError where the pool is empty or a shared factor unknown."""
        pairing.check(space)
        if not len(pool):
            raise ValueError("no clips to draw views from: the pool is empty")
        keys = space.combinations(pool, [name for name in space.names if name in pairing.shared])
        self._order = np.argsort(keys, kind="stable")
        _, self._starts, inverse, self._counts = np.unique(
            keys[self._order], return_index=True, return_inverse=True, return_counts=True
        )
        self._group_of_place = inverse

    def draw(self, n: int, views: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Rows of the pool, int64 [example, view]."""
        groups = self._group_of_place[rng.integers(len(self._order), size=n)]
        places = rng.integers(self._counts[groups][:, None], size=(n, views)) + self._starts[groups][:, None]
        return self._order[places]
