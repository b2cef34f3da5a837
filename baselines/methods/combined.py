"""Contrast and reconstruction together: a discrete shared block, a noisy private block, kept apart.

After Wilkins et al. 2025 (arXiv 2507.22995), whose idea it is to join both objectives over a shared and a private
subspace; the terms and their weights are this project's, and this is the best point of its family that was found. For
views x_1, x_2 of an example, with shared codes s_i and private posteriors q(p_i | x_i) = N(m_i, v_i), it minimises

    mean_i |x_i - decode(s_j, p_i)|^2           j != i: the other view's shared code, p_i ~ q (Lee & Pavlovic 2021)
    + contrast_weight NT-Xent(s_1, s_2)         Chen et al. 2020, on the softmax that s is the argmax of
    + swap_weight InfoNCE(p, y)                 van den Oord et al. 2018: of the swaps y_k = decode(s'_k, p_k), with the
                                                shared codes s' of other examples, find one's own by q(p_i | y_k)
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

The swaps are where the two objectives need each other: reconstruction makes, of any clip, one that differs in what is
shared alone; contrast then asks that the private block tell clips apart and not see that difference. (Cycle-consistent
autoencoders, Jha et al. 2018, also encode their swaps again, and ask for the same code rather than for a contrast.)
s is one-hot by groups; the embedding of the private block is m, rounded to what the decoder can read. The other terms
of the family (`baselines/combination.py`) have the weight 0.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class Combined(Combination):
    """Exchanged shared code; contrast on it, and on the private code of swaps; a rate and an independence term."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast on the shared block")
        swap_weight: float = Field(0.03, ge=0, le=100, description="weight of InfoNCE on the private code of swaps")
