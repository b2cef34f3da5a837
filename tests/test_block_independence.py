"""CKA between blocks: values derived by hand, chance, collapse, and the relations that a kernel does not see."""

import numpy as np
import pytest

from benchmark.metrics.independence import independence

RNG = np.random.default_rng(0)
X = RNG.normal(size=(800, 4))
ROTATION = np.linalg.qr(RNG.normal(size=(4, 4)))[0]


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_the_same_block_rotated_and_rescaled(kernel):
    found = independence(X, 1e4 * X @ ROTATION @ np.diag([1, 0.01, 5, 2]), 0, kernel)
    assert found.value == pytest.approx(1, abs=1e-6)
    assert found.excess == pytest.approx(1, abs=1e-6)


def test_one_direction_of_four_by_hand():
    """Linear and white: |C|^2 / sqrt(d d') = 1 / sqrt(1 * 4) for a block that is one direction of the other."""
    assert independence(X[:, :1], X, 0, "linear").value == pytest.approx(0.5, abs=1e-6)


def test_linear_chance_by_hand():
    """Shuffled, each of d d' squared correlations is 1 / (n - 1) on average: sqrt(d d') / (n - 1)."""
    found = independence(X, RNG.normal(size=(800, 9)), 0, "linear")
    assert found.baseline == pytest.approx(6 / 799, rel=0.05)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_independent_blocks_are_at_chance(kernel):
    found = independence(X, RNG.normal(size=(800, 6)), 0, kernel)
    assert found.value < found.high + 0.002
    assert found.excess < 0.005
    assert 0 < found.baseline < found.high < 0.05


def test_constant_and_empty_blocks_are_zero():
    for still in (np.full((800, 3), 0.1, dtype=np.float32), np.zeros((800, 0))):
        found = independence(X, still, 0)
        assert (found.value, found.baseline, found.high, found.excess) == (0, 0, 0, 0)


def test_wide_blocks_on_few_clips_show_why_the_baseline_is_there():
    found = independence(RNG.normal(size=(60, 40)), RNG.normal(size=(60, 40)), 0)
    assert found.value > 0.4
    assert found.excess < 0.05


def test_a_bent_relation_is_seen_by_rbf_alone():
    level = RNG.normal(size=(800, 1))
    bent = level**2
    assert independence(level, bent, 0, "linear").excess < 0.02
    assert independence(level, bent, 0, "rbf").excess > 0.2


def test_a_copy_at_a_hundredth_of_the_amplitude_is_seen():
    whisper = np.hstack([RNG.normal(size=(800, 4)), 0.01 * X])
    found = independence(X, whisper, 0, "linear")
    assert found.value == pytest.approx(4 / np.sqrt(4 * 8), abs=0.02)


def test_blind_spot_a_keyed_copy():
    """A bit in both blocks, keyed in the second by a bit that stands beside it: alone each column is independent."""
    bit, key = RNG.integers(2, size=(2, 800))
    found = independence(bit[:, None], np.stack([bit ^ key, np.roll(key, 1)], axis=1), 0)
    assert found.excess < 0.02


def test_bad_codes_are_named():
    with pytest.raises(ValueError, match="block 'second' has 799 rows for 800 clips"):
        independence(X, X[:-1], 0)
    with pytest.raises(ValueError, match="block 'first': row 5 holds NaN"):
        independence(np.where(np.arange(800)[:, None] == 5, np.inf, X), X, 0)


def test_the_same_to_the_last_digit_and_the_seed_hardly_matters():
    pair = X, np.hstack([X[:, :2], RNG.normal(size=(800, 2))])
    assert independence(*pair, 0) == independence(*pair, 0)
    assert independence(*pair, 0).excess == pytest.approx(independence(*pair, 1).excess, abs=0.02)
