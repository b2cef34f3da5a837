"""Loudness, by pyloudnorm's K-weighting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.sound.external import tool

Floats = NDArray[np.float64]


def k_weighted_lufs(clips: Floats, sample_rate: int) -> Floats:
    """Loudness of each whole clip, LUFS [n], NaN for silence.

    clips: float64 [n, sample], full scale 1.0. pyloudnorm's default filters, without its gate, which would make a
    crowded rhythm louder than an even one; it has no public way to leave the gate out, so its filters are taken.
    Source: ITU-R BS.1770-4, annex 1.
    """
    weighted = clips
    for stage in tool("pyloudnorm").Meter(sample_rate)._filters.values():
        weighted = stage.apply_filter(weighted)
    energy = (weighted**2).mean(-1)
    return np.where(energy > 0, -0.691 + 10 * np.log10(np.maximum(energy, 1e-30)), np.nan)
