"""Usable information: the share of a factor's entropy that a probe can take from a code.

    I(f; z) = (H(f) - CE) / H(f), clipped to [0, 1]

CE is the cross-entropy, on test clips, of the probe that held-back probe clips chose; H(f) is the entropy of the
factor's levels among the *test* clips. 1: every level is read, with certainty. 0, which is also chance: reading the
code is no better than knowing how frequent the levels are. Beside it accuracy, in [0, 1], whose chance is the share of
the most frequent level among the test clips (never 0).

It cannot see what the probes cannot learn from the probe clips: it is a lower bound on mutual information, and a factor
keyed by others (a one-time pad) reads 0 although the code determines it. It says nothing of how the factor is laid out.
Source: Xu et al. 2020, "A theory of usable information under computational constraints".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.probes import cross_entropy, predict, whitening

Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """What one input tells of one factor: information and accuracy, in [0, 1], and the kind of probe that won."""

    information: float
    accuracy: float
    probe: str


def usable_information(
    probe_blocks: Mapping[str, NDArray[np.floating]],
    probe_levels: Levels,
    test_blocks: Mapping[str, NDArray[np.floating]],
    test_levels: Levels,
    n_levels: Sequence[int],
    seed: int,
    device: str = "cpu",
) -> list[Reading]:
    """Information and accuracy of each factor from the union of some blocks.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    probe_levels, test_levels: int64 [clip, factor], 0 <= level < n_levels[factor].
    seed: of the held-back split and of the perceptron.
    Each block is whitened before they are joined, so that no block's unit drowns another's.
    Raises ValueError for codes or levels that `checked_codes` and `checked_levels` refuse.
    """
    checked_levels(probe_levels, test_levels, n_levels)
    probe_parts, test_parts = [], []
    for name in probe_blocks:
        probe_codes = checked_codes(name, probe_blocks[name], len(probe_levels))
        test_codes = checked_codes(name, test_blocks[name], len(test_levels))
        if probe_codes.shape[1] != test_codes.shape[1]:
            raise ValueError(
                f"block '{name}' is {probe_codes.shape[1]} wide on probe clips and {test_codes.shape[1]} on test clips"
            )
        white = whitening(probe_codes)
        probe_parts.append(white(probe_codes))
        test_parts.append(white(test_codes))
    joined, test_joined = np.hstack(probe_parts), np.hstack(test_parts)
    white = whitening(joined)
    predictions = predict(white(joined), probe_levels, white(test_joined), n_levels, seed, device)
    return [_reading(p.probabilities, test_levels[:, i], p.kind) for i, p in enumerate(predictions)]


def chance(levels: Levels) -> float:
    """Share of the most frequent level among clips: the accuracy of a probe that sees nothing. levels: int [n]."""
    return float(np.bincount(levels).max() / len(levels))


def entropy(levels: Levels) -> float:
    """Entropy of the levels' frequencies, in nats. levels: int [n]."""
    shares = np.bincount(levels) / len(levels)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _reading(probabilities: NDArray[np.float64], levels: Levels, kind: str) -> Reading:
    information = 1.0 - cross_entropy(probabilities, levels) / entropy(levels)
    accuracy = float((probabilities.argmax(axis=1) == levels).mean())
    return Reading(float(np.clip(information, 0.0, 1.0)), accuracy, kind)


def checked_codes(name: str, codes: ArrayLike, n_clips: int) -> NDArray[np.floating]:
    """The codes of a block, if they are finite real numbers [n_clips, d].

    Raises ValueError naming the block and its first bad row.
    """
    try:
        array = np.asarray(codes)
    except ValueError as error:
        rows: Any = codes
        odd = next(i for i, row in enumerate(rows) if np.shape(row) != np.shape(rows[0]))
        raise ValueError(
            f"block '{name}': rows of different lengths; row {odd} is unlike row 0; expected numbers [{n_clips}, d]"
        ) from error
    if array.ndim != 2:
        raise ValueError(f"block '{name}' has shape {array.shape}, so row 0 is no vector; expected [{n_clips}, d]")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"block '{name}' holds {array.dtype}: {_first_unreadable(array)}; expected real numbers")
    if len(array) != n_clips:
        raise ValueError(
            f"block '{name}' has {len(array)} rows for {n_clips} clips, so row {min(len(array), n_clips)} has no "
            "partner; expected one row a clip"
        )
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise ValueError(f"block '{name}': row {bad[0]} holds NaN or infinity; expected finite numbers")
    return array


def _first_unreadable(array: NDArray[np.generic]) -> str:
    for i, row in enumerate(array):
        for value in row:
            if isinstance(value, bool | int | float | np.floating | np.integer):
                continue
            return f"row {i} has {value!r}"
    return "row 0 is of Python objects"


def checked_levels(probe_levels: Levels, test_levels: Levels, n_levels: Sequence[int]) -> None:
    """Raises ValueError unless levels are whole, in range, vary on test clips, and were all shown on probe clips."""
    for role, levels in (("probe", probe_levels), ("test", test_levels)):
        if levels.ndim != 2 or levels.shape[1] != len(n_levels) or levels.dtype.kind not in "iu" or not len(levels):
            raise ValueError(f"{role} levels are {levels.dtype} {levels.shape}; expected int64 [clip, {len(n_levels)}]")
        bad = np.flatnonzero(((levels < 0) | (levels >= np.asarray(n_levels))).any(axis=1))
        if bad.size:
            raise ValueError(f"{role} levels of row {bad[0]} are {levels[bad[0]]}; expected 0 to below {n_levels}")
    for factor in range(len(n_levels)):
        unseen = np.setdiff1d(test_levels[:, factor], probe_levels[:, factor])
        if unseen.size:
            raise ValueError(
                f"factor {factor}: level {unseen[0]} is tested but no probe clip shows it; add probe clips"
            )
        if (test_levels[:, factor] == test_levels[0, factor]).all():
            raise ValueError(f"factor {factor} has one level among the test clips, so no entropy; add test clips")
