"""The notes themselves: levels, edges, spectra."""

import numpy as np
import pytest
from scipy.signal import get_window

from generators.loudness import energy_at, k_weighted_energy, k_weighting, lufs
from generators.phrases import N_SAMPLES, SAMPLE_RATE, SPACE, _bank, _tape
from generators.synth import _to_int16, steady_waves

TIMBRES = SPACE.factors[1].values
PITCHES = np.array(SPACE.factors[0].values)
BAND_LIMIT_HZ, DECAY_DB = 7_600, 40
HIGH_PASS_GAIN = 1.0049949  # of the standard's table, far above the corner: 0.043 dB


@pytest.fixture(scope="module")
def notes():
    """The softest and the loudest notes, full scale 1.0: float64 [timbre, pitch, variant, 2, sample]."""
    bank = _bank()
    laid_out = bank.samples[bank.lead : bank.lead + bank.n_notes * bank.slot].view(*bank.shape, bank.slot)
    assert not laid_out[..., bank.slot - bank.lead :].any(), "a note runs on into the pause after it"
    return laid_out[..., [0, -1], : bank.slot - bank.lead].numpy() / 32768


def hertz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def test_nothing_clips():
    """The loudest note on the loudest noise, each at its peak. Nothing louder can be: notes never overlap."""
    bank, tape = _bank(), _tape()
    highest = max(int(bank.samples.max()) + int(tape.samples.max()), -int(bank.samples.min()) - int(tape.samples.min()))
    assert highest <= 32768 * 10 ** (-0.5 / 20)


def test_a_level_that_would_clip_is_refused():
    _to_int16(np.array([0.944, -0.944]))
    for peak in (0.945, -0.945):
        with pytest.raises(ValueError, match=r"a note would peak at -0\.49 dBFS; expected at most -0\.5"):
            _to_int16(np.array([0.1, peak]))


def test_noise_has_the_levels_that_it_is_recorded_at():
    levels = _tape().samples.view(7, -1).numpy() / 32768
    # below -80 dBFS the rounding to 16 bits, -101 dBFS rms, is heard in the sum; it is counted in
    expected = 10 * np.log10(10 ** (np.arange(-90, -69, 3) / 10) + 2.0**-30 / 12)
    assert 10 * np.log10((levels**2).mean(1)) == pytest.approx(expected, abs=0.05)
    assert np.abs(levels.mean(1)).max() < 5e-3 * 10 ** (-72 / 20) + 1e-6


def test_no_direct_current(notes):
    """Of a whole number of periods nothing is left; a note, which fades, keeps little."""
    waves = steady_waves(hertz=16_000 / 64, phase=0.3, length=6_400, sample_rate=SAMPLE_RATE)
    assert np.abs(waves.mean(1)).max() < 1e-10 * waves.std(1).min()
    loudest = notes[..., 1, :]
    assert np.abs(loudest.mean(-1) / loudest.std(-1)).max() < 10 ** (-30 / 20)


def test_notes_start_and_stop_without_a_step(notes):
    loudest = notes[..., 1, :]
    steps = np.abs(np.diff(loudest, axis=-1, prepend=0, append=0))
    peaks = np.abs(loudest).max(-1)
    assert not loudest[..., 0].any()
    assert not loudest[..., -1].any()
    # 4 samples into the fastest attack, 2 ms, the envelope is at sin(pi/2 * 4/32)**2 = .04
    assert (steps[..., :5].max(-1) / peaks).max() < 2 * 0.04
    # 20 samples before the end of a fade of 80, from -40 dB: 2 * .01 * sin(pi/2 * 20/80)**2 = .003
    assert (steps[..., -20:].max(-1) / peaks).max() < 0.004


def test_notes_fall_by_40_db(notes):
    """Between windows early and late, as steep as 40 dB over the whole note; then nothing louder than that."""
    loudest = notes[..., 1, :]
    length, window = loudest.shape[-1], 1_000
    early, late = slice(200, 200 + window), slice(length - 200 - window, length - 200)
    fallen = 20 * np.log10(loudest[..., early].std(-1) / loudest[..., late].std(-1))
    assert fallen == pytest.approx(np.full(fallen.shape, DECAY_DB * (late.start - early.start) / length), abs=1)
    end = np.abs(loudest[..., -30:]).max(-1) / np.abs(loudest).max(-1)
    assert (end < 10 ** (-DECAY_DB / 20)).all()


@pytest.mark.parametrize("pitch", [48, 54.1, 63, 71.1])
def test_nothing_sounds_above_the_band_limit_or_between_harmonics(pitch):
    """At -80 dB, by a window whose side lobes are under -92 dB: what aliases would fall between the harmonics."""
    n = 1 << 15
    waves = steady_waves(hertz(pitch), phase=1.0, length=n, sample_rate=SAMPLE_RATE)
    spectra = np.abs(np.fft.rfft(waves * get_window("blackmanharris", n)))
    spectra /= spectra.max(1, keepdims=True)
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    main_lobe = 5 * SAMPLE_RATE / n
    assert spectra[:, frequencies > BAND_LIMIT_HZ + main_lobe].max() < 10 ** (-80 / 20)
    off_harmonic = np.abs(frequencies - hertz(pitch) * np.rint(frequencies / hertz(pitch)))
    assert spectra[:, off_harmonic > main_lobe].max() < 10 ** (-80 / 20)


def test_waveforms_have_the_fourier_series_of_their_names():
    """Amplitudes of the first harmonics: 1/k for a sawtooth, odd 1/k for a square, odd 1/k**2 for a triangle."""
    n = 1 << 12
    spectra = np.abs(np.fft.rfft(steady_waves(SAMPLE_RATE / n * 40, 0.0, n, SAMPLE_RATE)))[:, 40::40][:, :9] / (n / 2)
    k = np.arange(1, 10)
    assert spectra[TIMBRES.index("sine")] == pytest.approx(1.0 * (k == 1), abs=1e-9)
    assert spectra[TIMBRES.index("sawtooth")] == pytest.approx(1 / k, abs=1e-9)
    assert spectra[TIMBRES.index("square")] == pytest.approx((k % 2) / k, abs=1e-9)
    assert spectra[TIMBRES.index("triangle")] == pytest.approx((k % 2) / k**2, abs=1e-9)
    assert spectra[TIMBRES.index("buzz")] == pytest.approx(np.ones(9), abs=1e-9)


@pytest.mark.parametrize("timbre", TIMBRES)
def test_every_timbre_has_its_fundamental(notes, timbre):
    """At every pitch, at most 12 dB under its strongest harmonic."""
    plain = notes[TIMBRES.index(timbre), :, 0, 1]
    spectra = np.abs(np.fft.rfft(plain * get_window("hann", plain.shape[-1]), 1 << 15))
    frequencies = np.fft.rfftfreq(1 << 15, 1 / SAMPLE_RATE)
    for spectrum, pitch in zip(spectra, PITCHES, strict=True):
        fundamental = spectrum[np.abs(frequencies - hertz(pitch)) < 5].max()
        assert fundamental > spectrum.max() * 10 ** (-12 / 20)


def test_k_weighting_is_the_standards_at_48_khz():
    """BS.1770-4, annex 1, tables 1 and 2, but for the gain that `generators.loudness` speaks of."""
    (shelf_b, shelf_a), (pass_b, pass_a) = ((b / a[0], a / a[0]) for b, a in k_weighting(48_000))
    assert shelf_b == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-9)
    assert shelf_a == pytest.approx([1, -1.69065929318241, 0.73248077421585], abs=1e-9)
    assert pass_b * HIGH_PASS_GAIN == pytest.approx([1, -2, 1], abs=1e-7)
    assert pass_a == pytest.approx([1, -1.99004745483398, 0.99007225036621], abs=1e-9)


def test_a_997_hz_sine_reads_as_the_standard_says():
    """BS.1770-4: full scale in one channel reads -3.01 LKFS; here less the gain of the standard's high pass."""
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000 * 4) / 48_000)
    assert lufs(k_weighted_energy(sine, 48_000), len(sine)) == pytest.approx(-3.01 - 0.043, abs=0.002)


def test_loudness_and_energy_undo_each_other():
    levels = np.array([-46.0, -26.0, 0.0])
    assert lufs(energy_at(levels, N_SAMPLES), N_SAMPLES) == pytest.approx(levels)
