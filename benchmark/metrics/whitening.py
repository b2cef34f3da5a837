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

# Of the largest direction's, once every column has a variance of 1. A sum of float32 products is wrong by about a
# millionth: what lies under that is rounding, which duplicated columns leave behind.
LEAST_VARIANCE = 1e-12
ROUNDING = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Whitening:
    """An affine map to uncorrelated directions of variance 1. mean: [d]; basis: [d, kept]."""

    mean: Array
    basis: Array

    def __call__(self, codes: NDArray[np.generic]) -> Array:
        """Whitens codes [n, d] to float64 [n, kept]."""
        return np.asarray((codes.astype(np.float64) - self.mean) @ self.basis)


def whitening(codes: NDArray[np.generic]) -> Whitening:
    """PCA whitening in float64, of columns scaled to variance 1.

    codes: [n, d], finite, the probe clips.
    Columns and directions are dropped whose variance is within float32's rounding of the values themselves, and
    directions under 1e-12 of the largest: a constant code keeps none, and whitens to [n, 0].
    """
    values = codes.astype(np.float64)
    n, width = values.shape
    mean, largest = (values / n).sum(axis=0), np.abs(values).max(axis=0, initial=0.0)
    centred = (values - mean) / np.where(largest > 0, largest, 1.0)  # first, or the squares of huge codes overflow
    spread = np.sqrt((centred**2).mean(axis=0))
    alive = spread > ROUNDING
    if not alive.any():
        return Whitening(mean, np.zeros((width, 0)))
    scaled = centred[:, alive] / spread[alive]
    variances, directions = np.linalg.eigh(scaled.T @ scaled / n)
    rounding = (directions**2).T @ (ROUNDING / spread[alive]) ** 2
    kept = variances > np.maximum(LEAST_VARIANCE * variances[-1], rounding)
    directions = directions[:, kept]
    # An eigenvector's sign is the library's whim; fixed, so that machines agree.
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(kept.sum())])
    basis = np.zeros((width, directions.shape[1]))
    basis[alive] = directions / np.sqrt(variances[kept]) / (spread * largest)[alive, None]
    return Whitening(mean, basis)


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
