"""Masked autoencoder: what is hidden of a spectrogram is guessed from what is left.

After He et al. 2022 (for audio: Huang et al. 2022). Of each clip's patches, 4 frames by 8 bands, a share is hidden,
their bins replaced by a learnt value of each band, for the trunk takes whole spectrograms. With h the hidden bins, it
minimises

    |x_h - decode(encode(x without h))_h|^2          over hidden bins alone

The paper hides the same share of each image, and its encoder sees the rest alone, be it more or less. Ours would never
have met a whole spectrogram, which is what it embeds; so the share is drawn for each clip, evenly up to `masked`.
Decoded codes are whole spectrograms.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.networks import Trunk

PATCH_FRAMES, PATCH_MELS = 4, 8


def hidden_bins(n: int, frames: int, mels: int, patch: tuple[int, int], most: float, device: torch.device) -> Tensor:
    """Which bins are hidden: bool [n, frames, mels]; of each clip a share of its patches drawn evenly from 0 to `most`.

    patch: its frames and mels, which must divide a clip's. At least one patch is hidden and one is not.
    Draws from torch's own generator. After He et al. 2022 (MAE), section 3, whose share is the same for all.
    """
    rows, columns = frames // patch[0], mels // patch[1]
    patches = rows * columns
    hidden = (torch.rand(n, 1, device=device) * most * patches).ceil().clamp(1, patches - 1)
    order = torch.rand(n, patches, device=device).argsort(1)
    grid = (order < hidden).unflatten(1, (rows, columns))
    return grid.repeat_interleave(patch[0], 1).repeat_interleave(patch[1], 2)


class MaskedAutoencoder(Method):
    """One code, learnt from holes."""

    family = "reconstructive"
    one_block = True

    class Settings(CommonSettings):
        """The paper hides 75 % of every image, for audio 80 %."""

        masked: float = Field(0.75, gt=0, lt=1, description="largest share of the patches that is hidden")

    settings: Settings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        dims = 2 * settings.block_dims
        self.encoder, self.decoder = trunk.encoder(dims), trunk.decoder(dims)
        self.hole = nn.Parameter(torch.zeros(trunk.n_mels))
        self.patch = (
            PATCH_FRAMES if trunk.n_frames % PATCH_FRAMES == 0 else 1,
            PATCH_MELS if trunk.n_mels % PATCH_MELS == 0 else 1,
        )

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The error on hidden bins, of all clips of the batch."""
        clips = batch.views.flatten(0, 1)
        n, frames, mels = clips.shape
        hidden = hidden_bins(n, frames, mels, self.patch, self.settings.masked, clips.device)
        decoded = self.decoder(self.encoder(torch.where(hidden, self.hole, clips)).float())
        return {"loss": (decoded - clips)[hidden].square().mean()}

    def embed(self, inputs: Tensor) -> Blocks:
        """The code of the whole spectrogram."""
        return {self.blocks[0]: self.encoder(inputs).float()}

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any code."""
        return self.decoder(blocks[self.blocks[0]])
