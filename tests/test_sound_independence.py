"""Moving one factor changes what an independent tool measures of it, and nothing else, over the factor's whole range.

Pitch: librosa's pYIN. Loudness: pyloudnorm's K-weighting filters, ungated, over the whole clip. Rhythm: librosa's
onsets, scored by mir_eval. Timbre: levels of harmonics of the measured pitch, nearest centroid. The whole grid is
measured by `python -m benchmark.independence`; here is a sample of it.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import generators
from benchmark.independence import stratified
from benchmark.sound import pitch
from benchmark.sound.figures import figures, loudness_deviations
from benchmark.sound.listener import Listener, detuning, factor_values

SHEETS = Path(__file__).resolve().parent.parent / "results" / "sound"

# One combination in so many of each space: a few hundred clips, every level among them.
EVERY = {"phrases": 37, "tones": 7, "syntone": 80, "syntone-bandlimited": 80, "soundfont": 37}
AS_PUBLISHED = "syntone"


@cache
def listener(space, nuisances=True):
    return Listener(space, nuisances)


def sample(heard, n, seed):
    return heard.space.sample(n, np.random.default_rng(seed))


@pytest.mark.parametrize("nuisances", [True, False], ids=["nuisances", "plain"])
@pytest.mark.parametrize(
    ("space", "moved"), [(space, name) for space in ("phrases", "tones") for name in generators.space(space).names]
)
def test_moving_a_factor_moves_its_measure_and_no_other(space, moved, nuisances):
    """The whole range of one factor, the others fixed at each of five random settings."""
    heard, n_settings = listener(space, nuisances), 5
    names, column = heard.space.names, heard.space.column(moved)
    n_levels = heard.space.n_levels[column]
    levels = np.repeat(sample(heard, n_settings, column), n_levels, axis=0)
    levels[:, column] = np.tile(np.arange(n_levels), n_settings)

    reading = heard.read(levels, np.arange(len(levels)))
    measures = {
        "pitch": reading.detuned_midi,
        "timbre": reading.timbres,
        "loudness": reading.loudnesses_lufs,
        "rhythm": reading.rhythms,
    }
    cents = 15 if nuisances else 3  # detune is up to 10 cents either way
    tolerance = {"pitch": cents / 100, "timbre": 0, "loudness": 0.1, "rhythm": 0}
    spread = {"pitch": (24 if nuisances else 3) / 100, "timbre": 0, "loudness": 0.06, "rhythm": 0}
    for name, own in zip(names, levels.T, strict=True):
        told = name in ("timbre", "rhythm")
        values = np.arange(len(own)) if told else factor_values(heard.space.factors[heard.space.column(name)])
        assert np.abs(measures[name] - values[own]).max() <= tolerance[name], name
        ranges = np.ptp(measures[name].reshape(n_settings, n_levels), axis=1)
        if name == moved:
            assert ranges.min() > 5
            assert np.ptp(ranges) < 0.5
        else:
            assert ranges.max() <= spread[name], name


@pytest.mark.parametrize("space", generators.SPACES)
def test_a_stratified_sample_reaches_every_figure(space):
    """With every nuisance: factors read back within tolerance, and tell less than 0.01 bit of each other."""
    heard = listener(space)
    rows = stratified(heard, EVERY[space])
    levels = heard.space.levels_at(rows)
    assert [len(np.unique(column)) for column in levels.T] == list(heard.space.n_levels)
    reached = figures(heard, levels, heard.read(levels, rows))
    missed = {one.factor for one in reached.read_back if not one.reached}
    leaked = {(one.measured, one.factor) for one in reached.leaks if not one.reached}
    if space == AS_PUBLISHED:  # equal amplitudes are not equally loud; where all harmonics fold, timbres meet
        assert "frequency" not in missed
        assert "amplitude" in missed
        assert {("amplitude", "timbre"), ("amplitude", "frequency")} <= leaked
    else:
        assert (missed, leaked) == (set(), set())


def test_a_sample_has_each_level_of_the_finest_factor_alike():
    heard = listener("phrases")
    rows = stratified(heard, 16)
    assert len(np.unique(rows)) == len(rows) == 9_216 // 16
    assert np.array_equal(np.bincount(heard.space.levels_at(rows)[:, 0]), np.full(24, 24))
    assert np.array_equal(stratified(heard, 1), np.arange(9_216))


def test_pitch_reads_back_within_10_cents_by_the_whole_of_pyin():
    """Two frames a note, so that its Viterbi search has its say. An octave error could show: 47 semitones are searched.

    Every other pitch; every timbre.
    """
    heard = listener("phrases", nuisances=False)
    levels = sample(heard, 12, 2)
    levels[:, 0], levels[:, 1] = np.arange(0, 24, 2), np.arange(12) % 8
    clips = heard.generator.render(levels, np.zeros(12, int)).numpy().astype(np.float64)
    midi = pitch.pyin_midi(heard.notes(clips), 16_000, 48, 71, frames=2)
    assert np.abs(100 * (midi - np.arange(48, 72, 2))).max() < 10


def test_every_timbre_is_told_at_every_pitch():
    heard = listener("phrases")
    levels = sample(heard, 192, 5)
    levels[:, 0], levels[:, 1] = np.repeat(np.arange(24), 8), np.tile(np.arange(8), 24)
    assert np.array_equal(heard.read(levels, np.arange(192) + 500).timbres, levels[:, 1])


@pytest.mark.parametrize("nuisances", [True, False], ids=["nuisances", "plain"])
def test_every_rhythm_is_told_in_every_timbre(nuisances):
    heard = listener("phrases", nuisances)
    levels = sample(heard, 192, 3)
    levels[:, 1], levels[:, 3] = np.arange(192) % 8, np.arange(192) // 8 % 8
    reading = heard.read(levels, np.arange(192))
    assert reading.onset_f.mean() >= 0.97
    assert np.array_equal(reading.rhythms, levels[:, 3])


def test_pitch_is_measured_without_variants_which_detune_and_with_every_other_nuisance():
    heard = listener("phrases")
    assert detuning(heard.generator) == {"variant"}
    assert heard.in_tune.nuisances == {"onset_jitter", "noise_floor"}
    levels = sample(heard, 64, 4)
    reading = heard.read(levels, np.arange(64))
    cents = 100 * (reading.detuned_midi - factor_values(heard.space.factors[0])[levels[:, 0]])
    assert np.abs(cents).max() > 5, "as the clips are, they are out of tune"


def test_an_amplitude_reads_back_in_decibels_up_to_one_constant():
    amplitude = generators.space("syntone").factors[2]
    own = np.array([0, 9, 19])
    assert factor_values(amplitude)[19] == 0
    assert loudness_deviations(amplitude, own, factor_values(amplitude)[own] - 7) == pytest.approx(np.zeros(3))
    loudness = generators.space("phrases").factors[2]
    assert loudness_deviations(loudness, own[:1], np.array([-45.0])) == pytest.approx([1.0])


@pytest.mark.parametrize("sheet", sorted(SHEETS.glob("*.json")), ids=lambda path: path.stem)
def test_committed_figures_are_of_the_whole_grid_of_todays_space(sheet):
    told = json.loads(sheet.read_text(encoding="utf-8"))
    space = generators.space(sheet.stem)
    assert told["clips"] == told["combinations"] == space.size
    assert [one["factor"] for one in told["read_back"]] == list(space.names)
    # What follows a + is a hash of sampled notes, which other versions of FluidSynth play otherwise.
    assert told["version"].partition("+")[0] == listener(sheet.stem).generator.version.partition("+")[0]
    assert told["reached"] or sheet.stem == AS_PUBLISHED
