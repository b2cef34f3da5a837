"""Modularity and explicitness, which are read together: by hand, against the published numbers, blind spots."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.explicitness import explicitness
from benchmark.metrics.modularity import modularity
from benchmark.metrics.mutual_information import histogram_information

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
GRID = np.array(list(itertools.product(range(2), range(3), range(4))) * 10)


def arrays(name):
    with np.load(DATA / f"{name}.npz") as data:
        return [data[key] for key in ("train_codes", "train_factors", "test_codes", "test_factors")]


def rotation(width):
    return np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]


def test_modularity_by_hand():
    """1 - (1/4 + 0) / 2, then a dimension that tells of all alike, then one that tells nothing."""
    information = np.array([[0.6, 0.3, 0.0], [0.2, 0.2, 0.2], [0.0, 0.0, 0.0]])
    assert modularity(information) == pytest.approx(0.875 / 3)


def test_explicitness_by_hand():
    """The classifier can but follow the one dimension; of four pairs of clips of two levels, three are in order."""
    train = np.array([[0], [1]] * 10), np.array([[0.0], [3.0]] * 10)
    test = np.array([[0], [1], [0], [1]]), np.array([[0.0], [1.0], [2.0], [3.0]])
    assert explicitness(train[1], train[0], test[1], test[0]) == pytest.approx(0.75)


@pytest.mark.parametrize("name", PUBLISHED)
def test_against_the_published_numbers(name):
    train_codes, train_factors, test_codes, test_factors = arrays(name)
    information = histogram_information(train_codes, train_factors)
    assert modularity(information) == pytest.approx(PUBLISHED[name]["modularity"], abs=1e-6)
    found = explicitness(train_codes, train_factors, test_codes, test_factors)
    assert found == pytest.approx(PUBLISHED[name]["explicitness_auc_test"], abs=0.01)


def test_modularity_of_known_codes():
    aligned = GRID.astype(float)
    assert modularity(histogram_information(aligned, GRID)) == pytest.approx(1.0)
    assert modularity(histogram_information(np.hstack([aligned, aligned]), GRID)) == pytest.approx(1.0)
    assert modularity(histogram_information(np.full_like(aligned, 0.1), GRID)) == 0.0
    assert modularity(histogram_information(np.hstack([aligned, 0 * aligned]), GRID)) == pytest.approx(0.5)
    assert modularity(histogram_information(aligned[:, :0], GRID)) == 0.0
    assert modularity(histogram_information(aligned, GRID[:, :1])) == 0.0  # of one factor no other can be told


def test_explicitness_of_known_codes():
    one_hot = np.hstack([np.eye(GRID[:, k].max() + 1)[GRID[:, k]] for k in range(3)])
    assert explicitness(one_hot, GRID, one_hot, GRID) == pytest.approx(1.0)
    for nothing in (np.full((len(GRID), 2), 0.1, dtype=np.float32), one_hot[:, :0]):
        assert explicitness(nothing, GRID, nothing, GRID) == 0.5


def test_explicitness_leaves_out_levels_that_are_not_tested():
    aligned, some = GRID.astype(float), GRID[GRID[:, 1] < 2]
    assert explicitness(aligned, GRID, some.astype(float), some) > 0.8


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_units_make_no_difference(unit):
    train_codes, train_factors, test_codes, test_factors = arrays("rotated")
    train, test = train_codes.astype(float), test_codes.astype(float)
    scaled = explicitness(train * unit, train_factors, test * unit, test_factors)
    assert scaled == pytest.approx(explicitness(train, train_factors, test, test_factors), abs=1e-6)
    tables = [histogram_information(codes, train_factors) for codes in (train * unit, train)]
    assert modularity(tables[0]) == pytest.approx(modularity(tables[1]), abs=1e-3)


def test_blind_spot_a_code_of_noise_is_modular():
    """It holds nothing, and explicitness says so."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=4000) for k in (12, 8, 6, 5)], axis=1)
    codes = rng.normal(size=(4000, 10))
    assert modularity(histogram_information(codes[:2000], factors[:2000])) > 0.7
    assert explicitness(codes[:2000], factors[:2000], codes[2000:], factors[2000:]) == pytest.approx(0.5, abs=0.02)


def test_blind_spot_a_lost_factor_does_not_lower_modularity():
    assert modularity(histogram_information(GRID[:, :1].astype(float), GRID)) == pytest.approx(1.0)


def test_blind_spot_explicitness_does_not_see_a_rotation():
    train_codes, train_factors, test_codes, test_factors = arrays("aligned")
    turn = rotation(train_codes.shape[1])
    before = explicitness(train_codes, train_factors, test_codes, test_factors)
    assert explicitness(train_codes @ turn, train_factors, test_codes @ turn, test_factors) == pytest.approx(
        before, abs=0.005
    )
    information = [histogram_information(codes, train_factors) for codes in (train_codes, train_codes @ turn)]
    assert modularity(information[1][:4]) < modularity(information[0][:4]) - 0.1


def test_blind_spot_explicitness_sees_straight_lines_alone():
    bits = np.array(list(itertools.product(range(2), range(2))) * 50)
    parity = bits[:, :1] ^ bits[:, 1:]
    assert explicitness(bits.astype(float), parity, bits.astype(float), parity) == pytest.approx(0.5)
