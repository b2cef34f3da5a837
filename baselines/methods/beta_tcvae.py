"""Beta-TCVAE: of the rate's three parts, the dependence of dimensions on each other weighs more.

After Chen et al. 2018. With q(z|x) = N(m, v), its aggregate q(z) and a Gaussian decoder of variance s, it minimises

    |x - decode(z)|^2 + (2 s / bins) (I(x; z) + beta TC(z) + sum_k KL(q(z_k) || N(0, 1))),    z ~ q

by minibatch weighted sampling. It embeds m.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import sample_gaussian
from baselines.networks import Trunk
from baselines.variational import decomposed_kl, moments, rate_unit


class BetaTCVAE(Method):
    """One Gaussian code, its total correlation weighed by itself."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """The convention of the weights is that of `baselines/variational.py`."""

        decoder_variance: float = Field(
            1.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        beta: float = Field(
            4.0, ge=0, le=1_000, description="weight of the total correlation (6 in the paper, 4 for SynTone)"
        )

    settings: Settings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(2 * self.dims), trunk.decoder(self.dims)
        self.unit = rate_unit(settings.decoder_variance, trunk.n_frames * trunk.n_mels)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Error and the parts of the rate, on all clips of the batch."""
        clips = batch.views.flatten(0, 1)
        mean, log_variance = moments(self.encoder(clips))
        codes = sample_gaussian(mean, log_variance)
        parts = decomposed_kl(codes, mean, log_variance)
        error = F.mse_loss(self.decoder(codes), clips)
        rate = parts.information + self.settings.beta * parts.correlation + parts.marginal
        terms = {"reconstruction": error, "information": parts.information, "correlation": parts.correlation}
        return {"loss": error + self.unit * rate, **terms, "marginal": parts.marginal}

    def embed(self, inputs: Tensor) -> Blocks:
        """The posterior's mean."""
        mean, _ = moments(self.encoder(inputs))
        return {self.blocks[0]: mean}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
