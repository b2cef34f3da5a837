"""Mixtures of experts: fixed shares for probability forecasts, found on clips that no expert has seen.

    p(level | clip) = sum_e w_e p_e(level | clip),   w >= 0,  sum w = 1,  w = argmax of the mean of ln p(true level)

The objective is concave, and expectation maximisation climbs it: w_e <- mean over clips of w_e p_e / sum w p. A choice
of the best expert jumps where two are nearly as good; these shares move smoothly, and the mixture is on those clips
never worse than the best expert.

It cannot see which expert is right for which clip: the shares are the same for all.
Source: Stone 1961, "The opinion pool" (a linear one); van der Laan et al. 2007, "Super learner" (on held-out answers).
"""

import numpy as np

from benchmark.metrics.problem import Array

STEPS = 500
TOLERANCE = 1e-5  # of a share, in one step: what is left moves the cross-entropy by less than 1e-4 nats


def shares(probabilities: Array) -> Array:
    """Shares of the experts: float64 [expert], of sum 1. Equal experts get equal shares.

    probabilities: [expert, n], over 0, what each expert gave the level that each clip has.
    """
    found = np.full(len(probabilities), 1.0 / len(probabilities))
    for _ in range(STEPS):
        parts = found[:, None] * probabilities
        new = (parts / parts.sum(axis=0)).mean(axis=1)
        moved = float(np.abs(new - found).max())
        found = new
        if moved < TOLERANCE:
            break
    return np.asarray(found / found.sum())
