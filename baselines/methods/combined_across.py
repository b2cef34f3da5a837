"""Reconstruction with contrast across the blocks alone: private codes do not give shared codes away.

A point of the family of `baselines/combination.py`, after Wilkins et al. 2025 (arXiv 2507.22995): for views x_1, x_2 of
an example, with shared codes s_i and private posteriors q(p_i | x_i), it minimises

    base + across_contrast_weight max(0, log n - InfoNCE(h(p_i), g(s_i)))

in p, where g and h are trained to pick, of the n clips' shared codes, the one that goes with a private code: a lower
bound of the mutual information of the blocks (van den Oord et al. 2018), maximised by a critic and minimised by codes.

The base is that of the whole family, so that members differ in their contrast alone:

    base = mean_i |x_i - decode(s_j, p_i)|^2    j != i: the other view's shared code, one-hot by groups
           + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1)) + independence_weight CKA(s, p)

It asks whether the blocks separate by being pushed apart, where nothing says what belongs in which but the exchange.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class CombinedAcross(Combination):
    """A critic cannot tell which private code goes with which shared code."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        across_contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast across the blocks")
