"""Mutual information between what was measured and the factors that it should not depend on, in bits.

*What is measured*: a clip's own level of the factor, and the reading's deviation from it, rounded to the tolerance: so
the bins are centred on the levels, and an error far under the tolerance cannot cross an edge. That holds at least as
much information as the rounded reading alone; for what is told (timbre, rhythm) it is the level told.

*Bias*: counts of finitely many clips show information that is not there. From the plug-in estimate the mean of
permutations is taken off, in which a factor's levels are exchanged among the clips of one level of the measured factor.
So exchanged, the share of each level stays what it is in the sample, whole grid or not; what is left is what the
deviations tell. Exchanged among all clips, or corrected by counting cells (Miller and Madow), the bias of a whole grid,
where every pair of levels occurs equally often, would be taken for larger than it is, and as much leakage hidden.

0: nothing is told of the factor, which is also chance, give or take the spread of the permutations; at most the entropy
of the factor. The p value is the share of permutations that show as much (1 where all do). It cannot see dependence on
two factors together that neither shows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

N_PERMUTATIONS = 200
MOST_LEVELS, GROUPS = 24, 20  # a factor of more levels than that is read in so many groups


@dataclass(frozen=True)
class Dependence:
    """bits: mutual information less its bias. uncorrected: with it. p: of the permutation test."""

    bits: float
    uncorrected: float
    p: float


def rounded(levels: Integers, deviations: Floats, tolerance: float) -> Integers:
    """What was measured, as numbers of bins: level and rounded deviation; a deviation of NaN has a bin of its own.

    levels: of the measured factor, [n]. deviations, tolerance: in one unit. Returns int64 [n], 0 to bins - 1.
    """
    lost = np.isnan(deviations)
    steps = np.where(lost, 0, np.rint(np.nan_to_num(deviations) / tolerance)).astype(np.int64)
    return np.unique(np.stack([levels, lost, steps], axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def grouped(levels: Integers, n_levels: int) -> Integers:
    """Levels of a factor, neighbours together where there are many: int64 [n] -> int64 [n]."""
    return levels if n_levels <= MOST_LEVELS else levels * GROUPS // n_levels


def larger(one: Dependence, other: Dependence) -> Dependence:
    """The estimate that shows more."""
    return max(one, other, key=lambda dependence: dependence.bits)


def mutual_information(a: Integers, b: Integers) -> float:
    """Plug-in estimate, bits. a, b: whole numbers from 0, [n] each."""
    return _entropy(a) + _entropy(b) - _entropy(a * (b.max() + 1) + b)


def _entropy(codes: Integers) -> float:
    counts = np.bincount(codes)
    shares = counts[counts > 0] / len(codes)
    return float(-(shares * np.log2(shares)).sum())


def dependences(
    measured: Integers,
    own: Integers,
    others: Sequence[Integers],
    rng: np.random.Generator,
    n_permutations: int = N_PERMUTATIONS,
) -> list[Dependence]:
    """How much `measured` tells of each other factor.

    measured: bins, int64 [n]. own: level of the factor that it is a measure of, int64 [n]. others: int64 [n] each.
    """
    estimates = np.array([mutual_information(measured, other) for other in others])
    drawn = np.array([_permuted(measured, own, others, rng) for _ in range(n_permutations)])
    exceeding = (drawn >= estimates - 1e-12).sum(0)
    return [
        Dependence(float(estimate - mean), float(estimate), float((1 + count) / (1 + n_permutations)))
        for estimate, mean, count in zip(estimates, drawn.mean(0), exceeding, strict=True)
    ]


def _permuted(measured: Integers, own: Integers, others: Sequence[Integers], rng: np.random.Generator) -> list[float]:
    """Mutual information with each factor after its levels were exchanged among clips of one level of `own`."""
    order = np.argsort(own, kind="stable")
    shuffled = np.lexsort((rng.random(len(own)), own))
    return [mutual_information(measured[order], other[shuffled]) for other in others]
