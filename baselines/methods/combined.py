"""Contrast and reconstruction together: a discrete shared block, a noisy private block, kept apart.

After Wilkins et al. 2025 (arXiv 2507.22995), whose idea it is to join both objectives over a shared and a private
subspace; the terms and their weights are this project's. For views x_1, x_2 of an example, with shared codes s_i and
private posteriors q(p_i | x_i) = N(m_i, v_i), it minimises

    mean_i |x_i - decode(s_j, p_i)|^2           j != i: the other view's shared code, p_i ~ q (Lee & Pavlovic 2021)
    + contrast_weight NT-Xent(s_1, s_2)         Chen et al. 2020, on the softmax that s is the argmax of
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

s is one-hot by groups; the embedding of the private block is m, rounded to what the decoder can read.
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
from baselines.losses import kl_standard_normal, nt_xent, sample_gaussian
from baselines.networks import Trunk

LOG_VARIANCE = (-10.0, 4.0)  # outside, the exponential leaves float32's comfortable range
REMEMBERED = 2_048  # clips of recent steps that the independence term looks back on
MEMORY = 0.99  # of the running mean of the posterior variance


class Combined(Method):
    """Exchanged shared code, NT-Xent on it, a rate and an independence term on the private block."""

    family = "combined"

    class Settings(CommonSettings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        learning_rate: float = Field(1e-3, gt=0, le=1, description="peak learning rate of AdamW")
        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of NT-Xent on the shared block")
        temperature: float = Field(0.1, ge=0.01, le=10, description="temperature of NT-Xent")
        rate_weight: float = Field(0.01, ge=0, le=10, description="weight of the KL divergence of the private block")
        independence_weight: float = Field(1.0, ge=0, le=100, description="weight of CKA between the blocks")
        shared_groups: int = Field(4, ge=1, le=128, description="groups of the one-hot shared code")
        resolution: float = Field(3.0, gt=0, le=10, description="rounding step, in posterior standard deviations")

        @model_validator(mode="after")
        def _whole_groups(self) -> Self:
            if self.block_dims % self.shared_groups:
                raise ValueError(
                    f"shared_groups is {self.shared_groups}; expected a divisor of block_dims, {self.block_dims}"
                )
            return self

    settings: Settings
    spread: Tensor

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        dims = settings.block_dims
        self.encoder = trunk.encoder(3 * dims)  # shared logits, private mean, private log-variance
        self.decoder = trunk.decoder(2 * dims)
        self.independence = Independence(dims, dims, REMEMBERED)
        self.register_buffer("spread", torch.ones(dims))  # mean posterior variance of each private dimension

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The four terms, on both views at once."""
        views = batch.views.transpose(0, 1)  # [view, example, frame, mel]
        shared, soft, mean, log_variance = self._encode(views.flatten(0, 1))
        private = sample_gaussian(mean, log_variance)
        self.spread.lerp_(log_variance.detach().exp().mean(0), 1 - MEMORY)
        exchanged = shared.unflatten(0, views.shape[:2]).flip(0).flatten(0, 1)
        decoded = self.decoder(torch.cat([exchanged, private], dim=1))
        terms = {
            "reconstruction": F.mse_loss(decoded, views.flatten(0, 1)),
            "contrast": nt_xent(soft.unflatten(0, views.shape[:2]), self.settings.temperature),
            "rate": kl_standard_normal(mean, log_variance),
            "independence": self.independence(shared.detach(), private),
        }
        loss = (
            terms["reconstruction"]
            + self.settings.contrast_weight * terms["contrast"]
            + self.settings.rate_weight * terms["rate"]
            + self.settings.independence_weight * terms["independence"]
        )
        return {"loss": loss, **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """Shared: one-hot by groups. Private: the posterior's mean, rounded."""
        shared, _, mean, _ = self._encode(inputs)
        return {self.shared: shared, self.private: rounded(mean, self.settings.resolution * self.spread.sqrt())}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code."""
        return self.decoder(torch.cat([blocks[self.shared], blocks[self.private]], dim=1))

    def _encode(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Shared code, its softmax, private mean and log-variance, each [n, block_dims]."""
        logits, mean, log_variance = self.encoder(inputs).float().chunk(3, dim=1)
        shared, soft = one_hot_groups(logits, self.settings.shared_groups)
        return shared, soft, mean, log_variance.clamp(*LOG_VARIANCE)
