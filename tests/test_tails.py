"""The second view of codes whose scale a few clips own: by hand, and when there is one."""

import numpy as np
import pytest

from benchmark.metrics.tails import BEND, HEAVY, second_view, taming

N = 400


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def blown(codes, factor, share=0.02):
    """Every so many clips multiplied by a factor."""
    codes = codes.copy()
    codes[:: round(1 / share)] *= factor
    return codes


def view(codes):
    found = second_view({"b": codes}, {"b": codes})
    return None if found is None else found[0]


@pytest.mark.parametrize(
    "codes",
    [
        normal(N, 5),
        1e12 * normal(N, 5) + 1e15,
        np.eye(8)[np.arange(N) % 8],
        np.eye(400)[np.arange(N)][:, :4],  # a column that one clip in 400 has
        np.random.default_rng(0).exponential(size=(N, 1)),
        np.arange(N)[:, None] % 24,
        np.zeros((N, 3)),
        np.zeros((N, 0)),
        np.zeros((N, 2)) + normal(2),
        blown(normal(N, 5), HEAVY / 10),
    ],
    ids=["normal", "far off", "one of eight", "rare", "exponential", "levels", "nothing", "empty", "constant", "bent"],
)
def test_codes_of_ordinary_tails_have_no_second_view(codes):
    assert view(codes) is None


@pytest.mark.parametrize("factor", [10 * HEAVY, 1e9, 1e100])
def test_of_blown_up_clips_length_is_lost_and_direction_kept(factor):
    codes = normal(N, 5)
    seen = view(blown(codes, factor))
    lengths = np.linalg.norm(seen, axis=1)
    inside = np.ones(N, bool)
    inside[::50] = False
    assert lengths[~inside].max() < 3 * BEND * np.median(lengths)
    # What the others hold is there at the size of the whole, in a linear map of what it was.
    mapped, *_ = np.linalg.lstsq(np.c_[codes[inside], np.ones(inside.sum())], seen[inside], rcond=None)
    error = seen[inside] - np.c_[codes[inside], np.ones(inside.sum())] @ mapped
    assert (error**2).sum() < 0.1 * ((seen[inside] - seen[inside].mean(0)) ** 2).sum()
    assert seen[inside].std(axis=0).min() > 0.3


def test_a_direction_that_some_clips_own_is_seen_at_the_size_that_the_others_have():
    """Two directions; in the second, which no column shows alone, one clip in ten is a million times as large."""
    codes = normal(N, 2)
    hidden = codes[:, 1] * np.where(np.arange(N) % 10 == 0, 1e6, 1.0)
    mixed = np.c_[codes[:, 0] + hidden, codes[:, 0] - hidden] / np.sqrt(2)
    seen, rest = view(mixed), np.arange(N) % 10 != 0
    told = np.c_[seen[rest], np.ones(rest.sum())]
    for wanted in codes[rest].T:
        weights, *_ = np.linalg.lstsq(told, wanted, rcond=None)
        assert np.corrcoef(told @ weights, wanted)[0, 1] > 0.95
        assert np.linalg.norm(weights[:-1]) < 30, "at no faint amplitude"


def test_a_union_is_seen_anew_where_one_block_of_it_is_heavy():
    calm, heavy = normal(N, 3), blown(normal(N, 2, seed=1), 1e6)
    probe, test = second_view({"a": calm, "b": heavy}, {"a": calm[:7], "b": heavy[:7]})
    assert probe.shape == (N, 5)
    assert test == pytest.approx(probe[:7])
    assert np.cov(probe.T, bias=True) == pytest.approx(np.eye(5), abs=1e-9)


def test_what_a_quarter_has_in_common_is_kept_at_the_spread_of_all():
    """A sparse column: three clips in four are at one value, and no scale of theirs exists."""
    codes = np.c_[normal(N, 1), np.where(np.arange(N) % 4 == 0, normal(N, seed=2), 0.0)]
    assert not taming(codes).heavy
    assert np.isfinite(taming(codes)(codes)).all()
