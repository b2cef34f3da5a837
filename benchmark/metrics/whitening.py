"""Whitening: codes as uncorrelated directions of variance 1, so that no unit, rotation or tiny amplitude matters.

It cannot tell idle noise from what matters: every direction that is kept weighs alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.checks import checked_codes

Array = NDArray[np.float64]
Codes = Mapping[str, NDArray[np.floating]]

LEAST_VARIANCE = 1e-8  # of the largest direction's


@dataclass(frozen=True)
class Whitening:
    """An affine map to uncorrelated directions of variance 1. mean: [d]; basis: [d, kept]."""

    mean: Array
    basis: Array

    def __call__(self, codes: NDArray[np.generic]) -> Array:
        """Whitens codes [n, d] to float64 [n, kept]."""
        return np.asarray((codes.astype(np.float64) - self.mean) @ self.basis)


def whitening(codes: NDArray[np.generic]) -> Whitening:
    """PCA whitening in float64.

    codes: [n, d], finite, the probe clips.
    Directions are dropped whose variance is under 1e-8 of the largest, or within float32's rounding of the values
    themselves: a constant code keeps none, and whitens to [n, 0].
    """
    values = codes.astype(np.float64)
    n, width = values.shape
    largest = np.abs(values).max(initial=0.0)
    if largest == 0.0:
        return Whitening(np.zeros(width), np.zeros((width, 0)))
    mean = (values / n).sum(axis=0)
    centred = (values - mean) / largest
    variances, directions = np.linalg.eigh(centred.T @ centred / n)
    least = max(LEAST_VARIANCE * variances[-1], float(np.finfo(np.float32).eps) ** 2)
    kept = variances > least
    directions = directions[:, kept]
    # An eigenvector's sign is the library's whim; fixed, so that machines agree.
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(kept.sum())])
    return Whitening(mean, directions / np.sqrt(variances[kept]) / largest)


def joined(probe_blocks: Codes, test_blocks: Codes, n_probe: int, n_test: int) -> tuple[Array, Array]:
    """Blocks whitened on the probe clips one by one, joined, and whitened once more: [clip, kept] of both roles.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    Raises ValueError naming the block and the row of a bad code.
    """
    probe_parts, test_parts = [], []
    for name in probe_blocks:
        codes = checked_codes(name, probe_blocks[name], n_probe)
        asked = checked_codes(name, test_blocks[name], n_test)
        if codes.shape[1] != asked.shape[1]:
            raise ValueError(
                f"block '{name}' is {codes.shape[1]} wide on probe clips and {asked.shape[1]} on test clips"
            )
        white = whitening(codes)
        probe_parts.append(white(codes))
        test_parts.append(white(asked))
    white = whitening(np.hstack(probe_parts))
    return white(np.hstack(probe_parts)), white(np.hstack(test_parts))
