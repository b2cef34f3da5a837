"""Reconstruction with VICReg on the shared block: attraction without negatives.

A point of the family of `baselines/combination.py`, after Bardes et al. 2022 (VICReg) and Wilkins et al. 2025 (arXiv
2507.22995): for views x_1, x_2 of an example, with shared codes s_i of logits l_i, it minimises

    base + contrast_weight [|l_1 - l_2|^2 + variance hinge(l_1, l_2) + covariance(l_1, l_2) / 25]

The base is that of the whole family, so that members differ in their contrast alone:

    base = mean_i |x_i - decode(s_j, p_i)|^2    j != i: the other view's shared code, one-hot by groups
           + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1)) + independence_weight CKA(s, p)

It is `combined_shared` in another form: it asks whether rivals are needed, some of which are false negatives.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination
from baselines.contrast import Form


class VICRegAE(Combination):
    """VICReg on the shared logits; the private block is not contrasted."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        form: Form = Field("vicreg", description="form of the contrast on the shared and on the private block")
        contrast_weight: float = Field(0.3, ge=0, le=100, description="weight of contrast on the shared block")
