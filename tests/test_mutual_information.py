"""Mutual information of dimensions and factors: values by hand, other estimators, what is refused, blind spots."""

import itertools
import math

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from benchmark.metrics.mutual_information import entropies, histogram_information, neighbour_information

GRID = np.array(list(itertools.product(range(2), range(3))) * 50)
TABLES = {
    "histogram": histogram_information,
    "neighbours": lambda codes, factors: neighbour_information(codes, factors, 0),
}
both = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_entropies_by_hand():
    assert entropies(GRID) == pytest.approx([math.log(2), math.log(3)])


@both
def test_a_small_table_by_hand(table):
    """Four clips, levels 0 0 1 1 and values 0 1 1 1: joint shares 1/4, 1/4, 1/2."""
    found = table(np.array([[0.0], [1.0], [1.0], [1.0]]), np.array([[0], [0], [1], [1]]))
    by_hand = math.log(0.25 / 0.125) / 4 + math.log(0.25 / 0.375) / 4 + math.log(0.5 / 0.375) / 2
    assert found == pytest.approx(np.array([[by_hand]]))


@both
def test_a_dimension_that_is_a_factor_tells_its_entropy_and_of_the_other_exactly_nothing(table):
    found = table(GRID[:, ::-1] * 7.0 - 3.0, GRID)
    assert found == pytest.approx(np.array([[0, math.log(3)], [math.log(2), 0]]))
    assert found[0, 0] == found[1, 1] == 0.0


@both
def test_rounding_tells_nothing(table):
    """Levels of 6 and of 10, independent: logarithms of the rounded shares add up to a little more than 0."""
    grid = np.array(list(itertools.product(range(6), range(10))))
    assert (table(grid[:, ::-1], grid)[[0, 1], [0, 1]] == 0).all()


def test_the_histograms_bins_by_hand():
    """Of 21 values an even step apart, each starts a bin but the last two, which share one."""
    values, levels = np.arange(21.0), np.arange(21)
    found = histogram_information(values[:, None], levels[:, None])
    assert found[0, 0] == pytest.approx(math.log(21) - 2 / 21 * math.log(2))


def test_neighbours_of_two_levels_far_apart_by_hand():
    """Fifteen clips each: of every clip, self and nine more are nearer than the tenth neighbour of its own level.

    psi(30) + psi(10) - psi(15) - psi(10), and psi(30) - psi(15) is the sum of 1/15 to 1/29.
    """
    levels = np.repeat([0, 1], 15)
    values = np.tile(np.arange(15.0) ** 2, 2) + 1e4 * levels
    found = neighbour_information(values[:, None], levels[:, None], seed=0)
    assert found[0, 0] == pytest.approx(sum(1 / i for i in range(15, 30)))


def test_a_level_of_one_clip_is_left_out():
    levels = np.append(np.repeat([0, 1], 15), 2)
    values = np.append(np.tile(np.arange(15.0) ** 2, 2), 50.5) + 1e4 * (levels == 1)
    found = neighbour_information(values[:, None], levels[:, None], seed=0)
    assert found[0, 0] == pytest.approx(sum(1 / i for i in range(15, 30)))


def test_neighbours_against_scikit_learn():
    """Continuous codes; then, where both break ties at random, codes half of one value, and codes of whole numbers."""
    rng = np.random.default_rng(0)
    levels = rng.integers(6, size=4000)
    noisy = levels + rng.normal(size=4000)
    codes = np.stack([noisy, rng.normal(size=4000), np.maximum(noisy, 2.5), np.round(noisy * 2.4)], axis=1)
    assert len(np.unique(codes[:, 3])) > 20
    found = neighbour_information(codes, levels[:, None], seed=0)[:, 0]
    other = mutual_info_classif(codes, levels, discrete_features=False, n_neighbors=10, random_state=0)
    assert found[:2] == pytest.approx(other[:2], abs=1e-6)
    assert found[2:] == pytest.approx(other[2:], abs=0.03)


def test_a_code_of_many_values_tells_as_much_as_one_of_few():
    """Values beyond the few that are counted go to the neighbours: 24 levels are read in full, ties and all."""
    levels = np.repeat(np.arange(24), 100)
    found = neighbour_information(levels[:, None].astype(float), levels[:, None], seed=0)
    assert found[0, 0] == pytest.approx(math.log(24), abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_noise_tells_next_to_nothing(seed):
    rng = np.random.default_rng(seed)
    codes, levels = rng.normal(size=(2000, 5)), rng.integers(12, size=(2000, 1))
    assert neighbour_information(codes, levels, seed).mean() < 0.02
    assert histogram_information(codes, levels).mean() < 19 * 11 / 4000 + 0.01  # the bias that the module states


def test_the_jitter_moves_continuous_codes_by_nothing():
    rng = np.random.default_rng(0)
    levels = rng.integers(4, size=(500, 1))
    codes = levels + rng.normal(size=(500, 1))
    first, second = (neighbour_information(codes, levels, seed) for seed in (0, 1))
    assert first == pytest.approx(second, abs=1e-6)


@both
@pytest.mark.parametrize("unit", [1e-300, 1e-30, -7.0, 1e30, 1e300])
def test_units_make_no_difference(table, unit):
    rng = np.random.default_rng(0)
    codes = GRID + 0.3 * rng.normal(size=GRID.shape)
    assert table(codes * unit, GRID) == pytest.approx(table(codes, GRID), abs=0.02)


@both
def test_constants_and_no_dimensions(table):
    constant = np.full((len(GRID), 3), 0.1, dtype=np.float32)
    assert (table(constant, GRID) == 0).all()
    assert table(constant[:, :0], GRID).shape == (0, 2)


@both
def test_blind_spot_an_exclusive_or_is_nowhere(table):
    """The two dimensions together determine the factor; neither tells anything of it."""
    bits = np.array(list(itertools.product(range(2), range(2))) * 50)
    assert (table(bits.astype(float), bits[:, :1] ^ bits[:, 1:]) == 0).all()


def test_blind_spot_a_far_outlier_empties_the_histogram():
    codes = np.append(GRID[:, 1].astype(float), 1e6)[:, None]
    levels = np.append(GRID[:, 1], 0)[:, None]
    assert histogram_information(codes, levels)[0, 0] < 0.05
    assert neighbour_information(codes, levels, 0)[0, 0] > 1.0


@both
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (np.where(np.arange(300)[:, None] == 7, np.nan, 1.0), GRID, "block 'code': row 7 holds NaN"),
        (np.zeros((299, 2)), GRID, "block 'code' has 299 rows for 300 clips"),
        (np.zeros(300), GRID, r"block 'code' has shape \(300,\)"),
        (np.zeros((300, 2)), GRID[:, 0], r"levels are int64 \(300,\)"),
        (np.zeros((300, 2)), GRID - 1, "levels of row 0"),
        (np.zeros((300, 2)), GRID.astype(float), "levels are float64"),
        (np.zeros((300, 2)), GRID * [[1, 0]], "factor 1 has one level"),
    ],
)
def test_bad_input_is_named(table, codes, factors, message):
    with pytest.raises(ValueError, match=message):
        table(codes, factors)
