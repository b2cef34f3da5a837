"""Reconstruction alone: every view from its own private and the other view's shared code; no contrast.

After DMVAE (Lee & Pavlovic 2021), with `combined`'s blocks. For views x_1, x_2 of an example, with shared codes s_i and
private posteriors q(p_i | x_i) = N(m_i, v_i), it minimises

    mean_i |x_i - decode(s_j, p_i)|^2           j != i: the other view's shared code, p_i ~ q
    + own_weight mean_i |x_i - decode(s_i, p_i)|^2
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

It has `combined`'s terms but the contrastive one, and settings of its own.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from baselines.codes import one_hot_groups, rounded
from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.independence import Independence
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.networks import Trunk
from baselines.variational import LOG_VARIANCE

REMEMBERED = 2_048  # clips of recent steps that the independence term looks back on
MEMORY = 0.99  # of the running mean of the posterior variance


class Reconstructive(Method):
    """Exchanged and own shared code, a rate and an independence term on the private block."""

    family = "reconstructive"

    class Settings(CommonSettings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        learning_rate: float = Field(3.8e-3, gt=0, le=1, description="peak learning rate of AdamW")
        own_weight: float = Field(0.0, ge=0, le=100, description="weight of reconstruction from one's own shared code")
        rate_weight: float = Field(0.0038, ge=0, le=10, description="weight of the KL divergence of the private block")
        independence_weight: float = Field(0.56, ge=0, le=100, description="weight of CKA between the blocks")
        shared_groups: int = Field(4, ge=1, le=128, description="groups of the one-hot shared code")
        resolution: float = Field(2.3, gt=0, le=10, description="rounding step, in posterior standard deviations")

        @model_validator(mode="after")
        def _whole_groups(self) -> Self:
            if self.block_dims % self.shared_groups:
                raise ValueError(
                    f"shared_groups is {self.shared_groups}; expected a divisor of block_dims, {self.block_dims}"
                )
            return self

    settings: Settings
    spread: Tensor

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It exchanges the shared codes of two views, between two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        dims = settings.block_dims
        self.encoder = trunk.encoder(3 * dims)  # shared logits, private mean, private log-variance
        self.decoder = trunk.decoder(2 * dims)
        self.independence = Independence(dims, dims, REMEMBERED)
        self.register_buffer("spread", torch.ones(dims))  # mean posterior variance of each private dimension

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The terms, on both views at once."""
        views = batch.views.transpose(0, 1)  # [view, example, frame, mel]
        clips = views.flatten(0, 1)
        shared, mean, log_variance = self._encode(clips)
        private = sample_gaussian(mean, log_variance)
        self.spread.lerp_(log_variance.detach().exp().mean(0), 1 - MEMORY)
        exchanged = shared.unflatten(0, views.shape[:2]).flip(0).flatten(0, 1)
        terms = {
            "exchanged": F.mse_loss(self.decoder(torch.cat([exchanged, private], dim=1)), clips),
            "rate": kl_standard_normal(mean, log_variance),
            "independence": self.independence(shared.detach(), private),
        }
        if self.settings.own_weight > 0:
            terms["own"] = F.mse_loss(self.decoder(torch.cat([shared, private], dim=1)), clips)
        loss = (
            terms["exchanged"]
            + self.settings.own_weight * terms.get("own", 0.0)
            + self.settings.rate_weight * terms["rate"]
            + self.settings.independence_weight * terms["independence"]
        )
        return {"loss": loss, **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """Shared: one-hot by groups. Private: the posterior's mean, rounded."""
        shared, mean, _ = self._encode(inputs)
        return {self.shared: shared, self.private: rounded(mean, self.settings.resolution * self.spread.sqrt())}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code."""
        return self.decoder(torch.cat([blocks[self.shared], blocks[self.private]], dim=1))

    def _encode(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shared code, private mean and log-variance, each [n, block_dims]."""
        logits, mean, log_variance = self.encoder(inputs).float().chunk(3, dim=1)
        shared, _ = one_hot_groups(logits, self.settings.shared_groups)
        return shared, mean, log_variance.clamp(*LOG_VARIANCE)
