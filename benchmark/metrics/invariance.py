"""Invariance of a block to the factors that it does not own.

    ratio = E d2(paired) / E d2(random)

d2 is the squared distance of two clips' codes in one block; paired clips agree on the factors that the block owns and
are independent in the rest, random ones are any two. 0: paired codes coincide. 1, which is chance: pairs are as far
apart as any two clips. Taken by itself collapse wins it: a block that tells one level from all the others is as
"invariant" as one that tells them all. So it is normalised level by level:

    invariance = mean over own factors f, mean over pairs of levels u, v of 1 - W(u, v) / B(u, v), clipped at 0

B(u, v): mean d2 of clips at u and at v that agree on the block's other own factors; W(u, v): mean d2 of clips at u
that agree on every own factor, averaged with that at v. 1: the foreign factors move the block not at all, and each two
levels of an own factor move it. 0, which is chance: they move it as much as its own, or own levels do not move it. A
constant block, or noise, reads 0; one that collapses k levels into one loses those k (k - 1) / 2 pairs.

Distances are taken in whitened codes (on probe clips): no unit, rescaling or rotation inside a block matters, and a
foreign factor at a hundredth of the amplitude counts as much as at full. The price, and its flaw: a direction of pure
noise counts as much as one that holds a factor, so a wide block with idle directions reads low; and copies of an own
factor in further, not linearly dependent directions raise it. It cannot see factors that the block owns being mixed.
Cost: 0.5 s for 2,304 clips. Source: after Plachouras et al. 2025, "Towards a unified representation evaluation
framework beyond downstream tasks", arXiv:2505.06224; the normalisation level by level is this benchmark's.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.checks import checked_codes
from benchmark.metrics.whitening import whitening

Array = NDArray[np.float64]
Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Invariance:
    """invariance: [0, 1], 1 best. ratio: from 0 (best) to about 1 (chance); 1 for a constant block."""

    invariance: float
    ratio: float


def invariance(
    probe_codes: NDArray[np.floating], test_codes: NDArray[np.floating], test_levels: Levels, own: Collection[int]
) -> Invariance:
    """How little a block moves with the factors that it does not own, beside how far its own move it.

    probe_codes, test_codes: finite [clip, d], one block; the probe clips whiten. test_levels: int64 [clip, factor].
    own: columns of the factors that the block owns.
    Raises ValueError for bad codes, or when no two test clips agree on every own factor or on all but one.
    """
    checked_codes("of the block", test_codes, len(test_levels))
    white = whitening(checked_codes("of the block", probe_codes, len(probe_codes)))
    codes, columns = white(test_codes), sorted(own)
    norms = (codes**2).sum(axis=1)
    # Rounding leaves a hair above or below 0 between clips of one code.
    squared = np.maximum(norms[:, None] + norms - 2 * codes @ codes.T, 0.0)
    squared[squared < 1e-9 * max(1, codes.shape[1])] = 0.0
    pairs = np.triu_indices(len(codes), 1)
    alike = {column: (test_levels[:, column, None] == test_levels[:, column])[pairs] for column in columns}
    distances = squared[pairs]
    paired = np.logical_and.reduce(list(alike.values()))
    if not paired.any():
        raise ValueError(f"no two of {len(codes)} test clips agree on the own factors {columns}; add test clips")
    shares = []
    for column in columns:
        others = [alike[other] for other in columns if other != column]
        near = np.logical_and.reduce(others) if others else np.ones(len(distances), bool)
        shares.append(_share(distances, paired, near & ~alike[column], test_levels[:, column], pairs))
    apart = float(distances.mean())
    ratio = float(distances[paired].mean()) / apart if apart > 0 else 1.0
    return Invariance(max(0.0, float(np.mean(shares))), ratio)


def _share(
    distances: Array,
    paired: NDArray[np.bool_],
    apart: NDArray[np.bool_],
    levels: Levels,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> float:
    """Mean over pairs of levels of 1 - W / B. paired, apart: which pairs of clips are in W, and in B."""
    k = int(levels.max()) + 1
    first = levels[pairs[0][paired]]  # and of the second: paired clips agree on it
    counts = np.bincount(first, minlength=k)
    within = np.bincount(first, distances[paired], minlength=k) / np.maximum(counts, 1)
    low, high = np.sort(np.stack([levels[side[apart]] for side in pairs]), axis=0)
    seen = np.bincount(low * k + high, minlength=k * k)
    between = np.bincount(low * k + high, distances[apart], minlength=k * k)
    wanted = [(u, v) for u in range(k) for v in range(u + 1, k) if seen[u * k + v] and counts[u] and counts[v]]
    if not wanted:
        raise ValueError("no two test clips differ in one own factor alone; add test clips")
    u, v = np.array(wanted).T
    far = between[u * k + v] / seen[u * k + v]
    # Nothing moves the block between these two levels: that is collapse, not invariance.
    return float(np.where(far > 0, 1.0 - (within[u] + within[v]) / 2 / np.where(far > 0, far, 1.0), 0.0).mean())
