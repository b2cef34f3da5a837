"""K-weighted loudness, ungated.

Source: ITU-R BS.1770-4, annex 1, without its gate: the gate would make a crowded rhythm louder than an even one. The
two filters are the standard's, designed anew for any sample rate as De Man 2014 ("Evaluation of implementations of the
EBU R128 loudness measurement", AES 137) describes. At 48 kHz they are the standard's coefficients, but for the gain of
the high pass: far above its corner ours is 1, as pyloudnorm's is; that of the standard's table is 1.005, 0.043 dB more.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
_OFFSET_DB = -0.691  # BS.1770: a 997 Hz sine at full scale reads -3.01 LUFS

Coefficients = tuple[NDArray[np.float64], NDArray[np.float64]]


def k_weighting(sample_rate: int) -> tuple[Coefficients, Coefficients]:
    """Numerator and denominator of the high shelf and of the high pass, for a sample rate in Hz."""
    k, q = np.tan(np.pi * _SHELF_HZ / sample_rate), _SHELF_Q
    high = 10 ** (_SHELF_DB / 20)
    band = high**0.4996667741545416
    shelf = (
        np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]),
        np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]),
    )
    k, q = np.tan(np.pi * _HIGH_PASS_HZ / sample_rate), _HIGH_PASS_Q
    high_pass = (np.array([1.0, -2.0, 1.0]), np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]))
    return shelf, high_pass


def k_weighted_energy(audio: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Sum of squares after K-weighting, the filters' ringing after the end included.

    audio: float64 [..., sample], full scale 1.0. Returns float64 [...].
    """
    n = audio.shape[-1] + sample_rate // 4  # the high pass has rung down by 100 dB a quarter of a second later
    n += n % 2
    power = np.abs(np.fft.rfft(audio, n, axis=-1)) ** 2 * _power_gain(n, sample_rate)
    return (2 * power.sum(-1) - power[..., 0] - power[..., -1]) / n  # Parseval, one-sided


@cache
def _power_gain(n: int, sample_rate: int) -> NDArray[np.float64]:
    """Power gain of both filters at the frequencies of a real transform of n samples."""
    from scipy.signal import freqz  # here, for its import takes longer than making sound from kept features

    frequencies = 2 * np.pi * np.arange(n // 2 + 1) / n
    gain = np.ones(len(frequencies))
    for numerator, denominator in k_weighting(sample_rate):
        gain = gain * np.abs(freqz(numerator, denominator, worN=frequencies)[1]) ** 2
    return gain


def lufs(energy: NDArray[np.float64], n_samples: int) -> NDArray[np.float64]:
    """Loudness in LUFS of `n_samples` samples that hold this K-weighted energy."""
    return _OFFSET_DB + 10 * np.log10(energy / n_samples)


def energy_at(level_lufs: NDArray[np.float64], n_samples: int) -> NDArray[np.float64]:
    """K-weighted energy at which `n_samples` samples have this loudness: the inverse of `lufs`."""
    return n_samples * 10 ** ((level_lufs - _OFFSET_DB) / 10)
