"""`syntone` is what was published, aliases and all; `syntone-bandlimited` does not alias and is as loud as it says."""

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

import generators
from generators.steady import AMPLITUDES, UNIT
from generators.syntone import SPACE

SINE, TRIANGLE, SAWTOOTH, SQUARE = range(4)
TIME_S = np.linspace(0, 1, 16_000)  # as published: the last sample is at 1 s
BOTH = ["syntone", "syntone-bandlimited"]


def plain(name, levels):
    return generators.load(name, nuisances=False).render_int16(levels, np.zeros(len(levels), int)).numpy().astype(float)


def spectra_of(clips):
    """Magnitudes by whole hertz, 0 dB at the highest; side lobes under -92 dB, the main lobe 5 Hz each way."""
    spectra = np.abs(np.fft.rfft(clips * signal.get_window("blackmanharris", clips.shape[1])))
    return 20 * np.log10(spectra / spectra.max(1, keepdims=True) + 1e-9)


@pytest.mark.parametrize("name", BOTH)
def test_the_grid_is_the_published_one(name):
    timbre, frequency, amplitude = generators.space(name).factors
    assert (timbre.name, timbre.values, timbre.ordinal) == ("timbre", ("sine", "triangle", "sawtooth", "square"), False)
    assert (frequency.name, frequency.unit, frequency.ordinal) == ("frequency", "Hz", True)
    highest = 8_000 if name == "syntone" else 2_000
    assert frequency.values == pytest.approx(np.linspace(440, highest, 400), rel=1e-14)
    assert (frequency.values[0], frequency.values[-1]) == (440, highest)
    assert (amplitude.name, amplitude.unit, amplitude.ordinal) == ("amplitude", "linear", True)
    assert amplitude.values == pytest.approx(np.linspace(0.1, 1, 20), rel=1e-14)
    assert np.diff(AMPLITUDES).tolist() == [9] * 19
    assert generators.space(name).size == 32_000


def test_samples_are_the_published_ones_in_16_bits():
    """Those of scipy's waveforms, but where a sample falls on a jump, which float arithmetic takes either way."""
    levels = SPACE.sample(600, np.random.default_rng(0))
    levels[:400, 1], levels[:, 0] = np.arange(400), np.arange(600) % 4
    waves = [np.sin, lambda x: signal.sawtooth(x, 0.5), signal.sawtooth, signal.square]
    frequencies, amplitudes = np.linspace(440, 8_000, 400), np.linspace(0.1, 1, 20)
    for row, clip in zip(levels, plain("syntone", levels), strict=True):
        published = amplitudes[row[2]] * waves[row[0]](2 * np.pi * frequencies[row[1]] * TIME_S)
        cycles = frequencies[row[1]] * TIME_S
        off_jump = np.abs(cycles - np.rint(cycles)) > 1e-9
        assert off_jump.mean() > 0.99
        assert np.abs(clip - 32_767 * published)[off_jump].max() < 0.51, SPACE.describe([row])
        assert np.abs(clip).max() <= 32_767 * amplitudes[row[2]] + 0.5


@pytest.mark.parametrize("frequency", [150, 250, 399 - 19])
def test_above_a_sixth_of_the_sample_rate_timbres_differ_by_aliases_alone(frequency):
    """Take the harmonics that lie above half the sample rate out of square and triangle: a sine is left."""
    hertz = SPACE.factors[1].values[frequency]
    assert 3 * hertz > 8_000
    sine, triangle, _, square = plain("syntone", [[timbre, frequency, 19] for timbre in range(4)]) / 32_767
    cosine = np.cos(2 * np.pi * hertz * TIME_S)
    for k in range(3, 1_001, 2):
        phase = 2 * np.pi * np.remainder(k * hertz * TIME_S, 1)
        square -= 4 / np.pi / k * np.sin(phase)
        triangle += 8 / np.pi**2 / k**2 * np.cos(phase)
    assert (square - 4 / np.pi * sine).std() < 0.03  # what the series still misses
    assert (triangle + 8 / np.pi**2 * cosine).std() < 1e-3


def test_syntone_aliases():
    """A sawtooth of 440 Hz has, at -40 dB and less, what lies between its harmonics; band-limited there is nothing."""
    for name, silent in (("syntone", False), ("syntone-bandlimited", True)):
        (spectrum,) = spectra_of(plain(name, [[SAWTOOTH, 0, 19]]))
        hertz = np.arange(len(spectrum))
        between = np.abs(hertz - 440 * np.rint(hertz / 440)) > 12
        assert (spectrum[between].max() < -80) == silent
        assert spectrum[between].max() < -25


def test_nothing_sounds_above_the_band_limit_or_between_harmonics():
    frequencies = np.arange(0, 400, 21)
    levels = [[timbre, frequency, 19] for timbre in range(4) for frequency in frequencies]
    hertz = np.arange(8_001)
    space = generators.space("syntone-bandlimited")
    for row, spectrum in zip(levels, spectra_of(plain("syntone-bandlimited", levels)), strict=True):
        f0 = space.factors[1].values[row[1]]
        between = np.abs(hertz - f0 * np.maximum(1, np.rint(hertz / f0))) > 6
        assert spectrum[between | (hertz > 7_606)].max() < -80, space.describe([row])


def test_band_limited_waveforms_have_the_fourier_series_of_their_names():
    """At every frequency three harmonics at least, so that no two timbres are one sound."""
    space = generators.space("syntone-bandlimited")
    for frequency in (0, 133, 266, 399):
        f0 = space.factors[1].values[frequency]
        clips = plain("syntone-bandlimited", [[timbre, frequency, 19] for timbre in range(4)])
        k = np.arange(1, int(7_600 / f0) + 1)
        assert len(k) >= 3
        window = signal.get_window("blackmanharris", 16_000)
        tones = np.exp(-2j * np.pi * f0 * k[:, None] * np.arange(16_000) / 16_000)
        amplitudes = np.abs((clips * window) @ tones.T)
        amplitudes /= amplitudes[:, :1]
        assert amplitudes[SINE] == pytest.approx(1.0 * (k == 1), abs=1e-4)
        assert amplitudes[TRIANGLE] == pytest.approx(k % 2 / k**2, abs=1e-4)
        assert amplitudes[SAWTOOTH] == pytest.approx(1 / k, abs=1e-4)
        assert amplitudes[SQUARE] == pytest.approx(k % 2 / k, abs=1e-4)


def k_weighted_lufs(clips):
    for weighting in pyloudnorm.Meter(16_000)._filters.values():
        clips = weighting.apply_filter(clips)
    return -0.691 + 10 * np.log10((clips**2).mean(1))


@pytest.mark.parametrize("nuisances", [True, False])
def test_band_limited_amplitude_is_loudness_whatever_the_others(nuisances):
    """Within 0.1 LU: amplitude 1 reads -7 LUFS, and n times less reads 20 log10(n) less."""
    space = generators.space("syntone-bandlimited")
    levels = space.sample(400, np.random.default_rng(1))
    levels[:, 1] = np.arange(400)
    clips = generators.load("syntone-bandlimited", nuisances).render(levels, np.arange(400)).numpy().astype(float)
    stated = -7 + 20 * np.log10(np.array(space.factors[2].values)[levels[:, 2]])
    assert np.abs(k_weighted_lufs(clips) - stated).max() < 0.1


def test_syntone_amplitude_is_not_loudness():
    """As published: at one amplitude timbres and frequencies differ by many LU."""
    levels = np.array([[timbre, frequency, 19] for timbre in range(4) for frequency in range(0, 400, 40)])
    assert np.ptp(k_weighted_lufs(plain("syntone", levels) / 32_768)) > 5


def test_peaks():
    """Band-limited: under -0.5 dBFS with the loudest noise. As published: full scale, and noise is held within it."""
    limited, published = (generators.load(name).waves for name in reversed(BOTH))
    peak = (int(limited.samples.abs().max()) / UNIT + int(limited.tape.samples.abs().max())) / 32_768
    assert 20 * np.log10(peak) < -0.5
    assert int(published.samples.abs().max()) / UNIT == pytest.approx(32_767, abs=1e-2)
    noisy = generators.load("syntone", ["noise_floor"]).render_int16([[SQUARE, 5, 19]] * 40, np.arange(40)).numpy()
    square = plain("syntone", [[SQUARE, 5, 19]])[0]
    assert noisy.max() == 32_767
    assert noisy.min() == -32_768
    assert (np.sign(noisy) == np.sign(square)).all(), "noise has wrapped round"


def test_banks_keep_to_their_memory():
    for name in BOTH:
        waves = generators.load(name).waves
        assert waves.n_bytes + waves.tape.samples.numel() * 2 < 200e6
