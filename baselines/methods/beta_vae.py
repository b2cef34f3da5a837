"""Beta-VAE: a variational autoencoder whose rate weighs more, so that dimensions must be worth it.

After Higgins et al. 2017. With q(z|x) = N(m, v) and a Gaussian decoder of variance s, it minimises

    |x - decode(z)|^2 + (2 s / bins) beta KL(q(z|x) || N(0, 1)),    z ~ q

It embeds m.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.networks import Trunk
from baselines.variational import moments, rate_unit


class BetaVAE(Method):
    """One Gaussian code under a heavier rate."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """The convention of the weights is that of `baselines/variational.py`."""

        decoder_variance: float = Field(
            1.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        beta: float = Field(
            4.0, ge=0, le=1_000, description="weight of the rate (4 in the published SynTone baselines)"
        )

    settings: Settings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(2 * self.dims), trunk.decoder(self.dims)
        self.unit = rate_unit(settings.decoder_variance, trunk.n_frames * trunk.n_mels)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Error and rate, on all clips of the batch."""
        clips = batch.views.flatten(0, 1)
        mean, log_variance = moments(self.encoder(clips))
        terms = {
            "reconstruction": F.mse_loss(self.decoder(sample_gaussian(mean, log_variance)), clips),
            "rate": kl_standard_normal(mean, log_variance),
        }
        return {"loss": terms["reconstruction"] + self.unit * self.settings.beta * terms["rate"], **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The posterior's mean."""
        mean, _ = moments(self.encoder(inputs))
        return {self.blocks[0]: mean}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
