"""The statistic that says what a reading tells of other factors, on cases worked out by hand; the tools on known sound;
the command that measures a whole space."""

import json
import sys

import numpy as np
import pytest

from benchmark import independence
from benchmark.sound import information, pitch, timbre
from benchmark.sound.external import MissingToolError, tool
from benchmark.sound.figures import figures
from benchmark.sound.information import dependences, mutual_information, rounded
from benchmark.sound.listener import Listener, Plan, Reading
from benchmark.sound.loudness import k_weighted_lufs
from generators.factors import Factor, FactorSpace

RATE = 16_000


def sine(hertz, seconds=1.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz / RATE * np.arange(int(RATE * seconds)))[None]


def entropy(p):
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


def one(measured, own, other, seed=0):
    return dependences(measured, own, [other], np.random.default_rng(seed))[0]


def test_mutual_information_of_known_tables():
    grid = np.indices((6, 4)).reshape(2, -1)
    assert mutual_information(*grid) == pytest.approx(0, abs=1e-12)
    assert mutual_information(grid[1], grid[1]) == pytest.approx(2)
    assert mutual_information(grid[0], grid[0] % 2) == pytest.approx(1)
    # a bit that arrives wrong one time in four: 1 - H(1/4)
    sent, received = np.repeat([0, 0, 1, 1], [3, 1, 3, 1]), np.repeat([0, 1, 1, 0], [3, 1, 3, 1])
    assert mutual_information(sent, received) == pytest.approx(1 - entropy(0.25))


def test_bins_are_centred_on_the_levels_and_an_unread_clip_has_its_own():
    levels = np.array([0, 0, 0, 0, 1, 1, 1])
    deviations = np.array([-0.049, 0.0, 0.049, 0.051, 0.0, np.nan, -0.06])
    bins = rounded(levels, deviations, 0.1)
    assert bins[0] == bins[1] == bins[2]
    assert len(set(bins.tolist())) == 5


@pytest.mark.parametrize("every", [1, 7])
def test_an_exact_reading_tells_nothing_of_other_factors(every):
    """Exactly nothing: also on part of the grid, where counting cells would find some hundredths of a bit."""
    own, other = np.indices((24, 8, 48)).reshape(3, -1)[:2, ::every]
    found = one(own, own, other)
    assert (found.bits, found.p) == (pytest.approx(0, abs=1e-12), 1.0)


def test_factors_that_a_sample_confounds_are_not_charged_to_the_reading():
    rng = np.random.default_rng(1)
    own = rng.integers(4, size=2_000)
    other = np.where(rng.random(2_000) < 0.8, own, rng.integers(4, size=2_000))
    found = one(own, own, other)
    assert found.uncorrected > 0.8
    assert found.bits == pytest.approx(0, abs=1e-12)


def test_noise_in_a_reading_is_not_taken_for_information():
    """Over 60 draws: no bias, though the plug-in estimate is always above the limit; p as often small as it says."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        own, other = rng.integers(12, size=1_500), rng.integers(8, size=1_500)
        measured = rounded(own, rng.normal(size=1_500), 1.0)
        found.append(dependences(measured, own, [other], rng, n_permutations=50)[0])
    bits = np.array([each.bits for each in found])
    assert min(each.uncorrected for each in found) > 0.1
    assert abs(bits.mean()) < 3 * bits.std() / np.sqrt(len(bits)) + 1e-4
    assert bits.std() < 0.02
    assert 0 < np.mean([each.p <= 0.2 for each in found]) < 0.4


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_information_of_a_known_size_is_found(share):
    """Where the other factor is 1 of 0 and 1, this share of the clips reads one tolerance too high: a Z channel."""
    n = 40_000
    rng = np.random.default_rng(3)
    own, other = rng.integers(6, size=n), rng.integers(2, size=n)
    measured = rounded(own, np.where((other == 1) & (rng.random(n) < share), 10.0, 0.0), 10.0)
    found = one(measured, own, other)
    assert found.bits == pytest.approx(entropy(share / 2) - entropy(share) / 2, abs=0.005)
    assert found.p == pytest.approx(1 / (1 + information.N_PERMUTATIONS))


def test_a_spectral_peak_is_read_to_a_tenth_of_a_cent():
    for midi in (69.0, 81.37, 96.5):
        assert pitch.spectral_peak_midi(sine(440 * 2 ** ((midi - 69) / 12)), RATE) == pytest.approx([midi], abs=1e-3)
    assert np.isnan(pitch.spectral_peak_midi(np.zeros((1, RATE)), RATE)).all()


def test_pyin_wants_a_frame_and_hears_octaves_beside_the_range():
    notes = np.concatenate([sine(440 * 2 ** ((midi - 69) / 12), 0.2) for midi in (49, 61, 73)])
    assert pitch.pyin_midi(notes, RATE, 60, 62) == pytest.approx([49, 61, 73], abs=0.05)
    with pytest.raises(ValueError, match="notes are 2000 samples; pYIN needs 2048"):
        pitch.pyin_midi(notes[:, :2_000], RATE, 60, 62)


def test_loudness_reads_a_997_hz_sine_as_the_standard_says():
    """BS.1770-4: -3.01 LKFS at full scale; pyloudnorm's high pass has 0.043 dB less, here and in `generators`."""
    assert k_weighted_lufs(sine(997, 4, 1.0), RATE) == pytest.approx([-3.01 - 0.043], abs=0.05)
    assert k_weighted_lufs(sine(997, 4, 0.1), RATE) == pytest.approx([-23.01 - 0.043], abs=0.05)
    assert np.isnan(k_weighted_lufs(np.zeros((1, RATE)), RATE)).all()


def test_harmonics_are_read_where_they_are_or_where_they_fold_to():
    hertz = 3_000.0
    clip = sine(hertz, amplitude=0.2) + sine(2 * hertz, amplitude=0.1) + sine(RATE - 3 * hertz, amplitude=0.05)
    midi = np.array([69 + 12 * np.log2(hertz / 440)])
    inside = timbre.harmonic_levels(clip, midi, RATE, limit_hz=7_600)[0]
    assert inside[1] - inside[0] == pytest.approx(-6.02, abs=0.05)
    assert np.isnan(inside[2:]).all()
    folded = timbre.harmonic_levels(clip, midi, RATE, limit_hz=None)[0]
    assert folded[:3] - folded[0] == pytest.approx([0, -6.02, -12.04], abs=0.05)
    assert np.isnan(timbre.harmonic_levels(clip, np.array([np.nan]), RATE, None)).all()


def test_the_nearest_centroid_is_over_the_harmonics_that_a_clip_has():
    means = timbre.centroids(np.array([[0.0, -20], [0, -22], [-1, np.nan], [-3, -6]]), np.array([0, 0, 1, 1]), 2)
    assert means.tolist() == [[0, -21], [-2, -6]]
    heard = np.array([[0.0, -20], [-1.9, np.nan], [np.nan, np.nan]])
    assert timbre.nearest_timbres(heard, means).tolist() == [0, 1, -1]
    with pytest.raises(ValueError, match="timbre 1: a harmonic is in none of its 1 clips"):
        timbre.centroids(np.array([[0.0, -20], [-1, np.nan]]), np.array([0, 1]), 2)


@pytest.fixture
def heard():
    """A listener as far as figures ask for one: its space and plan."""
    stub = Listener.__new__(Listener)
    stub.space = FactorSpace(
        (
            Factor("pitch", "MIDI", (60.0, 61.0, 62.0), ordinal=True),
            Factor("timbre", "", ("dull", "bright"), ordinal=False),
            Factor("loudness", "LUFS", (-30.0, -20.0), ordinal=True),
        )
    )
    stub.plan = Plan()
    return stub


def exact(heard, levels):
    values = [np.array(factor.values) for factor in heard.space.factors]
    pitches = values[0][levels[:, 0]]
    return {
        "pitches_midi": pitches,
        "detuned_midi": pitches,
        "loudnesses_lufs": values[2][levels[:, 2]],
        "timbres": levels[:, 1],
        "onset_f": None,
        "rhythms": None,
    }


def test_exact_readings_reach_every_figure(heard):
    levels = np.tile(heard.space.grid(), (20, 1))
    found = figures(heard, levels, Reading(**exact(heard, levels)))
    assert found.reached
    assert [one.worst for one in found.read_back] == [0, None, 0]
    assert max(leak.bits for leak in found.leaks) == 0


def test_figures_say_what_is_wrong_and_what_leaks(heard):
    """A bright timbre reads 11 cents high and, one clip in 40, as a dull one; one clip has no pitch at all."""
    levels = np.tile(heard.space.grid(), (20, 1))
    reading = exact(heard, levels)
    reading["pitches_midi"] = reading["pitches_midi"] + 0.11 * levels[:, 1]
    reading["pitches_midi"][0] = np.nan
    reading["timbres"] = levels[:, 1].copy()
    reading["timbres"][np.flatnonzero(levels[:, 1])[::40]] = 0
    found = figures(heard, levels, Reading(**reading))
    pitches, timbres, loudnesses = found.read_back
    assert (pitches.worst, pitches.wrong, pitches.lost, pitches.reached) == (11, 121, 1, False)
    assert (timbres.wrong, timbres.confused, timbres.reached) == (3, ["bright for dull: 3"], False)
    assert (loudnesses.worst, loudnesses.wrong, loudnesses.reached) == (0, 0, True)
    leaks = {(leak.measured, leak.factor): leak for leak in found.leaks}
    assert leaks["pitch", "timbre"].bits == pytest.approx(1, abs=0.03)
    assert [pair for pair, leak in leaks.items() if not leak.reached] == [("pitch", "timbre")]
    assert not found.reached


def test_a_missing_tool_is_named_with_its_extra(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(MissingToolError, match=r"^librosa is not installed; .* pip install 'dtones\[test\]'$"):
        tool("librosa")
    assert independence.main(["--space", "tones", "--out", str(tmp_path / "sound")]) == 2
    assert capsys.readouterr().err.startswith("error: librosa is not installed")
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--space", "phrasse"], "error: no space 'phrasse'; did you mean 'phrases'? There are: phrases, tones"),
        (["--every", "0"], "error: argument --every: '0' is no whole number from 1; --help shows the options"),
        (["--jobs", "two"], "error: argument --jobs: 'two' is no whole number from 1"),
        (["--spaces"], "error: "),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(arguments, told, command, tmp_path):
    done = command("independence", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(command, tmp_path):
    (tmp_path / "file").write_text("")
    done = command("independence", "--space", "tones", "--out", "file/sound", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write in file/sound")


def test_the_figures_do_not_depend_on_how_many_processes_measure(command, tmp_path, capsys):
    """640 clips, two batches: once by two processes, as a user types it; once in this one."""
    name = "syntone-bandlimited"
    done = command("independence", "--space", name, "--every", 50, "--jobs", 2, "--out", "two", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "measuring 640 clips" in done.stdout
    assert independence.main(["--space", name, "--every", "50", "--jobs", "1", "--out", str(tmp_path / "one")]) == 0
    table = capsys.readouterr().out
    assert all(factor in table for factor in ("timbre", "frequency", "amplitude"))
    two, alone = (json.loads((tmp_path / each / f"{name}.json").read_text()) for each in ("two", "one"))
    assert (two["processes"], alone["processes"]) == (2, 1)
    for each in (two, alone):
        del each["seconds"], each["processes"]
    assert two == alone
    assert (alone["clips"], alone["combinations"], alone["reached"]) == (640, 32_000, True)
    assert len(alone["information"]) == 6
    assert set(alone["tools"]) == {"librosa", "mir_eval", "pyloudnorm", "numpy", "scipy"}
