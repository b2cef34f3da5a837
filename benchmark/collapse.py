"""Early word of a representation that collapses: the effective rank of each block, now and then during training.

    effective rank = exp(entropy of the singular values' shares)          Roy & Vetterli 2007, equation 2

of the centred codes of a few training clips: 1 where they lie on a line, d where they spread alike over d directions.
It cannot see what the directions mean: noise has the highest rank there is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.contract import Method

CLIPS = 512
# Of the codes' root mean square, what varies from clip to clip: with less, every clip gets one code.
STILL = 1e-3


def effective_rank(codes: Tensor) -> float:
    """Of codes [n, d]: from 1 to d; 0 where all clips have one code, up to a thousandth of its size."""
    codes = codes.double()
    centred = codes - codes.mean(0)
    if not centred.norm() > STILL * codes.norm():
        return 0.0
    shares = torch.linalg.svdvals(centred)
    shares = shares / shares.sum()
    return float(torch.exp(torch.special.entr(shares).sum()))


@torch.no_grad()
def ranks(method: Method, features: Tensor) -> dict[str, float]:
    """The effective rank of each block on the first clips of `features`, [clip, frame, mel], evenly spread.

    Every module of the method is put into eval mode for it, and back into the mode it had. What is not finite, or no
    matrix, is left out: who embeds in earnest says what is wrong with it.
    """
    if type(method).embed is Method.embed:
        return {}
    rows = torch.linspace(0, len(features) - 1, min(CLIPS, len(features)), device=features.device).long()
    training = [module for module in method.modules() if module.training]
    method.eval()
    blocks = method.embed(features[rows])
    for module in training:  # and those alone: a method may keep a part of itself in eval mode
        module.training = True
    found = blocks.items() if isinstance(blocks, dict) else ()
    return {block: effective_rank(codes) for block, codes in found if _sound(codes)}


def _sound(codes: object) -> bool:
    return isinstance(codes, Tensor) and codes.is_floating_point() and codes.ndim == 2 and bool(codes.isfinite().all())


def collapsed(found: dict[str, float]) -> list[str]:
    """The blocks that say the same of every clip."""
    return [block for block, rank in found.items() if rank == 0.0]
