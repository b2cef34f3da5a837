"""Codes of limited precision: what a block says, and nothing beneath it.

A deterministic encoder hides traces of everything in the last digits of its output, where no loss looks and every probe
does. A code that is discrete, or is rounded to the precision that its own decoder was trained with, has no such digits.
"""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot_groups(logits: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """A discrete code: in each group one entry is 1. The gradient is that of the softmax (straight through).

    logits: [n, dimension], dimension a multiple of groups. Returns the code and the softmax, both [n, dimension].
    Source: Bengio, Leonard, Courville 2013 (straight-through); Hafner et al. 2021 for groups of categorical codes.
    """
    soft = logits.unflatten(1, (groups, -1)).softmax(-1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1)
    # The bracket is exactly zero: added in another order, rounding would leave traces of the softmax in the code.
    return (hard + (soft - soft.detach())).flatten(1), soft.flatten(1)


def rounded(means: Tensor, steps: Tensor) -> Tensor:
    """Means rounded to whole steps, dimension by dimension: [n, dimension], [dimension] -> [n, dimension].

    With steps of one or two posterior standard deviations, what goes is what the decoder could not read through the
    noise it was trained with. After Balle, Laparra, Simoncelli 2017, who train with noise and code by rounding.
    """
    return torch.round(means / steps) * steps
