"""Invariance of a block to foreign factors: codes whose distances are known, and collapse, which must not win."""

import numpy as np
import pytest

from benchmark.metrics.invariance import invariance

N_LEVELS = (6, 4, 5)  # a block owns the first, or the first and the last; the second is foreign to both
ORTHOGONAL = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]


def every_combination(times):
    grid = np.stack(np.meshgrid(*map(np.arange, N_LEVELS), indexing="ij"), axis=-1).reshape(-1, 3)
    return np.tile(grid, (times, 1))


LEVELS = every_combination(8)


def found(codes, own=(0,)):
    return invariance(codes, codes, LEVELS, own)


def one_hot(column):
    return np.eye(N_LEVELS[column])[LEVELS[:, column]]


def noise(width, seed=0):
    return np.random.default_rng(seed).normal(size=(len(LEVELS), width))


def test_own_factors_alone():
    for code, own in ((one_hot(0), (0,)), (np.hstack([one_hot(0), one_hot(2)]), (0, 2))):
        assert found(code, own).invariance == pytest.approx(1)
        assert found(code, own).ratio == pytest.approx(0)


def test_own_and_foreign_factor_by_hand():
    """White, a factor of k even levels has d2 = 2k between levels: within a level 3/4 of pairs are 8 apart, plus 12."""
    code = found(np.hstack([one_hot(0), one_hot(1)]))
    pairs_of_one_combination = 1 - (len(LEVELS) / 6 / 4 - 1) / (len(LEVELS) / 6 - 1)  # share of those 8 apart
    within = 8 * pairs_of_one_combination
    assert code.invariance == pytest.approx(1 - within / (12 + 8 * 3 / 4), rel=1e-6)
    apart = 2 * (5 + 3) * len(LEVELS) / (len(LEVELS) - 1)  # twice the trace of the unbiased covariance
    assert code.ratio == pytest.approx(within / apart, rel=1e-6)


def test_foreign_factor_alone_and_noise_are_chance():
    assert found(one_hot(1)).invariance == pytest.approx(0, abs=0.01)
    assert found(one_hot(1)).ratio == pytest.approx(1, abs=0.01)
    assert found(noise(16)).invariance == pytest.approx(0, abs=0.02)
    assert found(noise(16)).ratio == pytest.approx(1, abs=0.02)


def test_collapse_does_not_win():
    """A constant reads 0. One level told from the other five keeps 5 of 15 pairs of levels, at a ratio of 0."""
    still = found(np.full((len(LEVELS), 3), 0.3))
    assert (still.invariance, still.ratio) == (0, 1)
    one_of_six = found((LEVELS[:, :1] == 2).astype(float))
    assert one_of_six.invariance == pytest.approx(5 / 15)
    assert one_of_six.ratio == pytest.approx(0)
    nearly_still = found(1 + 1e-6 * noise(8))
    assert nearly_still.invariance == pytest.approx(0, abs=0.03)
    # A factor of its two that the block has forgotten costs its share.
    assert found(one_hot(0), (0, 2)).invariance == pytest.approx(0.5)


def test_scale_and_rotation_inside_the_block_do_not_matter():
    code = np.hstack([one_hot(0), one_hot(1), noise(6)])
    hidden = np.hstack([one_hot(0), 0.01 * one_hot(1), noise(6)]) @ ORTHOGONAL * 1e-5
    assert found(hidden).invariance == pytest.approx(found(code).invariance, abs=1e-6)


def test_blind_spots():
    """Idle noise lowers it, and a further, bent copy of an own factor raises it, though neither tells anything new."""
    code = np.hstack([one_hot(0), one_hot(1)])
    assert found(np.hstack([one_hot(0), noise(20)])).invariance < 0.4
    own_pair = np.eye(30)[LEVELS[:, 0] * 5 + LEVELS[:, 2]]
    both = np.hstack([one_hot(0), one_hot(2), one_hot(1)])
    assert found(np.hstack([both, own_pair]), (0, 2)).invariance > found(both, (0, 2)).invariance + 0.1
    assert found(code).invariance < 0.7


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ValueError, match="no two of 6 test clips agree"):
        invariance(np.eye(6), np.eye(6), np.arange(6)[:, None], (0,))
    with pytest.raises(ValueError, match="row 3 holds NaN"):
        found(np.where(np.arange(len(LEVELS))[:, None] == 3, np.nan, one_hot(0)))
    still = np.zeros((10, 1), int)
    with pytest.raises(ValueError, match="differ in one own factor alone"):
        invariance(np.eye(10), np.eye(10), still, (0,))
