"""DMVAE: each view is decoded from its private code with its own, the other's and the joint shared code.

After Lee & Pavlovic 2021. For views x_1, x_2 with private posteriors q(p_i | x_i), shared ones q(s_i | x_i), and their
product with the prior, q(s | x_1, x_2), it minimises a weighted sum of three bounds, v being the decoder's variance:

    mean_i   own_weight   B(x_i, s_i) + cross_weight B(x_i, s_j) + joint_weight B(x_i, s)               j != i

    B(x_i, c) = |x_i - decode(c, p_i)|^2 + (2 v / bins) (beta KL(q(c) || N(0, 1)) + private_beta KL(q(p_i) || N(0, 1)))

The paper has both weights at 1, and private codes of few dimensions: 1 and 4 beside 10 in its code for MNIST and SVHN.
Here blocks are of one width; with equal weights the private one tells all and the shared one collapses, so it is the
private rate that weighs more.
It embeds the means of a clip's own posteriors.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
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
        """The convention of the weights is that of `baselines/variational.py`; bounds together weigh 1."""

        learning_rate: float = Field(5.4e-4, gt=0, le=1, description="peak learning rate of AdamW")
        decoder_variance: float = Field(
            12.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        own_weight: float = Field(1 / 3, ge=0, le=100, description="weight of the bound with one's own shared code")
        cross_weight: float = Field(1 / 3, ge=0, le=100, description="weight of that with the other view's")
        joint_weight: float = Field(1 / 3, ge=0, le=100, description="weight of that with the product of both")
        beta: float = Field(1.1, ge=0, le=1_000, description="weight of the shared code's rate (1 in the paper)")
        private_beta: float = Field(
            1.8, ge=0, le=1_000, description="weight of the private code's rate (1 in the paper)"
        )

        @model_validator(mode="after")
        def _something_to_learn(self) -> Self:
            if not (self.own_weight or self.cross_weight or self.joint_weight):
                raise ValueError("own_weight, cross_weight and joint_weight are 0; expected one of them above it")
            return self

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
        """The bounds that have a weight, of both views."""
        views = batch.views.transpose(0, 1)
        clips, n = views.flatten(0, 1), views.shape[1]
        shared, private = self._posteriors(clips)
        means, log_variances = (part.unflatten(0, (2, n)) for part in shared)
        joint = product_of_experts(means, log_variances, prior=True)
        codes, private_codes = sample_gaussian(*shared), sample_gaussian(*private)
        rate, joint_rate, private_rate = (kl_standard_normal(*posterior) for posterior in (shared, joint, private))
        bounds = {  # the rate of the other views' codes is, in the mean, that of one's own
            "own": (self.settings.own_weight, codes, rate),
            "cross": (self.settings.cross_weight, codes.unflatten(0, (2, n)).flip(0).flatten(0, 1), rate),
            "joint": (self.settings.joint_weight, sample_gaussian(*joint).repeat(2, 1), joint_rate),
        }
        terms, loss = {"private_rate": private_rate, "shared_rate": rate, "joint_rate": joint_rate}, clips.new_zeros(())
        for name, (weight, shared_codes, shared_rate) in bounds.items():
            if weight:
                terms[name] = F.mse_loss(self.decoder(torch.cat([shared_codes, private_codes], dim=1)), clips)
                rates = self.unit * (self.settings.beta * shared_rate + self.settings.private_beta * private_rate)
                loss = loss + weight * (terms[name] + rates)
        return {"loss": loss, **terms}

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
