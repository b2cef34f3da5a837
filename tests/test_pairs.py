from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

import generators
from generators.factors import Factor, FactorSpace
from generators.pairs import AUGMENT, IDENTICAL, INDEPENDENT, Pairing, ViewSampler

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
@given(st.sampled_from(SUBSETS), st.integers(2, 5), st.integers(0, 2**32))
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


@st.composite
def spaces(draw):
    """Spaces of 2 to 4 factors."""
    counts = draw(st.lists(st.integers(2, 6), min_size=2, max_size=4))
    names = ("pitch", "timbre", "loudness", "rhythm")
    return FactorSpace(
        tuple(
            Factor(name, "", tuple(map(str, range(n))), ordinal=False) for name, n in zip(names, counts, strict=False)
        )
    )


@settings(deadline=None, max_examples=50)
@given(st.data(), spaces(), st.integers(2, 6), st.integers(0, 2**32))
def test_in_any_space_views_share_what_they_should_and_nothing_else(data, space, views, seed):
    """Mutual information, bits, of any two views' levels of every two factors: that of a shared one, or none."""
    shared = data.draw(st.sets(st.sampled_from(space.names)))
    n = 3_000
    levels = draw(shared, n, views, seed, space)
    one, other = data.draw(st.lists(st.integers(0, views - 1), min_size=2, max_size=2, unique=True))
    for a, name in enumerate(space.names):
        counts = np.bincount(levels[:, other, a], minlength=space.n_levels[a])
        expected = n / space.n_levels[a]
        assert chi2.sf(((counts - expected) ** 2 / expected).sum(), space.n_levels[a] - 1) > 1e-7
        for b in range(len(space.names)):
            table = np.zeros((space.n_levels[a], space.n_levels[b]))
            np.add.at(table, (levels[:, one, a], levels[:, other, b]), 1)
            if a == b and name in shared:
                assert (table == np.diag(np.diag(table))).all()
            else:
                assert chi2_contingency(table, correction=False).pvalue > 1e-7


def versions(n_clips, per_clip):
    """A pool of clips in so many versions: levels, and the clip of each row."""
    clips = np.repeat(np.arange(n_clips), per_clip)
    return SPACE.levels_at(clips), 1_000 + clips


@pytest.mark.parametrize("views", [2, 3, 4])
def test_views_of_augment_are_different_versions_of_one_clip(views):
    pool, clips = versions(30, 4)
    rows = ViewSampler(AUGMENT, SPACE, pool, clips).draw(6_000, views, np.random.default_rng(3))
    assert rows.shape == (6_000, views)
    assert (clips[rows] == clips[rows][:, :1]).all()
    assert (np.diff(np.sort(rows, axis=1), axis=1) > 0).all()
    for view in range(views):  # every version of every clip is as likely as another
        counts = np.bincount(rows[:, view], minlength=120)
        assert chi2.sf(((counts - 50) ** 2 / 50).sum(), 119) > 1e-5
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (rows[:, 0] % 4, rows[:, 1] % 4), 1)
    assert pairs[~np.eye(4, dtype=bool)] / 6_000 == pytest.approx(1 / 12, abs=0.015)


def test_clips_in_different_numbers_of_versions_are_drawn_as_often_as_they_stand_there():
    clips = np.array([7, 7, 7, 7, 7, 9, 9])
    pool = np.zeros((7, 4), np.int64)
    rows = ViewSampler(AUGMENT, SPACE, pool, clips).draw(20_000, 2, np.random.default_rng(0))
    assert (clips[rows[:, 0]] == 7).mean() == pytest.approx(5 / 7, abs=0.015)
    assert (rows[:, 0] != rows[:, 1]).all()


@pytest.mark.parametrize("views", [2, 5])
def test_views_of_identical_are_the_very_same_clip(views):
    pool = np.concatenate([SPACE.grid(), SPACE.grid()])
    rows = ViewSampler(IDENTICAL, SPACE, pool).draw(500, views, np.random.default_rng(0))
    assert (rows == rows[:, :1]).all()
    assert len(np.unique(rows)) > 100


def test_views_of_independent_are_any_clips():
    rows = ViewSampler(INDEPENDENT, SPACE, SPACE.grid()).draw(5_000, 3, np.random.default_rng(0))
    plain = ViewSampler(Pairing(), SPACE, SPACE.grid()).draw(5_000, 3, np.random.default_rng(0))
    assert (rows == plain).all()
    table = np.zeros((SPACE.size, SPACE.size))
    np.add.at(table, (rows[:, 0], rows[:, 2]), 1)
    expected = 5_000 / SPACE.size**2
    assert chi2.sf(((table - expected) ** 2 / expected).sum(), SPACE.size**2 - 1) > 1e-5


def test_a_pairing_is_factors_or_one_of_the_others():
    with pytest.raises(ValueError, match="no pairing 'same'; there are: factors, independent, identical, augment"):
        Pairing(kind="same")
    with pytest.raises(ValueError, match=r"the pairing 'augment' shares no factors of its own; got \['pitch'\]"):
        Pairing(frozenset({"pitch"}), "augment")


def test_versions_that_are_not_there_are_asked_for():
    pool, clips = versions(5, 3)
    rng = np.random.default_rng(0)
    for wrong in (None, clips[:-1]):
        with pytest.raises(ValueError, match="must be told which clip each row of the pool is a version of"):
            ViewSampler(AUGMENT, SPACE, pool, wrong)
    with pytest.raises(ValueError, match="an example of 4 views needs as many versions of a clip; one has 3"):
        ViewSampler(AUGMENT, SPACE, pool, clips).draw(2, 4, rng)
    for views in (1, 0, -1):
        with pytest.raises(ValueError, match=f"an example of {views} views; expected two or more"):
            ViewSampler(IDENTICAL, SPACE, pool).draw(2, views, rng)


def test_bad_pairings_and_pools_are_refused():
    with pytest.raises(ValueError, match="no factor 'tempo' in this space; it has pitch, timbre, loudness, rhythm"):
        ViewSampler(Pairing(frozenset({"tempo"})), SPACE, SPACE.grid())
    with pytest.raises(ValueError, match="the pool is empty"):
        ViewSampler(Pairing(frozenset()), SPACE, SPACE.grid()[:0])
