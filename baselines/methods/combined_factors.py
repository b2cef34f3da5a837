"""Contrast and reconstruction with several shared blocks, one a pairing, beside a private block.

`combined` (after Wilkins et al. 2025, arXiv 2507.22995) where views agree now on one thing, now on another: a batch is
of one pairing k, whose block s^k its views share; they are independent in all else. It minimises

    mean_i |x_i - decode(s^k_j, {s^l_i: l != k}, p_i)|^2    j != i: of the paired block alone the other view's code
    + contrast_weight NT-Xent(s^k_1, s^k_2)                 as `combined`, on the paired block
    + swap_weight InfoNCE(p, y)                             as `combined`; a swap has all shared codes of another clip
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight sum_l CKA(s^l, p)                 gradient to p alone

What a pairing's views do not share is kept out of its block by the exchange, other shared blocks' content too; the
independence term keeps what is in any shared block out of the private one. With one pairing it is `combined`.
"""

from __future__ import annotations

from pydantic import Field

from baselines.combination import Combination


class CombinedFactors(Combination):
    """A block for each pairing: exchange and contrast act on that of the batch, the other terms on all."""

    class Settings(Combination.Settings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of contrast on the shared block")
        swap_weight: float = Field(0.03, ge=0, le=100, description="weight of InfoNCE on the private code of swaps")

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It exchanges the codes of two views in one shared block or several, beside a private one."""
        able = len(blocks) >= 2 and views == 2
        return None if able else f"it takes 2 blocks or more and 2 views, not {len(blocks)} and {views}"
