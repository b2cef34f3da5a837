"""How far two codes depend on each other, measured with a memory of recent steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.losses import rbf_cka


class Independence(nn.Module):
    """`rbf_cka` of a batch with itself and with the codes of recent steps.

    A batch of 256 clips reads as much from independent codes as from slightly dependent ones; beside a few batches
    more, whose codes have hardly moved since, the dependence stands out. After the queue of He et al. 2020 (MoCo).
    """

    def __init__(self, dims_a: int, dims_b: int, remembered: int) -> None:
        super().__init__()
        self.remembered = remembered
        self.recent_a: Tensor
        self.recent_b: Tensor
        self.register_buffer("recent_a", torch.zeros(0, dims_a), persistent=False)
        self.register_buffer("recent_b", torch.zeros(0, dims_b), persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Dependence of codes [n, dims_a] and [n, dims_b], a scalar; then remember them."""
        value = rbf_cka(a, b, self.recent_a, self.recent_b)
        self.recent_a = torch.cat([a.detach(), self.recent_a])[: self.remembered]
        self.recent_b = torch.cat([b.detach(), self.recent_b])[: self.remembered]
        return value
