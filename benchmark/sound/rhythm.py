"""Rhythm, by librosa's onsets, scored with mir_eval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.sound.external import tool
from generators.clips import Layout

Floats = NDArray[np.float64]
HOP = 256
WINDOW_S = 0.05


@dataclass(frozen=True)
class Onsets:
    """Onsets that librosa hears in one clip, with its defaults: seconds [n], and how strong each is [n]."""

    seconds: Floats
    strengths: Floats


def onsets(clip: Floats, sample_rate: int) -> Onsets:
    """What librosa hears. clip: float64 [sample]."""
    onset = tool("librosa").onset
    strength = onset.onset_strength(y=clip, sr=sample_rate, hop_length=HOP)
    frames = onset.onset_detect(onset_envelope=strength, sr=sample_rate, hop_length=HOP)
    return Onsets(frames * HOP / sample_rate, strength[frames])


def f_measure(heard: Onsets, level: int, layout: Layout) -> float:
    """F of the onsets that were heard, all of them, against those of a level on the beat, within 50 ms: in [0, 1]."""
    steps = np.array([place == "x" for place in layout.patterns[level]]).nonzero()[0]
    played = (layout.lead_in + layout.step * steps) / layout.sample_rate
    return float(tool("mir_eval.onset").f_measure(played, heard.seconds, window=WINDOW_S)[0])


def nearest_pattern(heard: Onsets, layout: Layout) -> int:
    """The level whose pattern differs in fewest steps from the steps of the strongest onsets.

    Every pattern of a space has as many notes, and so many steps are taken. An onset too many is heard where noise
    begins, just before the first note, and, once in a thousand clips, where the loudest noise lies under the quietest
    notes: always a weaker one than theirs.
    """
    patterns = np.array([[place == "x" for place in pattern] for pattern in layout.patterns])
    steps = np.rint((heard.seconds * layout.sample_rate - layout.lead_in) / layout.step).astype(int)
    strengths = np.array([heard.strengths[steps == step].max(initial=0) for step in range(layout.n_steps)])
    strongest = np.argsort(-strengths, kind="stable")[: patterns[0].sum()]
    struck = np.isin(np.arange(layout.n_steps), strongest) & (strengths > 0)
    return int((struck != patterns).sum(1).argmin())
