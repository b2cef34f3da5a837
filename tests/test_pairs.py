from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

import generators
from generators.factors import Factor, FactorSpace
from generators.pairs import Pairing, ViewSampler

SPACE = FactorSpace(
    (
        Factor("pitch", "MIDI", (60.0, 61.0, 62.0, 63.0), ordinal=True),
        Factor("timbre", "", ("sine", "reed", "glass"), ordinal=False),
        Factor("loudness", "LUFS", (-30.0, -26.0), ordinal=True),
        Factor("rhythm", "", ("a", "b", "c"), ordinal=False),
    )
)
SUBSETS = list(chain.from_iterable(combinations(SPACE.names, size) for size in range(5)))


def draw(shared, n, views, seed, space=SPACE, pool=None):
    pool = space.grid() if pool is None else pool
    rows = ViewSampler(Pairing(frozenset(shared)), space, pool).draw(n, views, np.random.default_rng(seed))
    assert rows.shape == (n, views)
    return pool[rows]


@settings(deadline=None)
@given(st.sampled_from(SUBSETS), st.integers(1, 5), st.integers(0, 2**32))
def test_views_agree_on_the_shared_factors(shared, views, seed):
    levels = draw(shared, 40, views, seed)
    for name in shared:
        column = levels[:, :, SPACE.column(name)]
        assert (column == column[:, :1]).all()


@pytest.mark.parametrize("shared", SUBSETS, ids="+".join)
def test_what_is_not_shared_is_independent_and_uniform(shared):
    """Chi-square of each view's levels, and of every table of a private factor against a factor of the other view."""
    n = 4_000
    levels = draw(shared, n, 2, seed=11)
    for a, name in enumerate(SPACE.names):
        for view in (0, 1):
            counts = np.bincount(levels[:, view, a], minlength=SPACE.n_levels[a])
            expected = n / SPACE.n_levels[a]
            assert chi2.sf(((counts - expected) ** 2 / expected).sum(), SPACE.n_levels[a] - 1) > 1e-5, name
        if name in shared:
            continue
        for b, other in enumerate(SPACE.names):
            table = np.zeros((SPACE.n_levels[a], SPACE.n_levels[b]))
            np.add.at(table, (levels[:, 0, a], levels[:, 1, b]), 1)
            assert chi2_contingency(table, correction=False).pvalue > 1e-5, (name, other)


@pytest.mark.parametrize("shared", SUBSETS, ids="+".join)
def test_factors_of_one_view_are_independent_of_each_other(shared):
    levels = draw(shared, 4_000, 2, seed=5)[:, 0]
    for a in range(4):
        for b in range(a):
            table = np.zeros((SPACE.n_levels[a], SPACE.n_levels[b]))
            np.add.at(table, (levels[:, a], levels[:, b]), 1)
            assert chi2_contingency(table, correction=False).pvalue > 1e-5


def test_three_views_are_drawn_apart():
    levels = draw({"timbre"}, 6_000, 3, seed=2)
    agree = [(levels[:, i, 0] == levels[:, j, 0]).mean() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert agree == pytest.approx([1 / 4] * 3, abs=4 * np.sqrt(3 / 16 / 6_000))


def test_sharing_everything_gives_one_combination_and_nothing_gives_any():
    same = draw(SPACE.names, 500, 2, seed=0)
    assert (same[:, 0] == same[:, 1]).all()
    apart = draw((), 5_000, 2, seed=0)
    assert (apart[:, 0] == apart[:, 1]).all(1).mean() == pytest.approx(1 / SPACE.size, abs=0.007)


def test_an_uneven_pool_is_drawn_as_it_is():
    """A shared value is as frequent as in the pool; given it, every clip of that value is alike."""
    pool = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    rows = ViewSampler(Pairing(frozenset({"pitch"})), SPACE, pool).draw(40_000, 2, np.random.default_rng(1))
    assert (pool[rows[:, 0], 0] == pool[rows[:, 1], 0]).all()
    for view in (0, 1):
        assert np.bincount(rows[:, view], minlength=4) / 40_000 == pytest.approx([0.25] * 4, abs=0.01)
    both = rows[rows[:, 0] < 3]
    assert (both[:, 0] == both[:, 1]).mean() == pytest.approx(1 / 3, abs=0.015)


def test_draws_are_decided_by_the_random_generator():
    space = generators.space("phrases")
    pool = space.grid()
    first, again, other = (draw({"timbre"}, 64, 2, seed, space, pool) for seed in (4, 4, 5))
    assert (first == again).all()
    assert (first != other).any()


def test_bad_pairings_and_pools_are_refused():
    with pytest.raises(ValueError, match="no factor 'tempo' in this space; it has pitch, timbre, loudness, rhythm"):
        ViewSampler(Pairing(frozenset({"tempo"})), SPACE, SPACE.grid())
    with pytest.raises(ValueError, match="the pool is empty"):
        ViewSampler(Pairing(frozenset()), SPACE, SPACE.grid()[:0])
