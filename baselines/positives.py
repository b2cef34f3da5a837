"""What is to be alike, for methods that learn from pairs: two views of an example, and two noisy copies of a clip.

A paper's method for one embedding becomes one of two blocks by having its objective once for each: in the shared block
the views of an example are the pair, in the private block two copies of each clip, whose noise stands for the papers'
augmentations; the other view of its example is then a clip like any other.
"""

from __future__ import annotations

import torch
from torch import Tensor


def noisy_copies(views: Tensor, noise: float) -> Tensor:
    """Two copies of every view, each with noise of its own: [example, view, frame, mel] -> [copy, view, example, ...].

    noise: of the standard deviations of standardised features, that is, 1.
    """
    clips = views.transpose(0, 1)
    copies = torch.stack([clips, clips])
    return copies + noise * torch.randn_like(copies)


def pairs_of_views(codes: Tensor) -> Tensor:
    """[2 copies, 2 views, example, d] -> [2, example, d]: the first copy of one view, the second copy of the other."""
    return torch.stack([codes[0, 0], codes[1, 1]])


def pairs_of_copies(codes: Tensor) -> Tensor:
    """[2 copies, view, example, d] -> [2, clip, d]: every clip, its two copies."""
    return codes.flatten(1, 2)
