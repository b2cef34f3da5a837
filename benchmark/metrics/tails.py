"""Heavy tails: a second view of codes whose scale some clips own, so that what the other clips hold can be read.

Whitening scales by deviations. One clip in a hundred, a million times as large as the others, leaves of these a
millionth part, which no probe reads. So a code in which some clip lies over 30 times as far out as the median clip, or
some direction spreads over 30 times as wide over all clips as over an inner quarter, is seen a second time:

    1. columns, less their median, are scaled by the shortest interval that holds a quarter of the clips;
    2. lengths r, in median lengths, are bent over 3 to 3 (2 - 3 / r), under 6; directions stay; the clips are whitened;
    3. they are whitened once more, by the mean and covariance of an inner quarter of them, which C-steps find (again
       and again the clips nearest to the last ones, by Mahalanobis distance); and lengths are bent once more.

Both views are probed, and the mixture of both is what is read: who sees the second could always look at the first.
Other codes have no second view, and their scores cost nothing more.

What it cannot see: scales that change from clip to clip, where no half of the clips shares one; what is fainter than a
millionth of what lies beside it; some of what is faint in one direction alone. See `tests/test_attacks_that_pay.py`.
Source: Rousseeuw & Van Driessen 1999, "A fast algorithm for the minimum covariance determinant estimator" (C-steps);
Locantore et al. 1999, "Robust principal component analysis for functional data" (length bent, direction kept).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.whitening import LEAST_VARIANCE, Whitening, whitening

Array = NDArray[np.float64]
Codes = Mapping[str, NDArray[np.floating]]

# Up to a copy thirty times as large on one clip in a hundred, or in ten, the probes read it as if it were not.
HEAVY = 30.0
BEND = 3.0
INNER = 0.25
# Of a column in which a quarter of the clips have one value, as of sparse codes, more is looked at.
SHARES = (INNER, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
STEPS = 30  # C-steps at most; two to twenty are needed


@dataclass(frozen=True)
class Taming:
    """The second view of one block, and whether it needs one.

    centre, spread: [d], of the columns; unit: the median length. white: of what is bent once.
    inner, inner_unit: of the quarter within.
    """

    centre: Array
    spread: Array
    unit: float
    white: Whitening
    inner: Whitening
    inner_unit: float
    heavy: bool

    def __call__(self, codes: NDArray[np.floating]) -> Array:
        """Codes [n, d] as float64 [n, kept]."""
        columns = (codes.astype(np.float64) - self.centre) / self.spread
        return _bent(self.inner(self.white(_bent(columns, self.unit))), self.inner_unit)


def second_view(probe_blocks: Codes, test_blocks: Codes) -> tuple[Array, Array] | None:
    """Blocks tamed one by one, joined, and whitened: [clip, kept] of both roles. None, where no block is heavy.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    """
    tamings = {block: taming(codes) for block, codes in probe_blocks.items()}
    if not any(one.heavy for one in tamings.values()):
        return None
    probe, test = (
        np.hstack([tamings[block](codes[block]) for block in tamings]) for codes in (probe_blocks, test_blocks)
    )
    white = whitening(probe)
    return white(probe), white(test)


def taming(codes: NDArray[np.floating]) -> Taming:
    """The second view of one block's codes, [n, d], finite."""
    values = codes.astype(np.float64)
    centre = np.median(values, axis=0)
    spread = _spread(values - centre)
    columns = (values - centre) / spread
    lengths = np.linalg.norm(columns, axis=1)
    unit = float(np.median(lengths)) or 1.0
    bent = _bent(columns, unit)
    white = whitening(bent)
    mean, variances, directions = _inner(white(bent))
    # A direction in which the inner quarter is a point has nothing to enlarge, and keeps the spread of all clips.
    found = np.where(variances > LEAST_VARIANCE, variances, 1.0)
    inner = Whitening(mean, directions / np.sqrt(found))
    heavy = bool(lengths.max(initial=0.0) > HEAVY * unit or (found < HEAVY**-2).any())
    inner_unit = float(np.median(np.linalg.norm(inner(white(bent)), axis=1))) or 1.0
    return Taming(centre, spread, unit, white, inner, inner_unit, heavy)


def _spread(centred: Array) -> Array:
    """Of each column [n, d]: the shortest interval that holds a quarter of the clips, or else more, or else 1."""
    ordered = np.sort(centred, axis=0)
    found = np.zeros(centred.shape[1])
    for share in SHARES:
        count = math.ceil(share * len(ordered))
        shortest = (ordered[count - 1 :] - ordered[: len(ordered) - count + 1]).min(axis=0)
        found = np.where(found > 0, found, shortest)
    return np.where(found > 0, found, 1.0)


def _bent(codes: Array, unit: float) -> Array:
    """Codes [n, d], their lengths, in units, bent from BEND on."""
    long = np.maximum(np.linalg.norm(codes, axis=1, keepdims=True) / unit, BEND)
    return np.asarray(codes * (BEND * (2 - BEND / long) / long))


def _inner(codes: Array) -> tuple[Array, Array, Array]:
    """Mean [d], variances [d] and directions [d, d] of the quarter of the codes [n, d] that C-steps end with."""
    rows, seen = np.arange(len(codes)), set()
    for _ in range(STEPS):
        mean = codes[rows].mean(axis=0)
        centred = codes[rows] - mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(rows))
        far = (((codes - mean) @ directions) ** 2 / np.maximum(variances, LEAST_VARIANCE)).sum(axis=1)
        rows = np.sort(np.argsort(far, kind="stable")[: math.ceil(INNER * len(codes))])
        if rows.tobytes() in seen:
            break
        seen.add(rows.tobytes())
    return mean, variances, directions
