"""DCI: by hand, against the published numbers, the default predictor against gradient boosting, blind spots."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmark.dci_agreement import N_TRAIN, OUTPUT, embeddings
from benchmark.metrics.dci import DEFAULT, PREDICTORS, completeness, dci, disentanglement

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
AGREEMENT = json.loads(OUTPUT.read_text(encoding="utf-8"))
GRID = np.array(list(itertools.product(range(2), range(3), range(4))) * 10)


def arrays(name):
    with np.load(DATA / f"{name}.npz") as data:
        return [data[key] for key in ("train_codes", "train_factors", "test_codes", "test_factors")]


def same(codes, factors=GRID, **settings):
    """DCI with the train clips as test clips."""
    return dci(codes, factors, codes, factors, seed=0, **settings)


def test_disentanglement_by_hand():
    """A dimension of weight .8 with one factor; one of weight 1.2 whose shares are 1/6 and 5/6: h(1/6) = .650 bits."""
    h = -(math.log2(1 / 6) / 6 + math.log2(5 / 6) * 5 / 6)
    assert disentanglement(np.array([[0.8, 0.0], [0.2, 1.0]])) == pytest.approx((0.8 + 1.2 * (1 - h)) / 2)
    assert disentanglement(np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]])) == pytest.approx(1.0)
    assert disentanglement(np.full((4, 3), 0.25)) == pytest.approx(0.0)


def test_completeness_by_hand():
    """One factor in one dimension, the other in two of three: 1 - log 2 / log 3; equal weights."""
    found = completeness(np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]]))
    assert found == pytest.approx((1 + 1 - math.log(2) / math.log(3)) / 2)


def test_importances_that_leave_nothing_to_compare():
    assert disentanglement(np.zeros((3, 2))) == completeness(np.zeros((3, 2))) == 0.0
    assert disentanglement(np.ones((3, 1))) == 0.0
    assert completeness(np.ones((1, 3))) == 0.0


@pytest.mark.parametrize("name", PUBLISHED)
def test_gradient_boosting_against_the_published_numbers(name):
    found, wanted = dci(*arrays(name), seed=0, predictor="gradient boosting"), PUBLISHED[name]["dci_gbt"]
    assert found.disentanglement == pytest.approx(wanted["disentanglement"], abs=0.01)
    assert found.completeness == pytest.approx(wanted["completeness"], abs=0.01)
    assert found.informativeness == pytest.approx(wanted["informativeness_test"], abs=0.01)


def test_the_default_ranks_codes_as_gradient_boosting_does():
    """What `python -m benchmark.dci_agreement` stored."""
    assert AGREEMENT["default"] == DEFAULT
    agreement = AGREEMENT["agreement"]
    assert agreement["codes"] == len(agreement["scores"]) >= 30
    for score in ("disentanglement", "completeness", "informativeness"):
        assert agreement[score]["rank_correlation"] >= 0.9
    assert AGREEMENT["processor_seconds_5000x64_five_factors"]["times_faster"] >= 20


def test_what_was_stored_is_what_the_default_says_today():
    stored = AGREEMENT["agreement"]["scores"]
    of_codes = {name: (codes, levels) for name, codes, levels in embeddings()}
    assert of_codes.keys() == stored.keys()
    for name in list(stored)[::5]:
        codes, levels = of_codes[name]
        found = dci(codes[:N_TRAIN], levels[:N_TRAIN], codes[N_TRAIN:], levels[N_TRAIN:], seed=0)
        assert found.disentanglement == pytest.approx(stored[name][DEFAULT]["disentanglement"], abs=0.02)
        assert found.completeness == pytest.approx(stored[name][DEFAULT]["completeness"], abs=0.02)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_known_codes(predictor):
    aligned, constant = GRID.astype(float), np.full(GRID.shape, 0.1, dtype=np.float32)
    # A predictor that is done needs no split on the other dimensions.
    found = same(aligned, predictor=predictor)
    assert (found.disentanglement, found.completeness, found.informativeness) == pytest.approx((1.0, 1.0, 1.0))
    for nothing in (constant, constant[:, :0]):
        found = same(nothing, predictor=predictor)
        # Guessing is right for one level of 2, of 3 and of 4.
        assert (found.disentanglement, found.completeness) == (0.0, 0.0)
        assert found.informativeness == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    assert same(aligned[:, :1], predictor=predictor).completeness == 0.0


def test_duplicates_cost_completeness_alone():
    train_codes, train_factors, test_codes, test_factors = arrays("duplicated")
    found = dci(train_codes, train_factors, test_codes, test_factors, seed=0)
    assert found.disentanglement > 0.98
    # Two dimensions of ten: 1 - log 2 / log 10 = .70.
    assert found.completeness == pytest.approx(1 - math.log10(2), abs=0.03)


def test_the_same_seed_gives_the_same_scores_and_another_nearly():
    clips = arrays("rotated")
    assert dci(*clips, seed=0) == dci(*clips, seed=0)
    assert dci(*clips, seed=0).disentanglement == pytest.approx(dci(*clips, seed=1).disentanglement, abs=0.03)


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_units_make_no_difference(unit):
    train_codes, train_factors, test_codes, test_factors = arrays("aligned")
    train, test = train_codes.astype(float), test_codes.astype(float)
    scaled = dci(train * unit, train_factors, test * unit, test_factors, seed=0)
    plain = dci(train, train_factors, test, test_factors, seed=0)
    assert scaled.disentanglement == pytest.approx(plain.disentanglement, abs=0.01)
    assert scaled.informativeness == pytest.approx(plain.informativeness, abs=0.01)


def test_blind_spot_a_rotation_lowers_all_three():
    train_codes, train_factors, test_codes, test_factors = arrays("aligned")
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    before = dci(train_codes, train_factors, test_codes, test_factors, seed=0)
    after = dci(train_codes @ turn, train_factors, test_codes @ turn, test_factors, seed=0)
    assert after.disentanglement < 0.5 < before.disentanglement
    assert after.completeness < 0.5 < before.completeness
    assert after.informativeness < before.informativeness - 0.2


def test_blind_spot_dead_dimensions_raise_completeness():
    importance = np.array([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]])
    assert completeness(np.vstack([importance, np.zeros((7, 2))])) > completeness(importance) + 0.1
