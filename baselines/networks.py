"""One trunk for everybody: the encoder and the decoder that every method builds on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


class Residual(nn.Module):
    """A residual block of two linear layers, normalised before: after He et al. 2016 and Xiong et al. 2020 (pre-norm)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """[n, width] -> [n, width]."""
        return x + self._layers(x)


@dataclass(frozen=True)
class Trunk:
    """Shape and size of everybody's networks.

    A few large matrix products: on two cores they keep the arithmetic units busy where convolutions wait for memory.
    """

    n_frames: int
    n_mels: int
    width: int
    depth: int

    def encoder(self, out_dims: int) -> nn.Module:
        """Features [n, frame, mel] -> [n, out_dims]."""
        return nn.Sequential(
            nn.Flatten(1),
            nn.Linear(self.n_frames * self.n_mels, self.width),
            *(Residual(self.width) for _ in range(self.depth)),
            nn.GELU(),
            nn.Linear(self.width, out_dims),
        )

    def decoder(self, in_dims: int) -> nn.Module:
        """[n, in_dims] -> features [n, frame, mel]."""
        return nn.Sequential(
            nn.Linear(in_dims, self.width),
            *(Residual(self.width) for _ in range(self.depth)),
            nn.GELU(),
            nn.Linear(self.width, self.n_frames * self.n_mels),
            nn.Unflatten(1, (self.n_frames, self.n_mels)),
        )
