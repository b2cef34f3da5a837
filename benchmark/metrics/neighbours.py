"""The nearest-neighbour probe: levels of the clips nearby, the nearer the heavier, and a few imagined clips."""

from collections.abc import Collection

import numpy as np
import torch

from benchmark.metrics.problem import Array, Expert, Levels, Problem, floored

NEIGHBOURS = (2, 8, 32, 128)
PSEUDO_COUNTS = (0.01, 0.1, 1.0, 10.0)  # imagined clips, of the factor's frequencies
SETTINGS = [(k, pseudo) for k in NEIGHBOURS for pseudo in PSEUDO_COUNTS]


def neighbours(problem: Problem, wanted: Collection[int]) -> dict[int, list[Expert]]:
    """An expert for each setting, of each factor wanted. The seed matters for the folds, and the order among ties.

    Their shares in the mixture are found with all others'. Choosing the best setting first moved B by .05 with the seed
    on a code of many ties, where two settings were as good on the clips held back and not on others.
    """
    found = [
        (out, *_nearest(problem.codes[fitted], problem.codes[out], problem.levels[fitted]))
        for fitted, out in problem.parts()
    ]
    near, weights = _nearest(problem.codes, problem.asked, problem.levels)
    experts = {}
    for factor in wanted:
        shares, levels = problem.shares(factor), problem.levels[:, factor]
        held = np.zeros((len(SETTINGS), len(levels), len(shares)))
        for out, near_out, weights_out in found:
            held[:, out] = [_told(near_out[:, :, factor], weights_out[k], shares, pseudo) for k, pseudo in SETTINGS]
        asked = [_told(near[:, :, factor], weights[k], shares, pseudo) for k, pseudo in SETTINGS]
        experts[factor] = [
            Expert("neighbour", floored(one, shares), floored(told, shares))
            for one, told in zip(held, asked, strict=True)
        ]
    return experts


def _nearest(codes: Array, asked: Array, levels: Levels) -> tuple[Levels, dict[int, Array]]:
    """Levels [m, most, factors] of the clips nearest to each one asked; for each k their weights [m, k], of sum k."""
    # On the processor, in float64, on every device: it takes a few hundredths of a second.
    between = torch.cdist(torch.from_numpy(asked), torch.from_numpy(codes))
    distances, indices = between.topk(min(max(NEIGHBOURS), len(codes)), largest=False)
    squared, weights = distances.numpy() ** 2, {}
    for most in NEIGHBOURS:
        near = squared[:, :most]
        # Inverse squares, relative to the k-th neighbour so that no unit matters; duplicates count alike.
        raw = 1.0 / (near / np.maximum(near[:, -1:], 1e-12) + 1e-3)
        weights[most] = near.shape[1] * raw / raw.sum(axis=1, keepdims=True)
    return levels[indices.numpy()], weights


def _told(near: Levels, weights: Array, shares: Array, pseudo: float) -> Array:
    """Probabilities [m, level] from the nearest clips' levels [m, most], their weights [m, k] and imagined clips."""
    m, k = weights.shape
    places = np.arange(m)[:, None] * len(shares) + near[:, :k]
    votes = np.bincount(places.ravel(), weights.ravel(), minlength=m * len(shares)).reshape(m, len(shares))
    return np.asarray((votes + pseudo * shares) / (k + pseudo))
