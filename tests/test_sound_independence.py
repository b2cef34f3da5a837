"""Moving one factor changes what an independent tool measures of it, and nothing else, over the factor's whole range.

Pitch: librosa's YIN, and its pYIN on a sample. Loudness: pyloudnorm's K-weighting filters, ungated, over the whole
clip. Rhythm: librosa's onsets, scored by mir_eval. Timbre: levels of harmonics of the measured pitch, nearest
centroid.
"""

import librosa
import mir_eval
import numpy as np
import pyloudnorm
import pytest
from scipy.signal import get_window, resample_poly

from generators.phrases import LEAD_IN, SAMPLE_RATE, SPACE, STEP, STEPS, Phrases

PITCHES, TIMBRES, LOUDNESSES, RHYTHMS = (factor.values for factor in SPACE.factors)
PATTERNS = np.array([[place == "x" for place in rhythm] for rhythm in RHYTHMS])
FIRST_NOTE = slice(LEAD_IN + 160, LEAD_IN + 160 + 3_400)  # every rhythm starts with a note; it is at most 10 ms late
# YIN compares whole-sample lags: at 16 kHz it takes a bright tone whose period is no whole number of samples for one of
# twice or three times the period. At 48 kHz it does not.
UPSAMPLED = 3
# librosa's picking threshold; its default of 0.07 also picks the ends of notes: see the test at librosa's defaults.
N_HARMONICS = 12  # glass has its upper band in 9 to 12; all are below the band limit at the highest pitch


def measured_pitches(clips):
    """Pitch of the first note, MIDI [n]: the median of YIN's frames, over four octaves."""
    audio = resample_poly(clips[:, FIRST_NOTE], UPSAMPLED, 1, axis=1)
    f0 = librosa.yin(
        audio,
        fmin=80,
        fmax=1_400,
        sr=UPSAMPLED * SAMPLE_RATE,
        frame_length=UPSAMPLED * 2_048,
        hop_length=UPSAMPLED * 256,
        center=False,
    )
    return librosa.hz_to_midi(np.median(f0, axis=-1))


def measured_loudnesses(clips):
    """K-weighted loudness of the whole clip, LUFS [n]."""
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    for weighting in meter._filters.values():
        clips = weighting.apply_filter(clips)
    return -0.691 + 10 * np.log10((clips**2).mean(1))


def onsets_s(clip, delta=0.07):  # librosa's default
    return librosa.onset.onset_detect(y=clip, sr=SAMPLE_RATE, hop_length=256, units="time", delta=delta)


def nearest_rhythm(onsets):
    """The one of the eight patterns that differs in fewest steps from these onsets in seconds."""
    steps = np.rint((onsets - LEAD_IN / SAMPLE_RATE) / (STEP / SAMPLE_RATE)).astype(int)
    heard = np.isin(np.arange(STEPS), steps)
    return int((heard != PATTERNS).sum(1).argmin())


def measured_rhythms(clips):
    # The quietest notes in the loudest noise trip the default threshold once in some 1,600 clips.
    return np.array([nearest_rhythm(onsets_s(clip, delta=0.15)) for clip in clips])


def harmonic_levels(clips, pitches_midi):
    """Levels of the harmonics of the first note relative to their sum, dB [n, harmonic], floored at -45."""
    note = clips[:, FIRST_NOTE]
    spectra = np.abs(np.fft.rfft(note * get_window("hann", note.shape[1]), 1 << 14))
    hertz = np.fft.rfftfreq(1 << 14, 1 / SAMPLE_RATE)
    harmonics = librosa.midi_to_hz(pitches_midi)[:, None] * np.arange(1, N_HARMONICS + 1)
    powers = np.array(
        [[s[np.abs(hertz - h) < 10].max() ** 2 for h in row] for s, row in zip(spectra, harmonics, strict=True)]
    )
    return np.maximum(10 * np.log10(powers / powers.sum(1, keepdims=True)), -45)


@pytest.fixture(scope="module", params=[True, False], ids=["nuisances", "plain"])
def phrases(request):
    return Phrases(nuisances=request.param)


@pytest.fixture(scope="module")
def render(phrases):
    return lambda levels, seed=0: phrases.render(levels, np.arange(len(levels)) + seed).numpy().astype(np.float64)


@pytest.fixture(scope="module")
def centroids():
    """Mean harmonic levels of each timbre over random clips with nuisances, none of them heard again below."""
    levels = SPACE.sample(400, np.random.default_rng(1_000))
    clips = Phrases().render(levels, np.arange(400) + 10**6).numpy().astype(np.float64)
    spectra = harmonic_levels(clips, measured_pitches(clips))
    return np.array([spectra[levels[:, 1] == timbre].mean(0) for timbre in range(len(TIMBRES))])


def nearest_timbres(clips, pitches_midi, centroids):
    spectra = harmonic_levels(clips, pitches_midi)
    return ((spectra[:, None] - centroids) ** 2).sum(-1).argmin(1)


@pytest.mark.parametrize("moved", SPACE.names)
def test_moving_a_factor_moves_its_measure_and_no_other(moved, phrases, render, centroids):
    """The whole range of one factor, the others fixed at each of five random settings."""
    column, n_settings = SPACE.column(moved), 5
    n_levels = SPACE.n_levels[column]
    levels = np.repeat(SPACE.sample(n_settings, np.random.default_rng(column)), n_levels, axis=0)
    levels[:, column] = np.tile(np.arange(n_levels), n_settings)
    clips = render(levels)

    pitches, loudnesses = measured_pitches(clips), measured_loudnesses(clips)
    timbres, rhythms = nearest_timbres(clips, pitches, centroids), measured_rhythms(clips)

    cents = 15 if phrases.nuisances else 3  # detune is up to 10 cents either way
    assert np.abs(pitches - np.array(PITCHES)[levels[:, 0]]).max() < cents / 100
    assert (timbres == levels[:, 1]).all()
    assert np.abs(loudnesses - np.array(LOUDNESSES)[levels[:, 2]]).max() < 0.1
    assert (rhythms == levels[:, 3]).all()

    measures = dict(zip(SPACE.names, (pitches, timbres, loudnesses, rhythms), strict=True))
    spread = {name: np.ptp(values.reshape(n_settings, n_levels), axis=1).max() for name, values in measures.items()}
    tolerance = {"pitch": (24 if phrases.nuisances else 3) / 100, "timbre": 0, "loudness": 0.06, "rhythm": 0}
    for name in SPACE.names:
        if name == moved:
            assert np.ptp(measures[name]) == pytest.approx(np.ptp(measures[name][:n_levels]), abs=0.5)
            assert spread[name] > 5
        else:
            assert spread[name] <= tolerance[name], name


def test_pitch_reads_back_within_10_cents_by_pyin():
    """Every pitch once; every timbre at a low, a middle and a high one. Octave errors could show: 40 semitones wide."""
    levels = SPACE.sample(24, np.random.default_rng(2))
    levels[:, 0], levels[:, 1] = np.arange(24), np.arange(24) % 8
    clips = Phrases(nuisances=False).render(levels, np.zeros(24, int)).numpy()
    for clip, row in zip(clips, levels, strict=True):
        f0, voiced, _ = librosa.pyin(
            resample_poly(clip[FIRST_NOTE].astype(np.float64), UPSAMPLED, 1),
            fmin=librosa.midi_to_hz(40),
            fmax=librosa.midi_to_hz(80),
            sr=UPSAMPLED * SAMPLE_RATE,
            frame_length=UPSAMPLED * 2_048,
            hop_length=UPSAMPLED * 512,
            resolution=0.05,
            center=False,
        )
        assert voiced.any(), SPACE.describe([row])
        cents = 100 * (librosa.hz_to_midi(np.median(f0[voiced])) - PITCHES[row[0]])
        assert abs(cents) < 10, SPACE.describe([row])


def test_every_timbre_is_told_at_every_pitch(phrases, render, centroids):
    levels = SPACE.sample(192, np.random.default_rng(5))
    levels[:, 0], levels[:, 1] = np.repeat(np.arange(24), 8), np.tile(np.arange(8), 24)
    clips = render(levels, seed=500)
    pitches = measured_pitches(clips)
    assert np.abs(pitches - np.array(PITCHES)[levels[:, 0]]).max() < 0.15
    assert (nearest_timbres(clips, pitches, centroids) == levels[:, 1]).all()


def test_loudness_reads_back_in_every_combination_of_the_rest(render):
    levels = SPACE.grid()[::19]
    errors = measured_loudnesses(render(levels, seed=77)) - np.array(LOUDNESSES)[levels[:, 2]]
    assert np.abs(errors).max() < 0.1


def onset_scores(clips, levels):
    """Mean F at 50 ms, and how many clips are nearest to another rhythm than theirs."""
    scores, wrong = [], 0
    for clip, rhythm in zip(clips, levels[:, 3], strict=True):
        onsets = onsets_s(clip)
        played = (LEAD_IN + STEP * np.flatnonzero(PATTERNS[rhythm])) / SAMPLE_RATE
        scores.append(mir_eval.onset.f_measure(played, onsets, window=0.05)[0])
        wrong += nearest_rhythm(onsets) != rhythm
    return np.mean(scores), wrong


def test_rhythm_is_recovered_without_error(render):
    levels = SPACE.sample(192, np.random.default_rng(3))
    levels[:, 1], levels[:, 3] = np.arange(192) % 8, np.arange(192) // 8 % 8
    f_measure, wrong = onset_scores(render(levels), levels)
    assert f_measure >= 0.97
    assert wrong == 0
