"""One space's clips, heard by tools that are not ours: what was measured of every factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import generators
from benchmark.sound import pitch, rhythm, timbre
from benchmark.sound.loudness import k_weighted_lufs
from generators.factors import Factor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# What is heard of a note: its attack, 8 ms at most, would move YIN's reading of a sine by up to 10 cents; its end is
# left out too.
AFTER_S, NOTE_S = 0.02, 0.1775
CLIPS_A_TIMBRE = 64  # for a centroid
SEED_OF_CENTROIDS = 10**6  # apart from the seeds of the clips that are told by them


@dataclass(frozen=True)
class Plan:
    """How a space is measured. cents, mean_f: what is to be reached in pitch and rhythm.

    pitch: by pYIN, or by spectral peak where there are no notes. aliases: the waveforms are naive.
    """

    pitch: str = "pyin"
    cents: float = 10.0
    mean_f: float = 0.97
    aliases: bool = False


PLANS = {
    "syntone": Plan(pitch="peak", aliases=True),
    "syntone-bandlimited": Plan(pitch="peak"),
    "soundfont": Plan(cents=30.0, mean_f=0.9),
}
LOUDNESS_LU = 0.1

# What of the sound a factor is heard in.
QUANTITY = {
    "pitch": "pitch",
    "frequency": "pitch",
    "loudness": "loudness",
    "amplitude": "loudness",
    "timbre": "timbre",
    "rhythm": "rhythm",
}


@dataclass(frozen=True)
class Reading:
    """What was measured in n clips, [n] each.

    pitches_midi: with detune off; detuned_midi: as the clips are. onset_f, rhythms: None in a space without rhythm.
    timbres: the level told, -1 for none.
    """

    pitches_midi: Floats
    detuned_midi: Floats
    loudnesses_lufs: Floats
    timbres: Integers
    onset_f: Floats | None
    rhythms: Integers | None


class Listener:
    """Renders clips of a space and measures them."""

    def __init__(self, space: str, nuisances: bool = True) -> None:
        """Raises ValueError for an unknown space, or one that cannot be made here; MissingToolError."""
        self.plan = PLANS.get(space, Plan())
        self.generator: Any = generators.load(space, nuisances)
        self.in_tune: Any = generators.load(space, self.generator.nuisances - detuning(self.generator))
        self.space = self.generator.space
        sound = getattr(self.generator, "sound", None)
        self.layout = sound.layout if sound else None
        pitches = factor_values(self._factor("pitch"))
        self._range = float(pitches.min()), float(pitches.max())
        self._centroids = self._learn_timbres()

    def column(self, quantity: str) -> int | None:
        """Column of the factor that is heard in a quantity; None where the space has none."""
        names = [name for name in self.space.names if QUANTITY[name] == quantity]
        return self.space.column(names[0]) if names else None

    def read(self, levels: Integers, seeds: Integers) -> Reading:
        """Measure the clips of these levels and seeds, int64 [n, factors] and [n]. All are held at once."""
        clips, in_tune = (_rendered(generator, levels, seeds) for generator in (self.generator, self.in_tune))
        pitches = self._pitches(np.concatenate([self.notes(in_tune), self.notes(clips)]))
        exact, detuned = pitches[: len(clips)], pitches[len(clips) :]
        timbres = timbre.nearest_timbres(self._spectra(clips, detuned), self._centroids)
        onset_f, rhythms = self._rhythms(clips, levels)
        loudnesses = k_weighted_lufs(clips, self.generator.sample_rate)
        return Reading(exact, detuned, loudnesses, timbres, onset_f, rhythms)

    def _factor(self, quantity: str) -> Factor:
        column = self.column(quantity)
        assert column is not None
        return self.space.factors[column]

    def notes(self, clips: Floats) -> Floats:
        """The middle of the first note of each clip, however late it is; the whole clip where there are no notes."""
        if self.layout is None:
            return clips
        rate = self.layout.sample_rate
        start = self.layout.lead_in + self.layout.max_jitter + round(AFTER_S * rate)
        return clips[:, start : start + round(NOTE_S * rate)]

    def _pitches(self, notes: Floats) -> Floats:
        if self.plan.pitch == "peak":
            return pitch.spectral_peak_midi(notes, self.generator.sample_rate)
        return pitch.pyin_midi(notes, self.generator.sample_rate, *self._range)

    def _spectra(self, clips: Floats, pitches_midi: Floats) -> Floats:
        rate = self.generator.sample_rate
        # Close to half the rate no band-limited space has anything.
        return timbre.harmonic_levels(
            self.notes(clips), pitches_midi, rate, None if self.plan.aliases else 0.475 * rate
        )

    def _rhythms(self, clips: Floats, levels: Integers) -> tuple[Floats | None, Integers | None]:
        column = self.column("rhythm")
        if column is None or self.layout is None:
            return None, None
        heard = [rhythm.onsets(clip, self.generator.sample_rate) for clip in clips]
        scores = [
            rhythm.f_measure(one, level, self.layout) for one, level in zip(heard, levels[:, column], strict=True)
        ]
        return np.array(scores), np.array([rhythm.nearest_pattern(one, self.layout) for one in heard])

    def _learn_timbres(self) -> Floats:
        """Centroids, from clips with every nuisance, random levels of the other factors, and seeds of their own."""
        column, count = self.column("timbre"), CLIPS_A_TIMBRE * self._factor("timbre").n_levels
        levels = self.space.sample(count, np.random.default_rng(0))
        levels[:, column] = np.arange(count) // CLIPS_A_TIMBRE
        clips = _rendered(self.generator, levels, SEED_OF_CENTROIDS + np.arange(count))
        spectra = self._spectra(clips, self._pitches(self.notes(clips)))
        return timbre.centroids(spectra, levels[:, column], self._factor("timbre").n_levels)


def _rendered(generator: Any, levels: Integers, seeds: Integers) -> Floats:
    return generator.render(levels, seeds).numpy().astype(np.float64)


def detuning(generator: Any) -> frozenset[str]:
    """Names of the generator's nuisances that move pitch: those with a range in cents."""
    known = generator.nuisance_list
    return frozenset(one.name for one in known if any(extent.unit == "cents" for extent in one.ranges))


def factor_values(factor: Factor) -> Floats:
    """Values of a pitch in MIDI or of a loudness in decibels, [level], whatever the unit of the factor."""
    values = np.array(factor.values, float)
    if factor.unit == "Hz":
        return 69 + 12 * np.log2(values / 440)
    return 20 * np.log10(values) if factor.name == "amplitude" else values
