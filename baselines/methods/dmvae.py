"""DMVAE: each view is decoded from its private code with its own, the other's and the joint shared code.

After Lee & Pavlovic 2021. For views x_1, x_2 with private codes p_i, shared codes s_i from each view's posterior and s
from their product, and a Gaussian decoder of variance v, it minimises

    mean_i (own_weight |x_i - decode(s_i, p_i)|^2 + cross_weight |x_i - decode(s_j, p_i)|^2
            + joint_weight |x_i - decode(s, p_i)|^2)                                            j != i
    + (2 v / bins) beta mean_i (KL(q(p_i | x_i)) + KL(q(s | x_i)))                              from N(0, 1)

It embeds the means of a clip's own posteriors.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.networks import Trunk
from baselines.variational import moments, product_of_experts, rate_unit


class DMVAE(Method):
    """Cross-reconstruction with continuous codes."""

    family = "reconstructive"

    class Settings(CommonSettings):
        """The convention of the weights is that of `baselines/variational.py`; errors together weigh 1."""

        decoder_variance: float = Field(
            1.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        own_weight: float = Field(1 / 3, ge=0, le=100, description="weight of the error from one's own shared code")
        cross_weight: float = Field(1 / 3, ge=0, le=100, description="weight of that from the other view's")
        joint_weight: float = Field(1 / 3, ge=0, le=100, description="weight of that from the product of both")
        beta: float = Field(1.0, ge=0, le=1_000, description="weight of the rates")

    settings: Settings

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It joins what two views share, in two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        dims = settings.block_dims
        self.encoder, self.decoder = trunk.encoder(4 * dims), trunk.decoder(2 * dims)
        self.unit = rate_unit(settings.decoder_variance, trunk.n_frames * trunk.n_mels)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The errors that have a weight, and the rate, of both views."""
        views = batch.views.transpose(0, 1)
        clips, n = views.flatten(0, 1), views.shape[1]
        shared, private = self._posteriors(clips)
        codes, private_codes = sample_gaussian(*shared), sample_gaussian(*private)
        told = {
            "own": codes,
            "cross": codes.unflatten(0, (2, n)).flip(0).flatten(0, 1),
            "joint": sample_gaussian(*product_of_experts(*(part.unflatten(0, (2, n)) for part in shared))).repeat(2, 1),
        }
        weights = {name: getattr(self.settings, f"{name}_weight") for name in told}
        terms = {
            name: F.mse_loss(self.decoder(torch.cat([one, private_codes], dim=1)), clips)
            for name, one in told.items()
            if weights[name]
        }
        rate = kl_standard_normal(*shared) + kl_standard_normal(*private)
        loss = sum((weights[name] * term for name, term in terms.items()), self.unit * self.settings.beta * rate)
        return {"loss": loss, **terms, "rate": rate}

    def embed(self, inputs: Tensor) -> Blocks:
        """Means of the clip's own posteriors."""
        shared, private = self._posteriors(inputs)
        return {self.shared: shared[0], self.private: private[0]}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code."""
        return self.decoder(torch.cat([blocks[self.shared], blocks[self.private]], dim=1))

    def _posteriors(self, inputs: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Mean and log-variance, of the shared and of the private posterior, [n, block_dims] each."""
        shared, private = self.encoder(inputs).chunk(2, dim=1)
        return moments(shared), moments(private)
