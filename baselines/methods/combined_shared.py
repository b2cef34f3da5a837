"""Reconstruction with contrast on the shared block alone: the views of an example attract.

A point of the family of `baselines/combination.py`, after Wilkins et al. 2025 (arXiv 2507.22995): for views x_1, x_2 of
an example, with shared codes s_i and private posteriors q(p_i | x_i), it minimises

    base + contrast_weight NT-Xent(s_1, s_2)    Chen et al. 2020, on the softmax that s is the argmax of

The base is that of the whole family, so that members differ in their contrast alone:

    base = mean_i |x_i - decode(s_j, p_i)|^2    j != i: the other view's shared code, one-hot by groups
           + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1)) + independence_weight CKA(s, p)

It asks whether attracting what is shared is enough for the rest to stay out of it.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class CombinedShared(Combination):
    """The shared block attracts pairs; the private block is not contrasted."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast on the shared block")
