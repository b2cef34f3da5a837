"""`python -m generators.show`, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from scipy.io import wavfile

import generators
from generators.sheet import in_bands, spectrograms
from generators.show import file_name, main, moved

ROOT = Path(__file__).resolve().parent.parent


def show(*arguments, cwd=ROOT):
    line = [sys.executable, "-W", "error", "-m", "generators.show", *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def test_a_sheet_and_its_clips(tmp_path):
    done = show("syntone-bandlimited", "--out", tmp_path / "sheet", "--seed", 3)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "sheet"
    assert done.stdout == f"28 clips in {folder}, their spectrograms in {folder / 'syntone-bandlimited.png'}\n"
    assert "frequency: 400 levels" in done.stderr
    picture = matplotlib.image.imread(folder / "syntone-bandlimited.png")
    assert picture.shape[1] > 1_200
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 200

    generator = generators.load("syntone-bandlimited")
    still = generator.space.sample(1, np.random.default_rng(3))[0]
    names = set()
    for column, factor in enumerate(generator.space.factors):
        levels = moved(still, column, factor)
        clips = generator.render_int16(levels, np.full(len(levels), 3)).numpy()
        for row, clip in zip(levels, clips, strict=True):
            names.add(file_name(factor, row[column]))
            rate, stored = wavfile.read(folder / file_name(factor, row[column]))
            assert rate == 16_000
            assert stored.dtype == np.int16
            assert np.array_equal(stored, clip)
    assert names == {path.name for path in folder.glob("*.wav")}
    assert len(names) == 28


def test_without_nuisances_there_is_no_noise(tmp_path):
    assert main(["tones", "--no-nuisances", "--out", str(tmp_path)]) == 0
    _, clip = wavfile.read(tmp_path / "pitch_00_48_MIDI.wav")
    assert not clip[:1_600].any()
    assert clip[1_600:].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["phrasess"], "error: no space 'phrasess'; did you mean 'phrases'? There are: phrases, tones, syntone"),
        ([], "error: the following arguments are required: SPACE"),
        (["tones", "--seed", "x"], "error: argument --seed: invalid int value: 'x'"),
        (["tones", "--seed", "-1"], "error: --seed is -1; expected 0 to 9223372036854775807"),
        (["tones", "--sed", "1"], "error: unrecognized arguments: --sed 1"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, message):
    done = show(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tones", "--soundfont", "a.sf2"], "error: space 'tones' has no option 'soundfont'; it has: device"),
        (["syntone", "--out", "README.md/x"], "error: cannot write to README.md/x: Not a directory; choose another"),
    ],
)
def test_mistakes_that_are_found_with_the_sound_at_hand(arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith(message)


def test_levels_of_a_row_are_spread_over_the_factor():
    space = generators.space("syntone")
    still = np.array([1, 250, 6])
    levels = moved(still, 1, space.factors[1])
    assert levels.shape == (12, 3)
    assert (levels[:, [0, 2]] == still[[0, 2]]).all()
    assert (levels[0, 1], levels[-1, 1]) == (0, 399)
    assert np.ptp(np.diff(levels[:, 1])) <= 1
    assert moved(still, 0, space.factors[0])[:, 0].tolist() == [0, 1, 2, 3]


def test_file_names_sort_by_level_and_are_plain():
    pitch, _, loudness, rhythm = generators.space("phrases").factors
    assert file_name(pitch, 3) == "pitch_03_51_MIDI.wav"
    assert file_name(loudness, 0) == "loudness_0_-46_LUFS.wav"
    assert file_name(rhythm, 7) == "rhythm_7_x-x-x-x-.wav"
    frequency, amplitude = generators.space("syntone").factors[1:]
    assert file_name(frequency, 36) == "frequency_036_1122_Hz.wav"
    assert file_name(amplitude, 2) == "amplitude_02_0.195_linear.wav"


def test_a_spectrogram_reads_level_and_frequency():
    time_s = np.arange(16_000) / 16_000
    sine = 0.5 * np.sin(2 * np.pi * 1_000 * time_s)
    spectra = spectrograms(np.stack([sine, np.zeros(16_000)]), 16_000)[:, 4:-4]  # away from its mirrored ends
    hertz = np.linspace(0, 8_000, spectra.shape[-1])
    assert spectra[0].max() == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert (np.abs(hertz[spectra[0].argmax(-1)] - 1_000) < 3).all()
    assert (spectra[1] == -120).all()
    bands = in_bands(spectra, 100, 16_000)
    edges = np.geomspace(100, 8_000, bands.shape[1] + 1)
    loudest = bands[0].mean(-1).argmax()
    assert edges[loudest] <= 1_002
    assert edges[loudest + 1] >= 998
