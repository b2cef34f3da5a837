"""The synthesised note bank: band-limited notes, all equally loud at each level, no system library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from generators.bank import NoteBank
from generators.hashing import hashed_below
from generators.loudness import energy_at, k_weighted_energy
from generators.timbres import TIMBRES, harmonic_table

BAND_LIMIT = 0.475  # of the sample rate: 7,600 Hz at 16 kHz
DECAY_DB = 40.0  # from a note's start to its end
FADE_S = 0.02  # at a note's end: a fade of 5 ms is a click, which onset detectors hear as one more onset
ATTACK_MS = (2, 8)
DETUNE_CENTS = (-10, 10)
PLAIN_ATTACK_MS = 4

FloatArray = NDArray[np.float64]


def synthesise(
    pitches_midi: Sequence[float],
    loudnesses_lufs: Sequence[float],
    n_variants: int,
    slot: int,
    lead: int,
    notes_a_clip: int,
    clip_samples: int,
    sample_rate: int,
) -> NoteBank:
    """Build the bank of all eight timbres at these pitches and loudnesses.

    n_variants: versions of each note that differ in phase, detune and attack; variant 0 is plain (phase 0, in tune).
    slot, lead: as in `NoteBank`, samples. notes_a_clip, clip_samples: a clip of that many notes of one level has the
    loudness of that level over its whole length.
    """
    length = slot - lead
    energies = energy_at(np.array(loudnesses_lufs), clip_samples) / notes_a_clip
    notes = np.empty((len(TIMBRES), len(pitches_midi), n_variants, len(loudnesses_lufs), length), np.int16)
    for number, pitch in enumerate(pitches_midi):
        for variant in range(n_variants):
            waves = _waves(pitch, number, variant, length, sample_rate)
            gains = np.sqrt(energies / k_weighted_energy(waves, sample_rate)[:, None])
            notes[:, number, variant] = _to_int16(waves[:, None, :] * gains[..., None])
    return NoteBank.from_notes(torch.from_numpy(notes), slot, sample_rate)


def _to_int16(audio: FloatArray) -> FloatArray:
    """Full scale 1.0 rounded to 16 bits, once, in place. Raises ValueError where a peak passes -0.5 dBFS."""
    peak = max(audio.max(), -audio.min())
    if peak > 10 ** (-0.5 / 20):
        raise ValueError(
            f"a note would peak at {20 * np.log10(peak):.2f} dBFS; expected at most -0.5: lower the loudness"
        )
    audio *= 32768
    return np.rint(audio, out=audio)


def _waves(pitch_midi: float, number: int, variant: int, length: int, sample_rate: int) -> FloatArray:
    """One variant of one pitch in every timbre: float64 [timbre, sample], not yet levelled."""
    phase, cents, attack_ms = _variant(number, variant)
    hertz = 440 * 2 ** ((pitch_midi - 69 + cents / 100) / 12)
    return steady_waves(hertz, phase, length, sample_rate) * _envelope(length, attack_ms, sample_rate)


def _variant(number: int, variant: int) -> tuple[float, float, float]:
    """Phase in radians, detune in cents, attack in milliseconds."""
    if variant == 0:
        return 0.0, 0.0, PLAIN_ATTACK_MS
    seed = torch.tensor([number * 1_000 + variant])
    uniform = [float(hashed_below(seed, stream, 1 << 30)) / (1 << 30) for stream in (11, 12, 13)]
    low, high = DETUNE_CENTS
    first, last = ATTACK_MS
    return 2 * np.pi * uniform[0], low + (high - low) * uniform[1], first + (last - first) * uniform[2]


def steady_waves(hertz: float, phase: float, length: int, sample_rate: int) -> FloatArray:
    """Every timbre without its envelope, nothing above the band limit: float64 [timbre, sample].

    phase: radians of the fundamental at the first sample; the waveform's shape does not depend on it.
    """
    count = int(BAND_LIMIT * sample_rate / hertz)
    first = np.exp(1j * (2 * np.pi * hertz / sample_rate * np.arange(length) + phase))
    # Added up here rather than by a matrix product: many amplitudes are 0, and BLAS would wake threads for every note.
    table = harmonic_table(count)
    waves = np.zeros((len(table), length))
    power = np.ones(length, np.complex128)
    for amplitudes in table.T.tolist():
        power *= first
        sine, cosine = power.imag.copy(), power.real.copy()
        for wave, amplitude in zip(waves, amplitudes, strict=True):
            if amplitude.real:
                wave += amplitude.real * sine
            if amplitude.imag:
                wave += amplitude.imag * cosine
    return waves


def _envelope(length: int, attack_ms: float, sample_rate: int) -> FloatArray:
    """Raised-cosine attack, a fall of `DECAY_DB` in all, raised-cosine end: float64 [sample]."""
    position = np.arange(length)
    attack, fade = attack_ms / 1000 * sample_rate, FADE_S * sample_rate
    rise = np.sin(np.pi / 2 * np.clip(position / attack, 0, 1)) ** 2
    end = np.sin(np.pi / 2 * np.clip((length - 1 - position) / fade, 0, 1)) ** 2
    return rise * end * 10 ** (-DECAY_DB / 20 * position / length)
