"""The front end that every method on features shares: log-mel spectrograms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio
from torch import Tensor, nn

FLOOR_DB = -80.0


@dataclass(frozen=True)
class FrontEndSettings:
    """What decides the features. `n_fft` and `hop` in samples."""

    sample_rate: int
    n_samples: int
    n_fft: int = 2048
    hop: int = 1000
    n_mels: int = 64
    f_min: float = 60.0

    @property
    def n_frames(self) -> int:
        """Frames of a clip: one a hop, each centred on its hop."""
        return self.n_samples // self.hop

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate


class LogMel(nn.Module):
    """Audio to log-mel spectrograms, by torchaudio's `MelSpectrogram`.

    0 dB is a sine at full scale; what lies under `FLOOR_DB` is the floor, which hides most of the noise nuisance.
    Nothing is normalised clip by clip: that would erase loudness.
    """

    def __init__(self, settings: FrontEndSettings) -> None:
        super().__init__()
        self.settings = settings
        self._pad = (settings.n_fft - settings.hop) // 2
        self._mel = torchaudio.transforms.MelSpectrogram(
            settings.sample_rate,
            n_fft=settings.n_fft,
            hop_length=settings.hop,
            f_min=settings.f_min,
            n_mels=settings.n_mels,
            power=2.0,
            center=False,
        )
        self._full_scale = float(torch.hann_window(settings.n_fft).sum() / 2) ** 2

    @torch.no_grad()
    def forward(self, audio: Tensor) -> Tensor:
        """Audio, float32 [clip, sample] -> decibels, float32 [clip, frame, mel], from `FLOOR_DB` up."""
        power = self._mel(nn.functional.pad(audio, (self._pad, self._pad))) / self._full_scale
        return 10 * torch.log10(power + 10 ** (FLOOR_DB / 10)).transpose(1, 2).contiguous()

    def centres_hz(self) -> Tensor:
        """Centre frequency of each mel band, Hz: float32 [mel]."""
        bank = self._mel.mel_scale.fb
        hertz = torch.linspace(0, self.settings.sample_rate / 2, bank.shape[0], device=bank.device)
        return hertz[bank.argmax(dim=0)]
