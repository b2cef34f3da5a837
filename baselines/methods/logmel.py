"""Principal components of the log-mel spectrogram: what the task gives away for free."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.contract import Blocks, CommonSettings, Method
from baselines.networks import Trunk


class LogMelPCA(Method):
    """The leading components, dealt to the blocks in turn: the first to one, the second to the next, and so on.

    It does not know which component belongs where, so its D and B say what a blind deal gets. Source: Pearson 1901.
    """

    family = "control"
    mean: Tensor
    components: Tensor

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> None:
        super().__init__(trunk, blocks, settings)
        wanted, bins = len(blocks) * settings.block_dims, trunk.n_frames * trunk.n_mels
        if wanted > bins:
            raise ValueError(f"logmel: {len(blocks)} blocks of {settings.block_dims} need more than the {bins} bins")
        self.register_buffer("mean", torch.zeros(bins))
        self.register_buffer("components", torch.zeros(bins, wanted))

    def prepare(self, features: Tensor) -> None:
        """Fit the components to the training clips, by the eigenvectors of their covariance in float64."""
        flat = features.flatten(1).double()
        mean = flat.mean(0)
        covariance = (flat - mean).T @ (flat - mean) / len(flat)
        vectors = torch.linalg.eigh(covariance).eigenvectors.flip(1)  # the largest first
        self.mean = mean.float()
        self.components = vectors[:, : self.components.shape[1]].float()

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """None: it does not train."""
        return []

    def embed(self, inputs: Tensor) -> Blocks:
        """Components dealt in turn."""
        codes = (inputs.flatten(1) - self.mean) @ self.components
        return {name: codes[:, place :: len(self.blocks)] for place, name in enumerate(self.blocks)}

    def decode(self, blocks: Blocks) -> Tensor:
        """Back from the components to the spectrogram."""
        codes = torch.stack([blocks[name] for name in self.blocks], dim=2).flatten(1)
        flat = codes @ self.components.T + self.mean
        return flat.unflatten(1, (self.trunk.n_frames, self.trunk.n_mels))
