"""One trunk for everybody: the encoder and the decoder that every method builds on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Residual(nn.Module):
    """A residual block of two linear layers, normalised before (He et al. 2016; Xiong et al. 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """[n, width] -> [n, width]."""
        return x + self._layers(x)


class LowRankDecoder(nn.Module):
    """A spectrogram as a floor and, above it, a sum of a few products of an envelope in time and a spectrum.

    Log-mel features are `log(power + floor)`, a softplus of the level relative to the floor; a note's level in decibels
    is its envelope's plus its spectrum's. So this form says in `RANK * (frames + mels)` numbers what a plain layer
    needs `frames * mels` for, and what it learns of a spectrum holds at every time. A linear path beside the deep one
    lets levels be linear in the code.
    """

    RANK = 8
    BEND = 0.3  # rounds the corner at the floor as the softplus of decibels does, in standardised units of about 11 dB

    def __init__(self, in_dims: int, trunk: Trunk) -> None:
        super().__init__()
        self._frames, self._mels = trunk.n_frames, trunk.n_mels
        factors = self.RANK * (trunk.n_frames + trunk.n_mels)
        self._deep = trunk.mlp(in_dims, factors)
        self._linear = nn.Linear(in_dims, factors)
        self._floor = nn.Parameter(torch.tensor(-0.5))  # where standardised features of these spaces have their floor

    def forward(self, codes: Tensor) -> Tensor:
        """[n, in_dims] -> [n, frame, mel]."""
        factors = self._deep(codes) + self._linear(codes)
        envelopes, spectra = factors.split([self.RANK * self._frames, self.RANK * self._mels], dim=1)
        envelopes = envelopes.unflatten(1, (self._frames, self.RANK)) * self.RANK**-0.5
        above = envelopes @ spectra.unflatten(1, (self.RANK, self._mels))
        return self._floor + squareplus(above, self.BEND)


def squareplus(x: Tensor, bend: float) -> Tensor:
    """A softplus without an exponential, a tenth of its time on a CPU: (x + sqrt(x^2 + bend)) / 2.

    In float32 at least: a spectrogram in the eight bits of bfloat16 has steps of a decibel.
    Source: Barron 2021, "Squareplus: a softplus-like algebraic rectifier".
    """
    return _Squareplus.apply(x, bend)


class _Squareplus(torch.autograd.Function):
    """Its slope is its value over the root: one pass over a batch of spectrograms where autograd takes seven."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bend: float) -> Tensor:
        """As `squareplus`."""
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        root = x.square().add_(bend).sqrt_()
        value = (x + root).mul_(0.5)
        ctx.save_for_backward(torch.div(value, root, out=root))
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        """To x alone."""
        (slope,) = ctx.saved_tensors
        return upstream * slope, None


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
        return nn.Sequential(nn.Flatten(1), self.mlp(self.n_frames * self.n_mels, out_dims))

    def decoder(self, in_dims: int) -> nn.Module:
        """[n, in_dims] -> features [n, frame, mel]."""
        return LowRankDecoder(in_dims, self)

    def mlp(self, in_dims: int, out_dims: int) -> nn.Module:
        """A residual perceptron of the trunk's width and depth."""
        return nn.Sequential(
            nn.Linear(in_dims, self.width),
            *(Residual(self.width) for _ in range(self.depth)),
            nn.GELU(),
            nn.Linear(self.width, out_dims),
        )
