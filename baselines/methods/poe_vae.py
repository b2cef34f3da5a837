"""Product-of-experts VAE: one shared posterior from both views, a private one from each; the forerunner's.

After arXiv 2411.02711 (Wilkins et al. 2024). For views x_1, x_2 with private posteriors q(p_j | x_j) and a shared one
q(s | x_1, x_2), the product of those that the views give, it minimises

    mean_j |x_j - decode(p_j, s)|^2 + (2 v / bins) (alpha (I(s; x_1, x_2) + I(p_j; x_j)) + beta (TC(s) + TC(p_j))
                                                    + gamma sum_k (KL(q(s^k) || N(0, 1)) + KL(q(p_j^k) || N(0, 1))))

v the variance of a Gaussian decoder, the parts of the KL divergence by minibatch weighted sampling (Chen et al. 2018).
That the product has no expert for the prior, and the scale of the likelihood, are inferred, not known. A clip alone is
embedded by the means of its own posteriors.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import sample_gaussian
from baselines.networks import Trunk
from baselines.variational import Decomposed, decomposed_kl, moments, product_of_experts, rate_unit


class PoEVAE(Method):
    """A shared posterior of two experts, and private ones."""

    family = "reconstructive"

    class Settings(CommonSettings):
        """alpha, beta and gamma are the forerunner's, per nat; it found gamma to help and the others to harm."""

        learning_rate: float = Field(1.9e-3, gt=0, le=1, description="peak learning rate of AdamW")
        decoder_variance: float = Field(
            7.9, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        alpha: float = Field(0.0, ge=0, le=1_000, description="weight of what codes tell of clips, I(z; x)")
        beta: float = Field(0.0, ge=0, le=1_000, description="weight of total correlations")
        gamma: float = Field(0.14, ge=0, le=1_000, description="weight of each dimension's KL divergence")

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
        """Error and the parts of both rates, of both views with their joint shared code."""
        views = batch.views.transpose(0, 1)
        clips, n = views.flatten(0, 1), views.shape[1]
        shared, private = self._posteriors(clips)
        joint = product_of_experts(*(part.unflatten(0, (2, n)) for part in shared))
        shared_codes, private_codes = sample_gaussian(*joint), sample_gaussian(*private)
        decoded = self.decoder(torch.cat([shared_codes.repeat(2, 1), private_codes], dim=1))
        error = F.mse_loss(decoded, clips)
        rates = (
            decomposed_kl(shared_codes, *joint),
            decomposed_kl(private_codes, *private),
        )
        terms = {"reconstruction": error}
        for name, rate in zip(("shared", "private"), rates, strict=True):
            terms |= {f"{name}_{part}": getattr(rate, part) for part in ("information", "correlation", "marginal")}
        return {"loss": error + self.unit * (self._weighed(rates[0]) + self._weighed(rates[1])), **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """Means of the clip's own posteriors."""
        shared, private = self._posteriors(inputs)
        return {self.shared: shared[0], self.private: private[0]}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code."""
        return self.decoder(torch.cat([blocks[self.shared], blocks[self.private]], dim=1))

    def _weighed(self, rate: Decomposed) -> Tensor:
        settings = self.settings
        return settings.alpha * rate.information + settings.beta * rate.correlation + settings.gamma * rate.marginal

    def _posteriors(self, inputs: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Mean and log-variance, of the shared and of the private posterior, [n, block_dims] each."""
        shared, private = self.encoder(inputs).chunk(2, dim=1)
        return moments(shared), moments(private)
