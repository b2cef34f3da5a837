"""`tones`: one note of `phrases`, longer, as loud, alone."""

import librosa
import numpy as np
import pyloudnorm
import pytest
from scipy.signal import resample_poly

import generators
from generators import phrases, tones

SPACE = tones.SPACE
GENERATOR = generators.load("tones")


def clips_of(levels, nuisances=True):
    return generators.load("tones", nuisances).render(levels, np.arange(len(levels))).numpy().astype(np.float64)


def test_factors_are_those_of_phrases_without_rhythm():
    assert SPACE.names == ("pitch", "timbre", "loudness")
    assert all(factor in phrases.SPACE.factors for factor in SPACE.factors)
    assert (SPACE.size, GENERATOR.n_samples, GENERATOR.sample_rate) == (24 * 8 * 6, 16_000, 16_000)


def test_bank_keeps_to_its_memory():
    bank = GENERATOR.sound.bank
    assert bank.n_bytes + GENERATOR.sound.tape.samples.numel() * 2 < 200e6
    assert bank.shape == (8, 24, tones.N_VARIANTS, 6)


def test_nothing_clips():
    bank, tape = GENERATOR.sound.bank.samples, GENERATOR.sound.tape.samples
    highest = max(int(bank.max()) + int(tape.max()), -int(bank.min()) - int(tape.min()))
    assert highest <= 32768 * 10 ** (-0.5 / 20)


def test_loudness_is_the_factor_whatever_the_others():
    """All pitches, timbres and loudnesses, K-weighted by pyloudnorm, over the whole second."""
    levels = SPACE.grid()
    clips = clips_of(levels)
    for weighting in pyloudnorm.Meter(16_000)._filters.values():
        clips = weighting.apply_filter(clips)
    measured = -0.691 + 10 * np.log10((clips**2).mean(1))
    assert np.abs(measured - np.array(SPACE.factors[2].values)[levels[:, 2]]).max() < 0.1


@pytest.mark.parametrize("nuisances", [True, False])
def test_pitch_is_the_factor_whatever_the_others(nuisances):
    """Every pitch in every timbre by librosa's YIN, at 48 kHz, where it takes no double period for a period."""
    levels = SPACE.grid()[2::6]
    notes = resample_poly(clips_of(levels, nuisances)[:, 2_000:6_000], 3, 1, axis=1)
    f0 = librosa.yin(notes, fmin=80, fmax=1_400, sr=48_000, frame_length=6_144, hop_length=4_608, center=False)
    cents = 100 * np.abs(librosa.hz_to_midi(np.median(f0, axis=-1)) - np.array(SPACE.factors[0].values)[levels[:, 0]])
    assert cents.max() < (15 if nuisances else 3)  # detune is up to 10 cents either way


def test_a_tone_starts_after_the_lead_in_and_ends_with_the_clip():
    clips = np.abs(clips_of(SPACE.grid()[5::6], nuisances=False))
    assert not clips[:, : phrases.LEAD_IN + 1].any()
    assert not clips[:, 16_000 - phrases.MAX_JITTER :].any()
    peaks = clips.max(1)
    assert (clips[:, 1_600:1_900].max(1) > 0.6 * peaks).all()
    # 40 dB down at the end, before its fade of 20 ms
    assert clips[:, 15_300:15_500].max(1) / peaks == pytest.approx(10 ** (-38 / 20), rel=0.5)


def test_plain_variants_are_first():
    """The notes without nuisances are the bank's variant 0, in tune: `phrases` starts every note the same way."""
    ours = generators.load("tones", False).render([[12, 0, 5]], [0])[0, 1_600:1_700].numpy()
    theirs = generators.load("phrases", False).render([[12, 0, 5, 0]], [0])[0, 1_600:1_700].numpy()
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999
