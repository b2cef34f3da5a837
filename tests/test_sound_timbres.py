"""Eight timbres, plainly distinct: further from each other than nuisances take any of them from itself."""

from itertools import combinations

import librosa
import numpy as np
import pytest

from generators.phrases import SAMPLE_RATE, SPACE, Phrases

TIMBRES = SPACE.factors[1].values
N_SEEDS = 12


def log_spectra(clips):
    """Mean spectrum of each clip in 24 mel bands, dB below its own sum, floored at -40: [n, band]."""
    mel = librosa.feature.melspectrogram(y=clips, sr=SAMPLE_RATE, n_fft=2_048, n_mels=24, fmin=60).mean(-1)
    return np.maximum(10 * np.log10(mel / mel.sum(-1, keepdims=True)), -40)


@pytest.mark.parametrize("pitch", [0, 7, 12, 18, 23])
@pytest.mark.parametrize("loudness", [0, 5])
def test_timbres_lie_further_apart_than_nuisances_spread_them(pitch, loudness):
    levels = np.array([[pitch, timbre, loudness, 4] for timbre in range(len(TIMBRES)) for _ in range(N_SEEDS)])
    clips = Phrases().render(levels, np.arange(len(levels))).numpy()
    spectra = log_spectra(clips).reshape(len(TIMBRES), N_SEEDS, -1)
    centroids = spectra.mean(1)
    within = np.sqrt(((spectra - centroids[:, None]) ** 2).mean((1, 2)))
    for a, b in combinations(range(len(TIMBRES)), 2):
        between = np.sqrt(((centroids[a] - centroids[b]) ** 2).mean())
        assert between > 4 * max(within[a], within[b]), f"{TIMBRES[a]} and {TIMBRES[b]}"
