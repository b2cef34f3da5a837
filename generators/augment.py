"""Random augmentations of audio: shift, equaliser, gain and noise, in this order; each a function of its row's seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import sosfilt
from torch import Tensor

from generators.hashing import hashed_below
from generators.noise import NoiseTape

_FIRST_STREAM = 301  # apart from the streams that draw nuisances and splits
_STEPS = 1 << 24  # of a draw from a range, both ends in it
_TAPE_PLACES = 1 << 18  # to read noise from
_TAPE_DBFS = -20.0  # ten standard deviations of headroom in 16 bits
_TAPE_LEVEL = 32_768 * 10 ** (_TAPE_DBFS / 20)

Range = tuple[float, float]
Rows = NDArray[np.float64]
Shape = Literal["bell", "low shelf", "high shelf"]


@dataclass(frozen=True)
class Band:
    """A band of the equaliser: a bell or a shelf. centre_hz: range of its centre (a shelf: of its corner)."""

    shape: Shape
    centre_hz: Range


@dataclass(frozen=True)
class Augmentations:
    """How far each goes: (least, most), drawn uniformly, the centres of bands uniformly in octaves.

    shift_ms: later where positive; silence moves in. bands, equaliser_db: gain of each band; a bell's Q is 1, a shelf's
    slope 1. gain_db: of the whole clip. noise_db: white noise, below the clip's own root mean square; a silent clip
    stays silent. A range of (0, 0) switches shift, equaliser or gain off; None switches the noise off.
    """

    shift_ms: Range = (-50.0, 50.0)
    equaliser_db: Range = (-6.0, 6.0)
    bands: tuple[Band, ...] = (
        Band("low shelf", (100.0, 300.0)),
        Band("bell", (300.0, 3_000.0)),
        Band("high shelf", (3_000.0, 6_000.0)),
    )
    gain_db: Range = (-12.0, 0.0)
    noise_db: Range | None = (20.0, 40.0)


DEFAULT = Augmentations()


def augment(audio: Tensor, seeds: Tensor, sample_rate: int, settings: Augmentations = DEFAULT) -> Tensor:
    """A version of each clip, float32 [n, samples] on the device of `audio`.

    audio: float32 [n, samples], full scale 1.0. seeds: int64 [n]. sample_rate: Hz.
    A version that would pass full scale is turned down as a whole, so nothing is clipped. Row i depends on row i alone,
    to the last bit.
    Raises ValueError for audio or seeds of another shape or type, and for a band at or above half the sample rate.
    """
    _check(audio, seeds, sample_rate, settings)
    draws = _drawn(seeds.cpu(), sample_rate, settings)
    clips, versions = audio.cpu().numpy(), np.empty(audio.shape, np.float32)
    noise = _tape(audio.shape[1]).samples.numpy()
    for row, clip in enumerate(clips):  # a row at a time stays in the cache, and knows nothing of its neighbours
        version = shifted(clip, int(draws.shifts[row]))
        if settings.bands:
            version = sosfilt(draws.sections[row], version)
        version *= draws.gains[row]
        level = draws.noise_levels[row] * np.sqrt(np.mean(version * version)) / _TAPE_LEVEL
        version += level * noise[draws.offsets[row] :][: len(version)]
        versions[row] = version / max(float(np.abs(version).max()), 1.0)
    return torch.from_numpy(versions).to(audio.device)


def shifted(clip: Rows, samples: int) -> Rows:
    """A clip, [samples], moved by a number of samples, later where positive; zeros move in. float64."""
    moved = np.zeros(len(clip))
    later, earlier = max(samples, 0), max(-samples, 0)
    moved[later : len(clip) - earlier] = clip[earlier : len(clip) - later]
    return moved


def section(shape: Shape, centre_hz: Rows, gain_db: Rows, sample_rate: int) -> Rows:
    """Second-order sections of one band, a row a clip: float64 [n, 6], as b0 b1 b2 a0 a1 a2 over a0.

    Source: Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients": peaking, low and high
    shelf, the latter two with slope 1.
    """
    a = 10 ** (gain_db / 40)
    omega = 2 * np.pi * centre_hz / sample_rate
    if shape == "bell":
        alpha = np.sin(omega) / 2  # Q = 1
        zeros = [1 + alpha * a, -2 * np.cos(omega), 1 - alpha * a]
        poles = [1 + alpha / a, -2 * np.cos(omega), 1 - alpha / a]
    else:
        side = 1.0 if shape == "low shelf" else -1.0  # the high shelf is the low one, mirrored
        cosine = side * np.cos(omega)
        width = np.sqrt(2 * a) * np.sin(omega)
        top, bottom = (a + 1) - (a - 1) * cosine, (a + 1) + (a - 1) * cosine
        zeros = [a * (top + width), 2 * side * a * ((a - 1) - (a + 1) * cosine), a * (top - width)]
        poles = [bottom + width, -2 * side * ((a - 1) + (a + 1) * cosine), bottom - width]
    return np.stack([*zeros, *poles], axis=1) / poles[0][:, None]


@dataclass(frozen=True)
class _Draws:
    """What was drawn for each of n clips.

    shifts: samples, int64 [n]. sections: [n, band, 6]. gains: linear, [n]. noise_levels: linear, relative to the clip's
    root mean square, [n]. offsets: places on the tape, int64 [n].
    """

    shifts: NDArray[np.int64]
    sections: Rows
    gains: Rows
    noise_levels: Rows
    offsets: NDArray[np.int64]


def _drawn(seeds: Tensor, sample_rate: int, settings: Augmentations) -> _Draws:
    sections = np.empty((len(seeds), len(settings.bands), 6))
    for number, band in enumerate(settings.bands):
        low, high = np.log2(band.centre_hz)
        centre = 2 ** _uniform(seeds, 4 + 2 * number, (float(low), float(high)))
        gain = _uniform(seeds, 5 + 2 * number, settings.equaliser_db)
        sections[:, number] = section(band.shape, centre, gain, sample_rate)
    noise_db = settings.noise_db
    return _Draws(
        shifts=np.rint(_uniform(seeds, 2, settings.shift_ms) * sample_rate / 1_000).astype(np.int64),
        sections=sections,
        gains=10 ** (_uniform(seeds, 0, settings.gain_db) / 20),
        noise_levels=np.zeros(len(seeds)) if noise_db is None else 10 ** (-_uniform(seeds, 1, noise_db) / 20),
        offsets=hashed_below(seeds, _FIRST_STREAM + 3, _TAPE_PLACES).numpy(),
    )


def _uniform(seeds: Tensor, number: int, bounds: Range) -> Rows:
    """A draw from a range for each seed, float64 [n]: the draw of this number."""
    share = hashed_below(seeds, _FIRST_STREAM + number, _STEPS + 1).numpy() / _STEPS
    return bounds[0] + (bounds[1] - bounds[0]) * share


@lru_cache(maxsize=2)
def _tape(n_samples: int) -> NoiseTape:
    """White noise, from which `n_samples` can be read at every place."""
    return NoiseTape.record((_TAPE_DBFS,), _TAPE_PLACES + n_samples)


def _check(audio: Tensor, seeds: Tensor, sample_rate: int, settings: Augmentations) -> None:
    if audio.ndim != 2 or audio.dtype != torch.float32:
        raise ValueError(f"audio must be float32 [n, samples]; got {audio.dtype} {list(audio.shape)}")
    if seeds.shape != audio.shape[:1] or seeds.dtype != torch.int64:
        raise ValueError(f"seeds must be int64 [{len(audio)}]; got {seeds.dtype} {list(seeds.shape)}")
    highest = max((band.centre_hz[1] for band in settings.bands), default=0.0)
    if highest >= sample_rate / 2:
        raise ValueError(f"a band at {highest:g} Hz; expected under half the sample rate, {sample_rate / 2:g} Hz")
    longest = max(map(abs, settings.shift_ms)) * sample_rate / 1_000
    if longest > audio.shape[1]:
        raise ValueError(f"a shift of {longest:g} samples; expected at most the {audio.shape[1]} of a clip")
