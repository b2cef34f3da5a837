"""How well a trained judge tells which code goes with which: contrast across blocks, to be lost."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

HIDDEN, COMMON = 64, 32  # widths of the judge's networks, and of the space in which it compares


class Critic(nn.Module):
    """Picks, for each code b, the code a of the same clip among those of a batch, by cosine in a common space.

    Its cross-entropy over n clips is at least log(n) - I(a; b), whatever its networks (van den Oord et al. 2018,
    equation 5): what it gains on a guess is dependence that is there.
    """

    def __init__(self, dims_a: int, dims_b: int) -> None:
        super().__init__()
        self.project_a = nn.Sequential(nn.Linear(dims_a, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, COMMON))
        self.project_b = nn.Sequential(nn.Linear(dims_b, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, COMMON))

    def forward(self, a: Tensor, b: Tensor, temperature: float) -> Tensor:
        """InfoNCE of codes [n, dims_a] and [n, dims_b], nats; log(n) where codes a are all one."""
        a, b = self.project_a(a), self.project_b(b)
        with torch.autocast(a.device.type, enabled=False):
            a, b = F.normalize(a.float(), dim=1), F.normalize(b.float(), dim=1)
            similarity = (b / temperature) @ a.T
        return F.cross_entropy(similarity, torch.arange(len(a), device=a.device))

    def advantage(self, a: Tensor, b: Tensor, temperature: float) -> Tensor:
        """max(0, log(n) - InfoNCE), nats: what it knows of I(a; b), in [0, log(n)]. No gradient to itself.

        At 0 the codes owe nothing more: to mislead the critic beyond a guess gains nothing.
        """
        itself = {name: parameter.detach() for name, parameter in self.named_parameters()}
        return F.relu(math.log(len(a)) - functional_call(self, itself, (a, b, temperature)))
