"""Autoencoder: what a code of a few numbers can carry of a clip, with nothing asked of its form.

After Hinton & Salakhutdinov 2006. It minimises, over single clips, the mean squared error

    |x - decode(encode(x))|^2
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.networks import Trunk


class Autoencoder(Method):
    """One code; it does not use which clips go together."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """Those that every method has."""

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> None:
        super().__init__(trunk, blocks, settings)
        dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(dims), trunk.decoder(dims)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The error, on all clips of the batch."""
        clips = batch.views.flatten(0, 1)
        return {"loss": F.mse_loss(self.decoder(self.encoder(clips).float()), clips)}

    def embed(self, inputs: Tensor) -> Blocks:
        """The code."""
        return {self.blocks[0]: self.encoder(inputs).float()}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
