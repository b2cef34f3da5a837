"""R2 of decoded features against numbers worked out by hand."""

import numpy as np
import pytest

from benchmark.metrics.reconstruction import r2

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
