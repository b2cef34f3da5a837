"""Masked autoencoder: what is hidden of a spectrogram is guessed from what is left.

After He et al. 2022 (for audio: Huang et al. 2022). Patches of 4 frames and 8 bands are hidden, a share of them; their
bins are replaced by a learnt value of each band, for the trunk takes whole spectrograms. With h the hidden bins, it
minimises

    |x_h - decode(encode(x without h))_h|^2          over hidden bins alone

It embeds the code of the whole spectrogram, and decodes codes to whole spectrograms: those of visible bins were never
asked for.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.networks import Trunk
from baselines.variational import masked_patches

PATCH_MELS = 8


class MaskedAutoencoder(Method):
    """One code, learnt from holes."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """The paper hides 75 % of an image, for audio 80 %."""

        masked: float = Field(0.75, gt=0, lt=1, description="share of the patches that are hidden")

    settings: Settings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(dims), trunk.decoder(dims)
        self.hole = nn.Parameter(torch.zeros(trunk.n_mels))
        self.patch = (4 if trunk.n_frames % 4 == 0 else 1, PATCH_MELS if trunk.n_mels % PATCH_MELS == 0 else 1)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The error on hidden bins, of all clips of the batch."""
        clips = batch.views.flatten(0, 1)
        n, frames, mels = clips.shape
        hidden = masked_patches(n, frames, mels, self.patch, self.settings.masked, clips.device)
        decoded = self.decoder(self.encoder(torch.where(hidden, self.hole, clips)).float())
        return {"loss": (decoded - clips)[hidden].square().mean()}

    def embed(self, inputs: Tensor) -> Blocks:
        """The code of the whole spectrogram."""
        return {self.blocks[0]: self.encoder(inputs).float()}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
