"""Mutual information gap: by hand, against the published numbers, and what it cannot see."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.mig import mig
from benchmark.metrics.mutual_information import entropies, histogram_information

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
GRID = np.array(list(itertools.product(range(2), range(2))) * 25)


def score(codes, factors):
    return mig(histogram_information(codes, factors), entropies(factors))


def test_by_hand():
    """Gaps .6 - .2 of an entropy of 1, and .3 - .3 of .6."""
    information = np.array([[0.6, 0.1], [0.2, 0.3], [0.0, 0.3]])
    assert mig(information, np.array([1.0, 0.6])) == pytest.approx(0.2)


@pytest.mark.parametrize("name", PUBLISHED)
def test_against_the_published_numbers(name):
    with np.load(DATA / f"{name}.npz") as data:
        assert score(data["train_codes"], data["train_factors"]) == pytest.approx(PUBLISHED[name]["mig"], abs=1e-6)


def test_known_codes():
    aligned = GRID.astype(float)
    assert score(aligned, GRID) == pytest.approx(1.0)
    assert score(np.hstack([aligned, np.full_like(aligned, 0.1)]), GRID) == pytest.approx(1.0)
    assert score(np.hstack([aligned, aligned]), GRID) == 0.0
    assert score(np.full_like(aligned, 0.1), GRID) == 0.0
    assert score(aligned[:, :0], GRID) == 0.0


def test_one_dimension_leads_a_dimension_that_holds_nothing():
    one = GRID[:, :1].astype(float)
    assert score(one, GRID) == score(np.hstack([one, 0 * one]), GRID) == pytest.approx(0.5)


def test_blind_spot_a_factor_in_two_dimensions_counts_as_lost():
    """An angle as its cosine and sine: each takes six values, two levels to a value, and neither leads."""
    levels = np.tile(np.arange(12), 50)
    angles = (levels + 0.5) * np.pi / 6
    codes, factors = np.stack([np.cos(angles), np.sin(angles)], axis=1), levels[:, None]
    assert histogram_information(codes, factors) == pytest.approx(np.full((2, 1), np.log(6)))
    assert score(codes, factors) == pytest.approx(0.0)


def test_blind_spot_two_factors_in_one_dimension_count_as_apart():
    crowded = np.stack([GRID @ [1.0, 2.0], np.zeros(len(GRID))], axis=1)
    assert score(crowded, GRID) == pytest.approx(1.0)


def test_blind_spot_a_rotation_hides_everything():
    turned = GRID @ np.array([[1.0, 1.0], [-1.0, 1.0]])
    assert score(turned, GRID) == pytest.approx(0.0)


@pytest.mark.parametrize(("shape", "of_factors"), [((2, 3), [1.0, 1.0]), ((3,), [1.0]), ((2, 2), [1.0, 0.0])])
def test_tables_that_do_not_fit(shape, of_factors):
    with pytest.raises(ValueError, match="expected"):
        mig(np.zeros(shape), np.array(of_factors))
