"""Ada-GVAE: of two views, the dimensions that differ least are taken for shared, and their posteriors averaged.

After Locatello et al. 2020. For the posteriors q(z|x_i) = N(m_i, v_i) of two views and a Gaussian decoder of variance
s, it minimises

    mean_i |x_i - decode(z_i)|^2 + (2 s / bins) beta KL(q'(z|x_i) || N(0, 1)),    z_i ~ q'(z|x_i)

q' being q with the means and variances of both views averaged in each dimension whose KL divergence between them is
under the middle of the example's least and largest. Here the half of the dimensions that was found shared most often is
the shared block (a running mean, ties by number), the other half the private one; m is embedded.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.networks import Trunk
from baselines.variational import averaged, found_shared, kl_between, moments, rate_unit

MEMORY = 0.99  # of the running mean of how often a dimension is shared


class AdaGVAE(Method):
    """One Gaussian code that finds out which of its dimensions the views share."""

    family = "reconstructive"

    class Settings(CommonSettings):
        """The convention of the weights is that of `baselines/variational.py`."""

        decoder_variance: float = Field(
            1.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        beta: float = Field(1.0, ge=0, le=1_000, description="weight of the rate (1 in most of the paper)")

    settings: Settings
    share: Tensor

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It joins what two views share, in two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(2 * dims), trunk.decoder(dims)
        self.unit = rate_unit(settings.decoder_variance, trunk.n_frames * trunk.n_mels)
        self.register_buffer("share", torch.zeros(dims))  # of examples, in which each dimension is found shared

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Error and rate of the averaged posteriors, of both views."""
        clips = batch.views.transpose(0, 1).flatten(0, 1)
        means, log_variances = (part.unflatten(0, (2, -1)) for part in moments(self.encoder(clips)))
        shared = found_shared(kl_between(means, log_variances).detach())
        self.share.lerp_(shared.float().mean(0), 1 - MEMORY)
        mean, log_variance = (part.flatten(0, 1) for part in averaged(means, log_variances, shared))
        terms = {
            "reconstruction": F.mse_loss(self.decoder(sample_gaussian(mean, log_variance)), clips),
            "rate": kl_standard_normal(mean, log_variance),
        }
        return {"loss": terms["reconstruction"] + self.unit * self.settings.beta * terms["rate"], **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The posterior's mean, its dimensions dealt by how often they are shared."""
        mean, _ = moments(self.encoder(inputs))
        shared, private = self._dealt()
        return {self.shared: mean[:, shared], self.private: mean[:, private]}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code, each dimension back in its place."""
        order = torch.cat(self._dealt())
        return self.decoder(torch.cat([blocks[self.shared], blocks[self.private]], dim=1)[:, order.argsort()])

    def _dealt(self) -> tuple[Tensor, Tensor]:
        """The dimensions of either block, ascending."""
        order = self.share.argsort(descending=True, stable=True)
        shared, private = order.split(self.settings.block_dims)
        return shared.sort().values, private.sort().values
