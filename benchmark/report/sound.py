"""Sound for the report: clips rendered again, features made audible, spectrograms as pictures. Loads torch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib.image
import numpy as np
import soundfile
import torch
import torchaudio.functional
from numpy.typing import NDArray
from torch import Tensor

import generators
from baselines.frontend import FLOOR_DB, LogMel
from benchmark.features import front_end_of
from generators.generator import Generator

Samples = NDArray[np.int16]
MEL_STEPS = 100  # of the search for a spectrum
PHASE_STEPS = 32  # of Griffin and Lim's; with twice as many of both, decibels are off by 1.0 on average instead of 1.3
ZOOM = 3  # pixels a cell, so that pages which are printed or zoomed show cells and no blur
LOUDEST_DB, QUIETEST_DB = -10.0, FLOOR_DB  # the ends of the colours, the same in every picture


@dataclass(frozen=True)
class Space:
    """A space that renders, and the front end that listens to it."""

    name: str
    generator: Generator
    front_end: LogMel

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.generator.sample_rate

    def render(self, levels: NDArray[np.int64], seeds: NDArray[np.int64]) -> Samples:
        """Clips: int16 [n, sample]. Raises ValueError where levels are not of this space."""
        return np.asarray(self.generator.render_int16(self.generator.space.check(levels), seeds).numpy())

    def decibels(self, clips: Samples) -> NDArray[np.float32]:
        """Features of clips, int16 [n, sample] -> float32 [n, frame, mel], dB."""
        return np.asarray(self.front_end(torch.from_numpy(clips.astype(np.float32) / 32_768)).numpy())

    def heard(self, decibels: NDArray[np.floating]) -> Samples:
        """Features made audible: float [frame, mel], dB -> int16 [sample].

        The spectrum that has these mel powers, by multiplicative updates (Lee & Seung 2001, eq. 4), then phases by
        Griffin & Lim (1984). What features do not hold, phases and what lies within a band, is made up: the same
        features give the same sound, but no better one than they allow. Raises ValueError for another shape.
        """
        settings = self.front_end.settings
        if decibels.shape != (settings.n_frames, settings.n_mels):
            wanted = (settings.n_frames, settings.n_mels)
            raise ValueError(f"features are {decibels.shape}; '{self.name}' has {wanted}")
        level = torch.from_numpy(np.asarray(decibels, np.float32)).clamp(FLOOR_DB, 20.0)
        power = (10 ** (level / 10) - 10 ** (FLOOR_DB / 10)).clamp(min=0) * _full_scale(settings.n_fft)
        spectrum = _spectrum(power.T, self.front_end._mel.mel_scale.fb.T)
        window = torch.hann_window(settings.n_fft)
        sound = torchaudio.functional.griffinlim(
            spectrum,
            window=window,
            n_fft=settings.n_fft,
            hop_length=settings.hop,
            win_length=settings.n_fft,
            power=2.0,
            n_iter=PHASE_STEPS,
            momentum=0.9,
            length=(settings.n_frames - 1) * settings.hop,
            rand_init=False,
        )
        # Frames are centred on their hops, half a hop later than torch has them.
        whole = torch.zeros(settings.n_samples)
        start = settings.hop // 2
        part = sound[: settings.n_samples - start]
        whole[start : start + len(part)] = part
        return np.asarray((whole.clamp(-1, 1) * 32_767).round().to(torch.int16).numpy())


def _full_scale(n_fft: int) -> float:
    """The power that `LogMel` calls 0 dB."""
    return float(torch.hann_window(n_fft).sum() / 2) ** 2


def _spectrum(power: Tensor, bands: Tensor) -> Tensor:
    """Nonnegative [bin, frame] whose mel powers are nearest to `power` [mel, frame]. bands: [mel, bin]."""
    spread = bands.T @ power
    spectrum = spread + 1e-12
    for _ in range(MEL_STEPS):
        spectrum = spectrum * spread / (bands.T @ (bands @ spectrum) + 1e-12)
    return spectrum


@cache
def open_space(name: str, nuisances: bool) -> Space:
    """The space of a name. Raises ValueError where there is none, ImportError or OSError where it cannot render."""
    torch.set_num_threads(1)  # clips are short: threads would wait for each other
    return Space(name, generators.load(name, nuisances), LogMel(front_end_of(name)))


def flac(clip: Samples, sample_rate: int) -> bytes:
    """A clip, int16 [sample], as a FLAC file: exact, a fifth of a WAV's size, the same bytes every time."""
    file = io.BytesIO()
    soundfile.write(file, clip, sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def spectrogram(decibels: NDArray[np.floating]) -> bytes:
    """Features, float [frame, mel], dB, as a PNG: time to the right, frequency upwards, from black to yellow."""
    image = np.asarray(decibels, np.float32).T.repeat(ZOOM, axis=0).repeat(2 * ZOOM, axis=1)
    file = io.BytesIO()
    nameless: dict[str, Any] = {"Software": None}  # else the file would name a version of matplotlib
    matplotlib.image.imsave(
        file, image, QUIETEST_DB, LOUDEST_DB, cmap="magma", origin="lower", format="png", metadata=nameless
    )
    return file.getvalue()
