"""Which factors the views of one example share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from generators.factors import FactorSpace, Levels

Kind = Literal["factors", "independent", "identical", "augment"]


@dataclass(frozen=True)
class Pairing:
    """What the views of one example have in common.

    kind, shared:
    `factors`: they agree on the `shared` factors and are independent in the rest.
    `independent`: nothing. `identical`: everything, for they are one clip. Two diagnostics: what a method makes of no
        help at all, and of no difference at all.
    `augment`: they are different augmentations of one clip; for methods that know no factors.
    """

    shared: frozenset[str] = frozenset()
    kind: Kind = "factors"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"no pairing '{self.kind}'; there are: {', '.join(get_args(Kind))}")
        if self.shared and self.kind != "factors":
            raise ValueError(f"the pairing '{self.kind}' shares no factors of its own; got {sorted(self.shared)}")

    def check(self, space: FactorSpace) -> None:
        """Raise ValueError where a shared factor is none of the space's."""
        for name in sorted(self.shared):
            space.column(name)


INDEPENDENT, IDENTICAL, AUGMENT = (Pairing(kind=kind) for kind in ("independent", "identical", "augment"))


class ViewSampler:
    """Draws examples of several views from a pool of clips.

    An example is a value of what is shared, as frequent as it is in the pool; its views are clips of that value, each
    drawn on its own, so what is not shared is independent as far as the pool's levels are. Versions of one clip are
    drawn without return: no two views of an `augment` example are the same.
    """

    def __init__(
        self, pairing: Pairing, space: FactorSpace, pool: Levels, clips: NDArray[np.int64] | None = None
    ) -> None:
        """pool: int64 [row, factors]. clips: int64 [row], the clip that each row is a version of, for `augment` alone.

        Raises ValueError where the pool is empty, a shared factor unknown, or `augment` has no versions to choose from.
        """
        pairing.check(space)
        if not len(pool):
            raise ValueError("no clips to draw views from: the pool is empty")
        self._pairing = pairing
        keys = _keys(pairing, space, pool, clips)
        self._order = np.argsort(keys, kind="stable")
        _, self._starts, inverse, self._counts = np.unique(
            keys[self._order], return_index=True, return_inverse=True, return_counts=True
        )
        self._group_of_place = inverse

    def draw(self, n: int, views: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Rows of the pool, int64 [example, view]. Raises ValueError for fewer than two views, or too few versions."""
        if views < 2:
            raise ValueError(f"an example of {views} views; expected two or more")
        groups = self._group_of_place[rng.integers(len(self._order), size=n)]
        if self._pairing.kind == "augment":
            places = self._without_return(groups, views, rng)
        else:
            places = rng.integers(self._counts[groups][:, None], size=(n, views))
        return self._order[places + self._starts[groups][:, None]]

    def _without_return(self, groups: NDArray[np.int64], views: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Different places in each group, int64 [example, view]."""
        fewest, most = int(self._counts.min()), int(self._counts.max())
        if fewest < views:
            raise ValueError(f"an example of {views} views needs as many versions of a clip; one has {fewest}")
        lots = rng.random((len(groups), most))
        lots[np.arange(most) >= self._counts[groups][:, None]] = np.inf
        return np.argsort(lots, axis=1)[:, :views]


def _keys(pairing: Pairing, space: FactorSpace, pool: Levels, clips: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """A number for each row: rows of one number can be views of one example."""
    if pairing.kind == "identical":
        return np.arange(len(pool))
    if pairing.kind == "augment":
        if clips is None or len(clips) != len(pool):
            raise ValueError("'augment' must be told which clip each row of the pool is a version of: give `clips`")
        return clips
    return space.combinations(pool, [name for name in space.names if name in pairing.shared])
