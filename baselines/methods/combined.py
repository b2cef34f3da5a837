"""Contrast and reconstruction together: a discrete shared block, a noisy private block, kept apart.

After Wilkins et al. 2025 (arXiv 2507.22995), whose idea it is to join both objectives over a shared and a private
subspace; the terms and their weights are this project's. For views x_1, x_2 of an example, with shared codes s_i and
private posteriors q(p_i | x_i) = N(m_i, v_i), it minimises

    mean_i |x_i - decode(s_j, p_i)|^2           j != i: the other view's shared code, p_i ~ q (Lee & Pavlovic 2021)
    + contrast_weight NT-Xent(s_1, s_2)         Chen et al. 2020, on the softmax that s is the argmax of
    + swap_weight InfoNCE(p, y)                 van den Oord et al. 2018: of the swaps y_k = decode(s'_k, p_k), with the
                                                shared codes s' of other examples, find one's own by q(p_i | y_k)
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

The swaps are where the two objectives need each other: reconstruction makes, of any clip, one that differs in what is
shared alone; contrast then asks that the private block tell clips apart and not see that difference. (Cycle-consistent
autoencoders, Jha et al. 2018, also encode their swaps again, and ask for the same code rather than for a contrast.)
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
from baselines.losses import gaussian_info_nce, kl_standard_normal, nt_xent, sample_gaussian
from baselines.networks import Trunk

LOG_VARIANCE = (-10.0, 4.0)  # outside, the exponential leaves float32's comfortable range
REMEMBERED = 2_048  # clips of recent steps that the independence term looks back on
MEMORY = 0.99  # of the running mean of the posterior variance
SWAPS_FROM = 0.2  # share of the training after which swaps are good enough to learn from


class Combined(Method):
    """Exchanged shared code; contrast on it, and on the private code of swaps; a rate and an independence term."""

    family = "combined"

    class Settings(CommonSettings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        learning_rate: float = Field(2e-3, gt=0, le=1, description="peak learning rate of AdamW")
        contrast_weight: float = Field(0.1, ge=0, le=100, description="weight of NT-Xent on the shared block")
        temperature: float = Field(0.1, ge=0.01, le=10, description="temperature of NT-Xent")
        swap_weight: float = Field(0.03, ge=0, le=100, description="weight of InfoNCE on the private code of swaps")
        rate_weight: float = Field(0.003, ge=0, le=10, description="weight of the KL divergence of the private block")
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
        """The terms, on both views at once; the swaps are of one view."""
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
        if self.settings.swap_weight > 0 and batch.progress >= SWAPS_FROM:
            n = views.shape[1]
            terms["swap"] = self._swap_contrast(shared[:n], private[:n])
            loss = loss + self.settings.swap_weight * terms["swap"]
        return {"loss": loss, **terms}

    def _swap_contrast(self, shared: Tensor, private: Tensor) -> Tensor:
        """InfoNCE of private codes against those of the clips' swaps, which are taken as they are: no gradient."""
        with torch.no_grad():
            others = shared[torch.randperm(len(shared), device=shared.device)]
            swaps = self.decoder(torch.cat([others, private], dim=1))
        _, _, mean, log_variance = self._encode(swaps)
        return gaussian_info_nce(private, mean, log_variance)

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
