"""Separated attribute predictability: by hand, against the published numbers, and what it cannot see."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.sap import sap_r2, sap_svm

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
GRID = np.array(list(itertools.product(range(2), range(2))) * 25)


def arrays(name):
    with np.load(DATA / f"{name}.npz") as data:
        return [data[key] for key in ("train_codes", "train_factors", "test_codes", "test_factors")]


def test_r2_by_hand():
    """Around their means the second dimension is -1 0 0 1 and the factor -1/2 -1/2 1/2 1/2: R2 = 1 / (2 x 1)."""
    codes = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 1.0], [2.0, 2.0]])
    assert sap_r2(codes, np.array([[0], [0], [1], [1]])) == pytest.approx(0.5)


def test_svm_by_hand():
    """The first dimension tells two levels without mistake; the second never varies and is right for half the clips."""
    codes = np.stack([GRID[:, 0], 0.1 + 0 * GRID[:, 0]], axis=1)
    assert sap_svm(codes, GRID[:, :1], codes, GRID[:, :1]) == pytest.approx(0.5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_against_the_published_numbers(name):
    train_codes, train_factors, test_codes, test_factors = arrays(name)
    assert sap_r2(train_codes, train_factors) == pytest.approx(PUBLISHED[name]["sap_linear_r2"], abs=1e-6)
    found = sap_svm(train_codes, train_factors, test_codes, test_factors, own_units=True)
    assert found == pytest.approx(PUBLISHED[name]["sap_svm_accuracy"], abs=0.01)


@pytest.mark.parametrize("sap", [sap_r2, lambda codes, factors: sap_svm(codes, factors, codes, factors)])
def test_known_codes(sap):
    aligned = GRID.astype(float)
    assert sap(np.hstack([aligned, aligned]), GRID) == 0.0
    assert sap(np.full_like(aligned, 0.1, dtype=np.float32), GRID) == 0.0
    assert sap(aligned[:, :0], GRID) == 0.0


def test_one_dimension_leads_a_dimension_that_predicts_nothing():
    one = GRID[:, :1].astype(float)
    assert sap_r2(one, GRID) == sap_r2(np.hstack([one, 0 * one]), GRID) == pytest.approx(0.5)


@pytest.mark.parametrize("unit", [1e-300, 1e-3, 1e3, 1e300])
def test_units_make_no_difference(unit):
    train_codes, train_factors, test_codes, test_factors = arrays("rotated")
    train, test = train_codes.astype(float), test_codes.astype(float)
    assert sap_r2(train * unit, train_factors) == pytest.approx(sap_r2(train, train_factors), abs=1e-9)
    found = sap_svm(train * unit, train_factors, test * unit, test_factors)
    assert found == pytest.approx(sap_svm(train, train_factors, test, test_factors), abs=1e-3)


def test_the_published_classifier_depends_on_units():
    """Why standardised dimensions are the default."""
    train_codes, train_factors, test_codes, test_factors = arrays("aligned")
    small = sap_svm(train_codes / 100, train_factors, test_codes / 100, test_factors, own_units=True)
    large = sap_svm(train_codes * 100, train_factors, test_codes * 100, test_factors, own_units=True)
    assert abs(large - small) > 0.03


def test_blind_spot_a_curve_is_not_seen():
    """The square of the factor, around its middle: the dimension determines the level up to its sign, R2 is 0."""
    levels = np.tile(np.arange(5), 20)
    curved = np.stack([(levels - 2.0) ** 2, np.zeros(100)], axis=1)
    assert sap_r2(curved, levels[:, None]) == pytest.approx(0.0)


def test_blind_spot_a_rotation_by_an_eighth_turn_hides_everything():
    """Each dimension shares half its variance with each factor: R2 = 1/2 everywhere, and no gap."""
    turned = GRID @ np.array([[1.0, 1.0], [-1.0, 1.0]])
    assert sap_r2(turned, GRID) == pytest.approx(0.0)
    assert sap_r2(GRID.astype(float), GRID) == pytest.approx(1.0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="block 'code': row 3 holds NaN"):
        sap_r2(np.where(np.arange(100)[:, None] == 3, np.nan, 1.0), GRID)
    with pytest.raises(ValueError, match="block 'code' is 2 wide on train clips and 1 on test clips"):
        sap_svm(GRID, GRID, GRID[:, :1], GRID)
    with pytest.raises(ValueError, match="level 1 is tested but no probe clip shows it"):
        sap_svm(GRID, GRID * [[0, 1]], GRID, GRID)
    with pytest.raises(ValueError, match=r"\(100, 1\) and test levels \(100, 2\)"):
        sap_svm(GRID, GRID[:, :1], GRID, GRID)
