"""R2 of decoded features against numbers worked out by hand, and the decoder that all methods share."""

import subprocess
import sys

import numpy as np
import pytest

from benchmark.metrics.reconstruction import r2, standard_decoder_r2

TRUE = np.array([[0.0, 10.0], [2.0, 10.0], [4.0, 16.0]])  # SST: 8 in the first bin, 24 in the second


def test_exact_mean_and_worse():
    mean = np.tile(TRUE.mean(axis=0), (3, 1))
    assert r2(TRUE, TRUE) == 1.0
    assert r2(mean, TRUE) == 0.0
    assert r2(2 * mean - TRUE, TRUE) == pytest.approx(-3.0)  # twice the deviation: SSE = 4 SST
    assert r2(TRUE + np.array([2.0, 0.0]), TRUE) == pytest.approx(1 - 12 / 32)


def test_the_mean_is_each_bins_own():
    # Around one mean over all bins the same answer would read .89.
    assert r2(np.tile(TRUE.mean(axis=0), (3, 1)), TRUE) == 0.0


def test_any_bin_axes():
    rng = np.random.default_rng(0)
    true, decoded = rng.normal(size=(2, 20, 3, 4))
    assert r2(decoded, true) == pytest.approx(r2(decoded.reshape(20, -1), true.reshape(20, -1)))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="expected one shape"):
        r2(TRUE[:2], TRUE)
    with pytest.raises(ValueError, match="decoded features of clip 1 hold NaN"):
        r2(np.where(TRUE == 2.0, np.nan, TRUE), TRUE)
    with pytest.raises(ValueError, match="never vary"):
        r2(TRUE, np.ones_like(TRUE))


def pictures(levels, rng):
    """Features [clip, 8, 16] of two factors, 12 places by 5 shapes, and a nuisance that makes .1 of their variance."""
    rows = np.random.default_rng(0).normal(size=(12, 1, 16)) * np.random.default_rng(1).normal(size=(12, 8, 1))
    clean = rows[levels[:, 0]] * np.random.default_rng(2).normal(size=(5, 8, 16))[levels[:, 1]]
    return clean + np.sqrt(clean.var() / 9) * rng.normal(size=clean.shape)


def decoded(encode, n=1200, seed=0):
    roles = [np.random.default_rng(role).integers((12, 5), size=(n, 2)) for role in (1, 2)]
    features = [pictures(levels, np.random.default_rng(role)) for role, levels in enumerate(roles)]
    codes = [{"code": encode(levels, np.random.default_rng(7 + role))} for role, levels in enumerate(roles)]
    return standard_decoder_r2(codes[0], features[0], codes[1], features[1], seed)


def one_hot(levels, rng):
    return np.hstack([np.eye(12)[levels[:, 0]], np.eye(5)[levels[:, 1]]])


def test_the_standard_decoder_reads_one_hot_codes():
    assert decoded(one_hot) == pytest.approx(0.9, abs=0.02)


def test_the_standard_decoder_reads_scalar_codes():
    """Two numbers, though shapes and places have no order."""
    assert decoded(lambda levels, rng: levels.astype(float)) > 0.75


def test_the_standard_decoder_of_half_of_the_factors():
    """From the place alone: what the mean shape of each place explains."""
    levels = np.random.default_rng(2).integers((12, 5), size=(1200, 2))
    features = pictures(levels, np.random.default_rng(1))
    means = np.stack([features[levels[:, 0] == place].mean(axis=0) for place in range(12)])[levels[:, 0]]
    found = decoded(lambda levels, rng: np.eye(12)[levels[:, 0]])
    assert found == pytest.approx(r2(means, features), abs=0.03)


@pytest.mark.parametrize("code", ["noise", "constant"])
def test_the_standard_decoder_of_nothing_is_chance(code):
    found = decoded(lambda levels, rng: rng.normal(size=(len(levels), 32)) * (code == "noise"))
    assert found == pytest.approx(0, abs=0.02)  # the mean of 1,200 clips, and a ridge that hardly shrinks less


def test_the_standard_decoder_is_the_same_for_any_unit_or_rotation():
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(17, 17)))[0]
    plain = decoded(one_hot)
    assert decoded(one_hot) == plain
    assert decoded(lambda levels, rng: 1e6 * one_hot(levels, rng) @ turn) == pytest.approx(plain, abs=0.01)


def test_the_standard_decoder_names_bad_codes():
    with pytest.raises(ValueError, match="block 'code': row 0 holds NaN"):
        decoded(lambda levels, rng: np.full((len(levels), 2), np.nan))


def test_a_change_of_the_probes_makes_no_training_stale():
    """What a training run is hashed with, its decoders' scores among it, imports nothing that scores embeddings."""
    code = (
        "import sys; from benchmark.metrics import reconstruction, swap, table;"
        "print(*(name for name in sys.modules if name.startswith('benchmark.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name.removeprefix("benchmark.") for name in done.stdout.split()}
    known = {"checks", "reconstruction", "regression", "swap", "table", "threads", "whitening"}
    assert names == {"metrics", *(f"metrics.{name}" for name in known)}
