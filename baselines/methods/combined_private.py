"""Reconstruction with contrast on the private block alone: it tells clips apart.

A point of the family of `baselines/combination.py`, after Wilkins et al. 2025 (arXiv 2507.22995): for views x_1, x_2 of
an example, with shared codes s_i and private posteriors q(p_i | x_i), it minimises

    base + private_contrast_weight NT-Xent(p, p')   Chen et al. 2020: two samples p_i, p'_i of each clip's posterior
                                                    attract; all other clips are rivals, the other view too

The base is that of the whole family, so that members differ in their contrast alone:

    base = mean_i |x_i - decode(s_j, p_i)|^2    j != i: the other view's shared code, one-hot by groups
           + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1)) + independence_weight CKA(s, p)

It asks whether telling clips apart keeps more of them, and whether what tells them apart is then what is not shared.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class CombinedPrivate(Combination):
    """The private block tells clips apart; the shared block is not contrasted."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        # Low: ten times more takes what is shared into the private block, for it tells clips apart as well as the rest.
        private_contrast_weight: float = Field(
            0.003, ge=0, le=100, description="weight of contrast on the private block"
        )
