"""What every per-dimension metric is asked: codes whose dimensions are judged one by one, and levels of factors."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.checks import checked_codes, checked_levels

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
# A test clip is brought this near, in standard deviations, so that classifiers can square what they see in float32.
FARTHEST = 1e9


def checked(codes: ArrayLike, factors: Levels) -> Array:
    """Codes as float64 [n, d], each dimension in a unit of its own: the power of two that brings it to at most 1.

    No metric here depends on the unit, huge and tiny values stay clear of overflow, and a power of two rounds nothing.
    factors: int64 [n, k], levels from 0.
    Raises ValueError for codes that are not finite numbers [n, d], and for a factor without two levels among the clips.
    """
    checked_levels(factors, factors, factors.max(axis=0, initial=0) + 1 if factors.ndim == 2 else ())
    values = np.asarray(checked_codes("code", codes, len(factors)), dtype=np.float64)
    return np.ldexp(values, -_units(values))


def checked_pair(
    train_codes: ArrayLike, train_factors: Levels, test_codes: ArrayLike, test_factors: Levels
) -> tuple[Array, Array]:
    """Train and test codes as float64 [n, d], in their own units.

    Raises ValueError as `checked` does, and when widths differ or a test level was never shown on train clips.
    """
    checked(test_codes, test_factors)
    if train_factors.ndim != 2 or train_factors.shape[1] != test_factors.shape[1]:
        raise ValueError(
            f"train levels are {train_factors.shape} and test levels {test_factors.shape}; expected [n, k]"
        )
    n_levels = np.maximum(train_factors.max(axis=0, initial=0), test_factors.max(axis=0)) + 1
    checked_levels(train_factors, test_factors, n_levels)
    train = np.asarray(checked_codes("code", train_codes, len(train_factors)), dtype=np.float64)
    test = np.asarray(test_codes, dtype=np.float64)
    if train.shape[1] != test.shape[1]:
        raise ValueError(f"block 'code' is {train.shape[1]} wide on train clips and {test.shape[1]} on test clips")
    return train, test


def standardised(train: Array, test: Array) -> tuple[Array, Array]:
    """Each dimension with mean 0 and variance 1 on train clips. train: [n, d]; test: [m, d], both finite.

    A dimension that is constant on train clips, to float32's rounding, is 0 throughout.
    """
    units = _units(train)
    scaled = np.ldexp(train, -units)
    varies = varying(scaled)
    mean, scale = scaled.mean(axis=0), np.where(varies, scaled.std(axis=0), 1.0)
    with np.errstate(over="ignore"):
        parts = [(np.ldexp(values, -units) - mean) / scale for values in (train, test)]
    first, second = (np.where(varies, np.clip(part, -FARTHEST, FARTHEST), 0.0) for part in parts)
    return first, second


def _units(values: Array) -> NDArray[np.intc]:
    return np.asarray(np.frexp(np.abs(values).max(axis=0))[1])


def varying(codes: Array) -> NDArray[np.bool_]:
    """Which dimensions vary by more than float32's rounding of their values. codes: [n, d]. Returns [d]."""
    return np.ptp(codes, axis=0) > np.finfo(np.float32).eps * np.abs(codes).max(axis=0)


def share_of_largest(values: Array, axis: int) -> float:
    """How much of each line along an axis its largest value holds: mean of (max / sum - 1/K) / (1 - 1/K) over lines.

    values: at least 0, [lines, K] for axis 1, [K, lines] for axis 0. A line of zeros counts 0.
    Returns a number in [0, 1]: 1 where each line has one value, 0 where all are alike. 0 where K < 2 or without lines,
    for there is nothing to be alone among.
    """
    length = values.shape[axis]
    if length < 2 or values.shape[1 - axis] == 0:
        return 0.0
    totals = values.sum(axis=axis)
    shares = np.divide(values.max(axis=axis), totals, out=np.full(len(totals), 1 / length), where=totals > 0)
    return float(np.clip((shares.mean() - 1 / length) / (1 - 1 / length), 0.0, 1.0))


def lead(scores: Array) -> Array:
    """How far the best dimension is ahead of the second, for each factor. scores: at least 0, [d, k]. Returns [k].

    A code of one dimension leads a dimension that holds nothing; a code of none leads by 0.
    """
    padded = np.vstack([np.zeros((2, scores.shape[1])), scores])
    first_two = np.sort(padded, axis=0)[-2:]
    return np.asarray(first_two[1] - first_two[0])
