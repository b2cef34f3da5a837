"""Modularity: whether each dimension tells of one factor alone.

    modularity = mean over dimensions j of 1 - sum over k other than k* of I(z_j; v_k)^2 / (I(z_j; v_k*)^2 (K - 1))

k* is the factor that z_j tells most of, by the histogram of `mutual_information.py`; K is the number of factors; a
dimension that tells nothing at all counts 0. In [0, 1]. 1: every dimension tells of one factor. 0: of all alike.

Chance is not 0 but about .75: noise seems to tell more of a factor of many levels than of one of few, and the squares
make much of that. So a nearly empty code reads high: never read it without explicitness. It cannot see a factor that is
in no dimension, or in every one of several copies, and falls under a rotation.
Source: Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the F-statistic loss", section 3.
"""

import numpy as np

from benchmark.metrics.dimensions import Array


def modularity(information: Array) -> float:
    """Modularity of a code.

    information: float [d, k], of dimensions and factors, at least 0, from `histogram_information`.
    Returns a number in [0, 1]; 0 where there is no dimension, or one factor only, which has no others.
    """
    d, k = information.shape
    if d == 0 or k < 2:
        return 0.0
    largest = information.max(axis=1, keepdims=True)
    relative = np.divide(information, largest, out=np.ones_like(information), where=largest > 0)
    return float(np.mean(1.0 - (np.square(relative).sum(axis=1) - 1.0) / (k - 1)))
