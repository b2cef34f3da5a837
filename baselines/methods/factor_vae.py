"""FactorVAE: a discriminator tells codes from codes with their dimensions shuffled, and the encoder evades it.

After Kim & Mnih 2018. With q(z|x) = N(m, v), a Gaussian decoder of variance s and a discriminator's logits d_0 (a code)
and d_1 (a shuffled one), the autoencoder minimises

    |x - decode(z)|^2 + (2 s / bins) (KL(q(z|x) || N(0, 1)) + gamma mean(d_0(z) - d_1(z))),    z ~ q

where the difference of logits estimates the total correlation, and the discriminator the cross-entropy of telling codes
of one half of the batch from shuffled codes of the other. It embeds m.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.networks import Trunk
from baselines.variational import moments, permuted, rate_unit

HIDDEN = 256  # width of the discriminator; the paper's has 1,000 and six layers


class FactorVAE(Method):
    """One Gaussian code and its discriminator, each with an optimiser."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """The convention of the weights is that of `baselines/variational.py`."""

        decoder_variance: float = Field(
            1.0, gt=0, le=100, description="variance of the Gaussian decoder, of standardised features"
        )
        gamma: float = Field(6.0, ge=0, le=1_000, description="weight of the total correlation (6 for SynTone)")
        discriminator_rate: float = Field(
            1e-4, gt=0, le=1, description="peak learning rate of the discriminator's Adam"
        )

    settings: Settings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(2 * self.dims), trunk.decoder(self.dims)
        self.discriminator = nn.Sequential(
            nn.Linear(self.dims, HIDDEN),
            nn.LeakyReLU(0.2),
            nn.Linear(HIDDEN, HIDDEN),
            nn.LeakyReLU(0.2),
            nn.Linear(HIDDEN, 2),
        )
        self.unit = rate_unit(settings.decoder_variance, trunk.n_frames * trunk.n_mels)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """Of the autoencoder, and of the discriminator (Adam with betas of .5 and .9, as in the paper)."""
        own = [*self.encoder.parameters(), *self.decoder.parameters()]
        settings = self.settings
        return [
            torch.optim.AdamW(own, settings.learning_rate, weight_decay=settings.weight_decay, fused=True),
            torch.optim.Adam(
                self.discriminator.parameters(), settings.discriminator_rate, betas=(0.5, 0.9), fused=True
            ),
        ]

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The autoencoder's step, on all clips of the batch; or the discriminator's, a half of them shuffled."""
        return self._discriminator_step(batch) if optimiser_index else self._autoencoder_step(batch)

    def _autoencoder_step(self, batch: Batch) -> dict[str, Tensor]:
        clips = batch.views.flatten(0, 1)
        mean, log_variance = moments(self.encoder(clips))
        codes = sample_gaussian(mean, log_variance)
        still = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        logits = functional_call(self.discriminator, still, (codes,)).float()
        terms = {
            "reconstruction": F.mse_loss(self.decoder(codes), clips),
            "rate": kl_standard_normal(mean, log_variance),
            "correlation": (logits[:, 0] - logits[:, 1]).mean(),
        }
        rate = terms["rate"] + self.settings.gamma * terms["correlation"]
        return {"loss": terms["reconstruction"] + self.unit * rate, **terms}

    def _discriminator_step(self, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            codes = sample_gaussian(*moments(self.encoder(batch.views.flatten(0, 1))))
            true, other = codes[::2], permuted(codes[1::2])
        logits = self.discriminator(torch.cat([true, other])).float()
        wanted = torch.arange(2, device=codes.device).repeat_interleave(len(true))
        return {"loss": F.cross_entropy(logits, wanted)}

    def embed(self, inputs: Tensor) -> Blocks:
        """The posterior's mean."""
        mean, _ = moments(self.encoder(inputs))
        return {self.blocks[0]: mean}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
