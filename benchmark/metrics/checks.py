"""What metrics refuse: codes that are no finite numbers, levels out of range. One wording for every metric."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Levels = NDArray[np.int64]


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
