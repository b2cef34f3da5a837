"""Eight timbres as sums of harmonics: for each, the complex amplitude of harmonic k relative to the sine of its phase.

Each has its fundamental, so that pitch does not depend on timbre; a sum of harmonics that stops at the band limit
cannot alias. The four waveforms are the Fourier series of the shapes they are named after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Harmonics = NDArray[np.complexfloating[Any, Any]]


def _listed(amplitudes: dict[int, float]) -> Callable[[NDArray[np.int64]], Harmonics]:
    """A timbre of a few harmonics; their phases are spread so that the peaks do not add up."""

    def harmonics(k: NDArray[np.int64]) -> Harmonics:
        present = np.array([amplitudes.get(int(i), 0.0) for i in k])
        return present * np.exp(1j * np.pi * k**2 / 8)

    return harmonics


TIMBRES: dict[str, Callable[[NDArray[np.int64]], Harmonics]] = {
    "sine": lambda k: (k == 1) + 0j,
    "triangle": lambda k: np.where(k % 2 == 1, (-1.0) ** ((k - 1) // 2) / k**2, 0) + 0j,
    "square": lambda k: np.where(k % 2 == 1, 1 / k, 0) + 0j,
    "sawtooth": lambda k: 1 / k + 0j,
    # All harmonics alike: the brightest there is. Quadratic phases keep its crest low (Schroeder 1970).
    "buzz": lambda k: np.exp(1j * np.pi * k**2 / 40),
    # Octaves alone, as organ pipes of 8', 4', 2' and 1'.
    "organ": _listed({1: 1.0, 2: 0.9, 4: 0.8, 8: 0.7}),
    # A weak fundamental under a strong middle, as a double reed has it.
    "reed": _listed({1: 0.35, 2: 0.35, 3: 0.6, 4: 0.9, 5: 1.0, 6: 0.9, 7: 0.6, 8: 0.3}),
    # A pure tone with a shimmer far above it.
    "glass": _listed({1: 1.0, 9: 0.3, 10: 0.5, 11: 0.5, 12: 0.3}),
}


def harmonic_table(n_harmonics: int) -> NDArray[np.complex128]:
    """Complex amplitudes of every timbre's harmonics 1 to n: complex128 [timbre, n]."""
    k = np.arange(1, n_harmonics + 1)
    return np.stack([timbre(k) for timbre in TIMBRES.values()]).astype(np.complex128)
