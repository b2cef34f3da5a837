"""From readings to figures: how far each factor reads back, and what else its reading tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.sound import information
from benchmark.sound.listener import LOUDNESS_LU, QUANTITY, Listener, Plan, Reading, factor_values
from generators.factors import Factor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LIMIT_BIT = 0.01  # of what a reading may tell of another factor
DIGITS = 4


@dataclass(frozen=True)
class ReadBack:
    """How one factor reads back over n clips.

    unit, tolerance: of the deviations; "" and 0 where a level is told. worst: largest deviation, None where it is told.
    share_within: of the clips that are within the tolerance, or told rightly. lost: clips of which nothing could be
    read. mean_f: of onsets, in a rhythm. confused: levels that were taken for others. reached: what the plan asks for.
    """

    quantity: str
    factor: str
    unit: str
    tolerance: float
    worst: float | None
    share_within: float
    wrong: int
    lost: int
    mean_f: float | None
    confused: list[str] | None
    reached: bool


@dataclass(frozen=True)
class Leak:
    """What the reading of one factor tells of another, bits; see `information`. reached: it is under 0.01 bit."""

    measured: str
    factor: str
    bits: float
    uncorrected: float
    p: float
    reached: bool


@dataclass(frozen=True)
class Figures:
    """Everything that is said of a space."""

    read_back: list[ReadBack]
    leaks: list[Leak]

    @property
    def reached(self) -> bool:
        """Whether every figure is reached."""
        return all(one.reached for one in self.read_back) and all(one.reached for one in self.leaks)

    def as_json(self) -> dict[str, object]:
        """Plain values, for a file; an absent one is left out."""
        return {
            "read_back": [_present(asdict(one)) for one in self.read_back],
            "information": [_present(asdict(one)) for one in self.leaks],
        }


def _present(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}


def joined(readings: Sequence[Reading]) -> Reading:
    """Readings of several batches as one."""
    columns: dict[str, Any] = {}
    for field in fields(Reading):
        parts = [getattr(one, field.name) for one in readings]
        columns[field.name] = None if parts[0] is None else np.concatenate(parts)
    return Reading(**columns)


def figures(listener: Listener, levels: Integers, reading: Reading) -> Figures:
    """Figures of the clips of these levels, int64 [n, factors]."""
    rng = np.random.default_rng(0)
    read_back: list[ReadBack] = []
    leaks: list[Leak] = []
    for column, factor in enumerate(listener.space.factors):
        own = levels[:, column]
        quantity, *measured = _read_back(factor, own, reading, listener.plan)
        read_back.append(quantity)
        others = [other for other in range(levels.shape[1]) if other != column]
        told_of = [information.grouped(levels[:, other], listener.space.n_levels[other]) for other in others]
        estimates = (information.dependences(bins, own, told_of, rng) for bins in measured)
        for other, *found in zip(others, *estimates, strict=True):
            leaks.append(_leak(factor.name, listener.space.names[other], information.larger(*found)))
    return Figures(read_back, leaks)


def _leak(measured: str, factor: str, found: information.Dependence) -> Leak:
    bits, uncorrected, p = (round(value, DIGITS) + 0.0 for value in (found.bits, found.uncorrected, found.p))  # no -0.0
    return Leak(measured, factor, bits, uncorrected, p, found.bits < LIMIT_BIT)


def _read_back(factor: Factor, own: Integers, reading: Reading, plan: Plan) -> tuple[ReadBack, Integers, Integers]:
    """How a factor reads back; its reading in bins; and its deviation from the level, in bins."""
    quantity = QUANTITY[factor.name]
    if quantity == "pitch":
        cents = 100 * (reading.pitches_midi - factor_values(factor)[own])
        return _deviation(factor, quantity, "cents", plan.cents, cents), *_bins(own, cents, plan.cents)
    if quantity == "loudness":
        units = loudness_deviations(factor, own, reading.loudnesses_lufs)
        return _deviation(factor, quantity, "LU", LOUDNESS_LU, units), *_bins(own, units, LOUDNESS_LU)
    told = reading.timbres if quantity == "timbre" else reading.rhythms
    assert told is not None
    mean_f = None if quantity == "timbre" or reading.onset_f is None else float(reading.onset_f.mean())
    return _told(factor, quantity, own, told, mean_f, plan.mean_f), told + 1, np.where(told == own, 0, told + 2)


def _bins(own: Integers, deviations: NDArray[np.float64], tolerance: float) -> tuple[Integers, Integers]:
    """A reading in bins, and its deviation alone."""
    return information.rounded(own, deviations, tolerance), information.rounded(0 * own, deviations, tolerance)


def loudness_deviations(factor: Factor, own: Integers, loudnesses_lufs: Floats) -> Floats:
    """LU by which each clip is louder than its level, [n]; an amplitude has no LUFS: the mean is taken off."""
    deviations = loudnesses_lufs - factor_values(factor)[own]
    return deviations - np.nanmean(deviations) if factor.unit != "LUFS" else deviations


def _deviation(factor: Factor, quantity: str, unit: str, tolerance: float, deviations: Floats) -> ReadBack:
    sizes, lost = np.abs(deviations), int(np.isnan(deviations).sum())
    within = int((sizes <= tolerance).sum())
    wrong = len(sizes) - within
    worst = round(float(np.nanmax(sizes)), DIGITS)
    share = round(within / len(sizes), DIGITS)
    return ReadBack(quantity, factor.name, unit, tolerance, worst, share, wrong, lost, None, None, wrong == 0)


def _told(
    factor: Factor, quantity: str, own: Integers, told: Integers, mean_f: float | None, wanted_f: float
) -> ReadBack:
    wrong, lost = int((told != own).sum()), int((told < 0).sum())
    share = round(1 - wrong / len(own), DIGITS)
    reached = wrong == 0 and (mean_f is None or mean_f >= wanted_f)
    rounded_f = None if mean_f is None else round(mean_f, DIGITS)
    confused = _confused(factor, own, told)
    return ReadBack(quantity, factor.name, "", 0.0, None, share, wrong, lost, rounded_f, confused, reached)


def _confused(factor: Factor, own: Integers, told: Integers) -> list[str]:
    """Levels that were taken for others, the five most frequent first: `triangle for square: 12`."""
    wrong = np.flatnonzero(told != own)
    pairs, counts = np.unique(np.stack([own[wrong], told[wrong]], axis=1), axis=0, return_counts=True)
    names = [*factor.values, "none"]  # -1 is the last
    most = np.argsort(-counts, kind="stable")[:5]
    return [f"{names[pairs[row, 0]]} for {names[pairs[row, 1]]}: {counts[row]}" for row in most]
