"""What every kind of probe is asked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
Setting = tuple[float, ...]
# What is still wanted of a kind: factor -> the one setting to fit, or every setting where that is None.
Wanted = dict[int, Setting | None]
# (factor, setting, probabilities [clip, level])
Outcome = tuple[int, Setting, Array]


@dataclass(frozen=True)
class Problem:
    """Clips to fit on (codes, levels) and clips to answer for (asked)."""

    codes: Array
    levels: Levels
    asked: Array
    n_levels: tuple[int, ...]
    seed: int
    device: str
