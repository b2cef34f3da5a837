"""Shares of experts: by hand, their limits, and what they cannot see."""

import numpy as np
import pytest

from benchmark.metrics.mixture import shares


def test_one_expert_right_and_one_wrong():
    assert shares(np.array([[0.9] * 50, [0.1] * 50])) == pytest.approx([1, 0], abs=1e-3)


def test_equal_experts_share_alike():
    one = np.random.default_rng(0).uniform(0.1, 0.9, size=40)
    assert shares(np.stack([one, one])).tolist() == [0.5, 0.5]
    assert shares(one[None]).tolist() == [1.0]


def test_shares_by_hand():
    """Two sure experts, right on 3 clips of 4 and on 1: the likelihood is w^3 (1 - w), so w = 3/4."""
    assert shares(np.array([[1, 1, 1, 1e-9], [1e-9, 1e-9, 1e-9, 1]])) == pytest.approx([3 / 4, 1 / 4], abs=1e-4)


def test_a_mixture_beats_both():
    """p = .9 on half of the clips and .2 on the others, and the reverse: half and half gives .55 everywhere."""
    halves = np.repeat([0.9, 0.2], 20)
    experts = np.stack([halves, halves[::-1]])
    found = shares(experts)
    assert found == pytest.approx([0.5, 0.5])
    assert -np.log(found @ experts).mean() == pytest.approx(-np.log(0.55))
    assert -np.log(0.55) < -np.log(halves).mean() - 0.2


def test_never_worse_than_the_best_on_the_clips_that_choose():
    rng = np.random.default_rng(0)
    for _ in range(20):
        experts = rng.uniform(0.01, 1, size=(5, 200)) ** rng.uniform(0.2, 3, size=(5, 1))
        found = shares(experts)
        assert found.sum() == pytest.approx(1)
        assert (found >= 0).all()
        assert -np.log(found @ experts).mean() <= -np.log(experts).mean(axis=1).min() + 1e-4


def test_two_experts_nearly_as_good_do_not_jump():
    """Where a choice of the best would go from one to the other, the shares hardly move."""
    rng = np.random.default_rng(0)
    experts = rng.uniform(0.2, 0.8, size=(2, 2000))
    tilted = experts * np.array([[1.001], [1.0]])
    assert np.abs(shares(tilted) - shares(experts)).max() < 0.02


def test_blind_spot_which_expert_is_right_for_which_clip():
    """Each is sure and right on its own half of the clips, which anyone could tell apart: still half and half."""
    experts = np.where(np.arange(40) < 20, [[1.0]], [[1e-6]])
    experts = np.stack([experts[0], experts[0][::-1]])
    assert shares(experts) @ experts == pytest.approx([0.5] * 40, abs=1e-3)
