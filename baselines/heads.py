"""What joint-embedding methods put between a block and their loss: projectors and predictors, and their slow twins."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

HIDDEN, OUT = 256, 64  # widths, where papers have 2,048 and more: the blocks here are 16 wide, not 2,048


def projector(dims: int, hidden: int = HIDDEN, out: int = OUT, *, normalised: bool = False) -> nn.Sequential:
    """Linear, batch normalisation, ReLU, linear: [n, dims] -> [n, out].

    normalised: batch normalisation of the output too, without a scale of its own (Chen & He 2021, section 3).
    Source: Chen et al. 2020 (SimCLR), section 4.2; Grill et al. 2020 (BYOL), section 3.3.
    """
    layers = [nn.Linear(dims, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out)]
    return nn.Sequential(*layers, *([nn.BatchNorm1d(out, affine=False)] if normalised else []))


def twin(module: nn.Module) -> nn.Module:
    """A copy that no gradient reaches, to follow the module by `follow`."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def follow(slow: nn.Module, module: nn.Module, momentum: float) -> None:
    """Slow <- momentum slow + (1 - momentum) module, parameter by parameter. momentum in [0, 1].

    Source: He et al. 2020 (MoCo), equation 2. Buffers, as batch statistics, are each module's own.
    """
    for mine, its in zip(slow.parameters(), module.parameters(), strict=True):
        mine.lerp_(its, 1 - momentum)


def rising_momentum(base: float, progress: float) -> float:
    """From base to 1, by half a cosine: 1 - (1 - base) (cos(pi progress) + 1) / 2. progress in [0, 1].

    Source: Grill et al. 2020 (BYOL), section 3.2.
    """
    return 1 - (1 - base) * (math.cos(math.pi * progress) + 1) / 2


def unit(codes: Tensor) -> Tensor:
    """Codes [..., d] of length 1, in float32."""
    return nn.functional.normalize(codes.float(), dim=-1)
