"""Mutual information gap: whether each factor is in one dimension and in no other.

    MIG = mean over factors k of (I(z_(1); v_k) - I(z_(2); v_k)) / H(v_k)

z_(1) and z_(2) are the dimensions that tell most of v_k, by the histogram of `mutual_information.py`; H is the
factor's entropy. In [0, 1]. 1: each factor is determined by one dimension, and no other knows of it. 0: the two best
dimensions tell the same, or nothing. Chance is near 0: noise reads .001 on 2,000 clips and .005 on 500.

It punishes a factor that is spread over two dimensions: an angle as its cosine and sine reads as low as a bad code. It
cannot see several factors crowded into one dimension, nor how many dimensions are wasted, and falls under a rotation.
Source: Chen et al. 2018, "Isolating sources of disentanglement in VAEs", section 4.
"""

import numpy as np

from benchmark.metrics.dimensions import Array, lead


def mig(information: Array, entropies: Array) -> float:
    """Mutual information gap.

    information: float [d, k], of dimensions and factors, at least 0, from `histogram_information`.
    entropies: float [k], in the same unit, above 0.
    Returns a number in [0, 1]; a second dimension that is not there tells nothing.
    Raises ValueError when an entropy is not above 0 or the shapes do not fit.
    """
    if information.ndim != 2 or entropies.shape != information.shape[1:] or not (entropies > 0).all():
        raise ValueError(f"information {information.shape} and entropies {entropies}; expected [d, k] and k above 0")
    return float(np.mean(lead(information) / entropies))
