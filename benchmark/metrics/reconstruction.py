"""Reconstruction: how much of the features' variance a decoder gives back.

R2 = 1 - SSE / SST over all clips and bins; SST is around the mean *of the test features* in each bin.
1: exact. 0, which is chance: no better than always answering with the test features' own mean. Negative, without bound:
worse than that mean.

It cannot see what is loud from what is heard: a bin counts by its variance, so a factor that moves little energy
(a soft partial, the last of a decay) can be lost at an R2 near 1. Read usable information for factors.
"""

import numpy as np
from numpy.typing import ArrayLike


def r2(decoded: ArrayLike, features: ArrayLike) -> float:
    """Share of the test features' variance that the decoded features explain.

    decoded, features: [clip, ...], one shape, any unit; the axes after the first are bins.
    Returns a number up to 1; 0 is the mean spectrum, negative is worse.
    Raises ValueError when shapes differ, a value is not finite, or the features never vary.
    """
    predicted, true = np.asarray(decoded, dtype=np.float64), np.asarray(features, dtype=np.float64)
    if predicted.shape != true.shape or true.ndim < 2:
        raise ValueError(f"decoded {predicted.shape} and features {true.shape}; expected one shape, [clip, ...bins]")
    for name, values in (("decoded", predicted), ("true", true)):
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if bad.size:
            raise ValueError(f"{name} features of clip {bad[0]} hold NaN or infinity; expected finite numbers")
    if not len(true) or (true == true[:1]).all():
        raise ValueError(f"{len(true)} clips whose features never vary; R2 needs features that do")
    return float(1.0 - np.sum((predicted - true) ** 2) / np.sum((true - true.mean(axis=0)) ** 2))
