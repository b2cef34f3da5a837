"""Reconstruction with all three contrasts: on the shared block, on the private block, and across them.

A point of the family of `baselines/combination.py`, after Wilkins et al. 2025 (arXiv 2507.22995). It minimises

    base + contrast_weight NT-Xent(s_1, s_2)        as `combined_shared`
         + private_contrast_weight NT-Xent(p, p')   as `combined_private`
         + across_contrast_weight max(0, log n - InfoNCE(h(p_i), g(s_i)))   as `combined_across`

The base is that of the whole family, so that members differ in their contrast alone:

    base = mean_i |x_i - decode(s_j, p_i)|^2    j != i: the other view's shared code, one-hot by groups
           + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1)) + independence_weight CKA(s, p)

It asks whether the strategies complete each other or get in each other's way; it has each at the weight that it has
alone.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class CombinedAll(Combination):
    """Pairs attract in the shared block, clips are told apart in the private one, and neither gives the other away."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast on the shared block")
        private_contrast_weight: float = Field(
            0.003, ge=0, le=100, description="weight of contrast on the private block"
        )
        across_contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast across the blocks")
