"""What every kind of probe is asked, and what it answers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Levels = NDArray[np.int64]

# Every probability is mixed with this share of the class frequencies, so that one confident mistake costs at most
# ln(1e4) + H nats; a perfect probe pays 1e-4 nats for it.
FLOOR = 1e-4


@dataclass(frozen=True)
class Problem:
    """Clips to learn from (codes, levels), each in a fold, and clips to answer for (asked).

    codes: [n, d] and asked: [m, d], whitened. levels: [n, factors]. folds: int64 [n], from 0.
    """

    codes: Array
    levels: Levels
    folds: Levels
    asked: Array
    n_levels: tuple[int, ...]
    seed: int
    device: str

    def shares(self, factor: int) -> Array:
        """How frequent each level of a factor is among the clips: [level], of sum 1."""
        return np.asarray(np.bincount(self.levels[:, factor], minlength=self.n_levels[factor]) / len(self.levels))

    def parts(self, most: int | None = None) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """Fold by fold: which clips to fit on, and which are held back. most: how many, folds being joined."""
        dealt = self.folds if most is None else self.folds % most
        for fold in np.unique(dealt):
            yield dealt != fold, dealt == fold


@dataclass(frozen=True)
class Expert:
    """What one kind of probe says of one factor, with the settings that clips held back chose.

    held: float64 [n, level], each clip answered by a probe that had not seen its combination of levels.
    asked: float64 [m, level]. Rows of both sum to 1, and nothing is 0.
    """

    kind: str
    held: Array
    asked: Array


def floored(raw: Array, shares: Array) -> Array:
    """Probabilities [..., level] with a floor under each. shares: [level]."""
    # A level that no clip of the fitted part showed must not cost infinity either.
    return np.asarray((1 - FLOOR) * raw + FLOOR * (0.99 * shares + 0.01 / len(shares)))


def of_level(probabilities: Array, levels: Levels) -> Array:
    """The probability of each clip's own level: [n]. probabilities: [n, level]; levels: [n]."""
    return np.asarray(probabilities[np.arange(len(levels)), levels])


def cross_entropy(probabilities: Array, levels: Levels) -> float:
    """Mean of -ln p(level), in nats. probabilities: [n, level]; levels: [n]."""
    return float(-np.log(of_level(probabilities, levels)).mean())
