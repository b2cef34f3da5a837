"""Timbre, by the levels of the harmonics of the pitch that was measured: a spectrum that pitch does not shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window

Floats = NDArray[np.float64]

N_HARMONICS = 12
FLOOR_DB = -45.0  # of the sum: softer harmonics drown in the noise under the quietest notes
NEAR_HZ = 10.0  # half a main lobe of the shortest excerpt
N_FFT = 1 << 14  # no excerpt is longer


def harmonic_levels(notes: Floats, pitches_midi: Floats, sample_rate: int, limit_hz: float | None) -> Floats:
    """Levels of the harmonics relative to their sum, dB [n, harmonic], at least -45.

    notes: float64 [n, sample]. pitches_midi: as measured, [n].
    limit_hz: harmonics above it are NaN; None for sound that aliases, whose harmonics are read where they fold to.
    A row is all NaN for a note that is silent or of no pitch.
    """
    spectra = np.abs(np.fft.rfft(notes * get_window("hann", notes.shape[-1]), N_FFT)) ** 2
    fundamentals = 440 * 2 ** ((np.nan_to_num(pitches_midi, nan=69.0) - 69) / 12)
    hertz = fundamentals[:, None] * np.arange(1, N_HARMONICS + 1)
    present = np.ones(hertz.shape, bool) if limit_hz is None else hertz <= limit_hz
    places = np.abs(hertz - sample_rate * np.rint(hertz / sample_rate))
    near = round(NEAR_HZ * N_FFT / sample_rate)
    bins = np.rint(places * N_FFT / sample_rate).astype(int)[..., None] + np.arange(-near, near + 1)
    bins = np.clip(bins, 0, N_FFT // 2)
    powers = np.where(present, spectra[np.arange(len(notes))[:, None, None], bins].max(-1), 0)
    sums = powers.sum(1, keepdims=True)
    levels = np.maximum(10 * np.log10(np.maximum(powers, 1e-30) / np.maximum(sums, 1e-30)), FLOOR_DB)
    return np.where(present & (sums > 0) & ~np.isnan(pitches_midi)[:, None], levels, np.nan)


def centroids(levels: Floats, timbres: NDArray[np.int64], n_timbres: int) -> Floats:
    """Mean levels of each timbre over the clips that have the harmonic: dB [timbre, harmonic].

    levels: of `harmonic_levels`. timbres: what each clip is. Raises ValueError where a harmonic is never there.
    """
    means = np.empty((n_timbres, levels.shape[1]))
    for timbre in range(n_timbres):
        own = levels[timbres == timbre]
        there = ~np.isnan(own)
        if not there.any(0).all():
            raise ValueError(f"timbre {timbre}: a harmonic is in none of its {len(own)} clips; take more of them")
        means[timbre] = np.where(there, own, 0).sum(0) / there.sum(0)
    return means


def nearest_timbres(levels: Floats, means: Floats) -> NDArray[np.int64]:
    """The timbre of the nearest centroid, over the harmonics that a clip has: int64 [n], -1 for a clip of none."""
    there = ~np.isnan(levels)
    distances = (np.where(there, np.nan_to_num(levels), 0)[:, None] - means * there[:, None]) ** 2
    return np.where(there.any(1), distances.sum(-1).argmin(1), -1)
