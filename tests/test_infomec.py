"""InfoMEC: by hand, against the published numbers, and what it cannot see."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.infomec import active, infoc, infoe, infom, normalised_information

DATA = Path(__file__).parent / "data"
PUBLISHED = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
GRID = np.array(list(itertools.product(range(2), range(3), range(4))) * 10)


def arrays(name):
    with np.load(DATA / f"{name}.npz") as data:
        return [data[key] for key in ("train_codes", "train_factors", "test_codes", "test_factors")]


def both(codes, factors, **settings):
    information = normalised_information(codes, factors, seed=0, **settings)
    return infom(information), infoc(information)


def test_infom_by_hand():
    """Shares 1/2, 1 and 3/4: (3/4 - 1/2) / (1 - 1/2). A dimension that tells nothing counts as one that tells all."""
    information = np.array([[0.5, 0.5], [0.9, 0.0], [0.3, 0.1]])
    assert infom(information) == pytest.approx(0.5)
    assert infom(np.vstack([information, [0.0, 0.0]])) == pytest.approx(0.375)


def test_infoc_by_hand():
    """Shares 3/5 and 1/3: (7/15 - 1/3) / (1 - 1/3)."""
    assert infoc(np.array([[0.6, 0.2], [0.2, 0.2], [0.2, 0.2]])) == pytest.approx(0.2)


def test_infoe_by_hand():
    """A code that tells which half of four equal levels: ln 2 is left of ln 4. Of the other factor it tells nothing."""
    factors = np.array(list(itertools.product(range(4), range(2))) * 50)
    halves = (factors[:, :1] // 2).astype(float)
    assert infoe(halves, factors[:, :1], halves, factors[:, :1]) == pytest.approx(0.5, abs=0.001)
    assert infoe(halves, factors, halves, factors) == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize("name", PUBLISHED)
def test_against_the_published_numbers(name):
    train_codes, train_factors, test_codes, test_factors = arrays(name)
    found = (*both(train_codes, train_factors), infoe(train_codes, train_factors, test_codes, test_factors))
    wanted = [PUBLISHED[name][key] for key in ("infom", "infoc", "infoe_held_out")]
    assert found == pytest.approx(wanted, abs=0.01)
    assert both(train_codes, train_factors, least_range=0.05) == pytest.approx(wanted[:2], abs=0.01)


def test_infoe_of_the_clips_it_was_fitted_on_is_the_published_one():
    train_codes, train_factors, _, _ = arrays("aligned")
    found = infoe(train_codes, train_factors, train_codes, train_factors)
    assert found == pytest.approx(PUBLISHED["aligned"]["infoe_as_released_train"], abs=0.01)


def test_known_codes():
    aligned = GRID.astype(float)
    assert both(aligned, GRID) == pytest.approx((1.0, 1.0))
    assert both(np.hstack([aligned, np.full_like(aligned, 0.1)]), GRID) == pytest.approx((1.0, 1.0))
    # Two of six dimensions hold each factor: (1/2 - 1/6) / (1 - 1/6).
    assert both(np.hstack([aligned, aligned]), GRID) == pytest.approx((1.0, 0.4))
    assert both(np.full_like(aligned, 0.1), GRID) == (0.0, 0.0)
    assert both(aligned[:, :0], GRID) == (0.0, 0.0)
    assert both(aligned[:, :1], GRID) == pytest.approx((1.0, 0.0))  # of one dimension, no factor can be spread
    assert both(aligned, GRID[:, :1])[0] == 0.0  # of one factor, no dimension can tell another


def test_infoe_of_known_codes():
    one_hot = np.hstack([np.eye(GRID[:, k].max() + 1)[GRID[:, k]] for k in range(3)])
    assert infoe(one_hot, GRID, one_hot, GRID) == pytest.approx(1.0, abs=0.001)
    for nothing in (np.full((len(GRID), 2), 0.1, dtype=np.float32), one_hot[:, :0]):
        assert infoe(nothing, GRID, nothing, GRID) == 0.0


def test_active_dimensions():
    codes = np.stack([GRID[:, 0], GRID[:, 1] / 1000, 0 * GRID[:, 0] + 0.1], axis=1)
    assert active(codes, GRID).tolist() == [True, True, False]
    assert active(codes, GRID, least_range=0.05).tolist() == [True, False, False]


@pytest.mark.parametrize("units", [1e-300, 1e300, np.logspace(-30, 30, 10)], ids=["tiny", "huge", "unlike"])
def test_units_make_no_difference(units):
    train_codes, train_factors, test_codes, test_factors = arrays("rotated")
    train, test = train_codes.astype(float), test_codes.astype(float)
    assert both(train * units, train_factors) == pytest.approx(both(train, train_factors), abs=1e-3)
    found = infoe(train * units, train_factors, test * units, test_factors)
    assert found == pytest.approx(infoe(train, train_factors, test, test_factors), abs=0.01)


def test_a_change_of_units_moves_the_published_rule():
    """Why only constants are inactive by default: a dimension made loud silences the others."""
    train_codes, train_factors, _, _ = arrays("rotated")
    loud = train_codes * np.where(np.arange(10) == 0, 1000, 1)
    assert active(loud, train_factors, least_range=0.05).sum() == 1
    assert active(loud, train_factors).all()


def test_a_test_clip_beyond_all_bounds_is_read_without_a_warning():
    test = np.where(np.arange(len(GRID))[:, None] == 0, 1e300, GRID)
    assert 0.0 <= infoe(GRID * 1e-20, GRID, test, GRID) <= 1.0


def test_blind_spot_shares_not_amounts():
    """A hundredth of the information in the same shares reads the same."""
    information = normalised_information(*arrays("aligned")[:2], seed=0)
    assert infom(information / 100) == pytest.approx(infom(information))
    assert infoc(information / 100) == pytest.approx(infoc(information))


def test_blind_spot_infoe_does_not_see_a_rotation_and_the_others_see_nothing_else():
    train_codes, train_factors, test_codes, test_factors = arrays("aligned")
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]
    before = infoe(train_codes, train_factors, test_codes, test_factors)
    after = infoe(train_codes @ turn, train_factors, test_codes @ turn, test_factors)
    assert after == pytest.approx(before, abs=0.01)
    assert all(
        low < high - 0.2
        for low, high in zip(both(train_codes @ turn, train_factors), both(train_codes, train_factors), strict=True)
    )
