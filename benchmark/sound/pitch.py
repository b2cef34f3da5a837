"""Pitch, by librosa's pYIN or by the strongest line of the spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window, resample_poly

from benchmark.sound.external import tool

Floats = NDArray[np.float64]

# pYIN, as YIN, compares whole-sample lags: at 16 kHz it takes a bright tone whose period is no whole number of samples
# for one of twice or three times the period. At 48 kHz it does not.
UPSAMPLED = 3
FRAME_S = 0.128
RESOLUTION = 0.02  # of a semitone: 2 cents
MARGIN = 12  # semitones searched beneath the lowest and above the highest pitch: an octave error can show


def pyin_midi(notes: Floats, sample_rate: int, lowest_midi: float, highest_midi: float, frames: int = 1) -> Floats:
    """Pitch of each note, MIDI [n], NaN where pYIN hears none: the median over frames of 0.128 s.

    notes: float64 [n, sample]. lowest_midi, highest_midi: of the space; searched from an octave below to one above.
    frames: one, at the start of the note, leaves pYIN its thresholds but nothing to smooth. More spread over the note
    and are smoothed by its Viterbi search, a quarter of a second a frame at this resolution.
    Raises ValueError where a note is shorter than the frames.
    Source: Mauch and Dixon 2014, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions".
    """
    librosa = tool("librosa")
    rate = UPSAMPLED * sample_rate
    audio = resample_poly(notes, UPSAMPLED, 1, axis=-1)
    frame = round(FRAME_S * rate)
    hop = (audio.shape[-1] - frame) // (frames - 1) if frames > 1 else frame
    if audio.shape[-1] < frame or hop < 1:
        raise ValueError(f"notes are {notes.shape[-1]} samples; pYIN needs {frame // UPSAMPLED} and one more a frame")
    f0, voiced, _ = librosa.pyin(
        audio[:, : frame + (frames - 1) * hop],
        fmin=librosa.midi_to_hz(lowest_midi - MARGIN),
        fmax=librosa.midi_to_hz(highest_midi + MARGIN),
        sr=rate,
        frame_length=frame,
        hop_length=hop,
        resolution=RESOLUTION,
        max_transition_rate=5,  # octaves a second: the band of a long hop must fit the range
        center=False,
        fill_na=None,
    )
    midi = librosa.hz_to_midi(np.median(f0, axis=-1))
    return np.where(voiced.all(-1), midi, np.nan)


def spectral_peak_midi(clips: Floats, sample_rate: int) -> Floats:
    """Pitch of the strongest line of each clip, MIDI [n], NaN for silence.

    clips: float64 [n, sample]. The peak is that of the parabola through three bins of a Hann-windowed spectrum in
    decibels; over a second it is off by less than 0.1 Hz.
    """
    n = 1 << (clips.shape[-1] - 1).bit_length()
    window = get_window("hann", clips.shape[-1])
    decibels = 20 * np.log10(np.abs(np.fft.rfft(clips * window, n)) + 1e-12)
    peaks = decibels[:, 1:-1].argmax(1) + 1
    below, at, above = (decibels[np.arange(len(clips)), peaks + shift] for shift in (-1, 0, 1))
    curve = below - 2 * at + above
    shift = np.divide(below - above, 2 * curve, out=np.zeros(len(clips)), where=curve != 0)
    hertz = (peaks + shift) * sample_rate / n
    return np.where(np.abs(clips).max(1) > 0, 69 + 12 * np.log2(hertz / 440), np.nan)
