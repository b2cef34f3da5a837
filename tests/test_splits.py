import hashlib
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

import generators
from generators.factors import Factor, FactorSpace
from generators.splits import ROLES, SHARES, iid

SPACE = generators.space("phrases")
# A change of these moves clips from training to test: it changes every score.
PINNED = {
    "train": "8db8c052677f7ebc2d94ee988f27397546ad258cc529d6c12cd304d9326e03bb",
    "validation": "9f21c63826685358cc71b5b2149b0312321563c4d0ad72551c776e3cf13c4c58",
    "probe": "2ebe3398a04a66133b37653ee75f60aef55628a39a02fedf1548be1a03ffefb3",
    "test": "65e955ebda2103444a22c435dae73aba68f6c2b7c1f55e8504aa6c019e8bbc96",
}


@pytest.fixture(scope="module")
def roles():
    return iid(SPACE)


def test_roles_are_disjoint_and_cover_the_grid(roles):
    assert tuple(roles) == ROLES
    assert (np.sort(np.concatenate(list(roles.values()))) == np.arange(SPACE.size)).all()


@pytest.mark.parametrize("role", ROLES)
def test_role_has_its_share_in_ascending_order(roles, role):
    assert len(roles[role]) == pytest.approx(SHARES[role] * SPACE.size, abs=1)
    assert roles[role].dtype == np.int64
    assert (np.diff(roles[role]) > 0).all()


@pytest.mark.parametrize("role", ROLES)
def test_role_covers_every_level_evenly(roles, role):
    """Counts of a uniform draw without replacement: its chi-square is the usual one times (1 - share)."""
    levels = SPACE.levels_at(roles[role])
    for column, n in enumerate(SPACE.n_levels):
        counts = np.bincount(levels[:, column], minlength=n)
        assert counts.min() > 0
        expected = len(levels) / n
        statistic = ((counts - expected) ** 2).sum() / expected / (1 - SHARES[role])
        assert chi2.sf(statistic, n - 1) > 1e-3, SPACE.names[column]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("pair", list(combinations(range(4), 2)))
def test_factors_are_pairwise_independent_within_a_role(roles, role, pair):
    a, b = pair
    levels = SPACE.levels_at(roles[role])
    table = np.zeros((SPACE.n_levels[a], SPACE.n_levels[b]))
    np.add.at(table, (levels[:, a], levels[:, b]), 1)
    statistic, _, freedom, _ = chi2_contingency(table, correction=False)
    # 24 tests of a fixed split: at 1e-3 each, a fair one passes them all with probability .98
    assert chi2.sf(statistic / (1 - SHARES[role]), freedom) > 1e-3


@pytest.mark.parametrize("role", ROLES)
def test_split_is_the_one_that_was_published(roles, role):
    assert hashlib.sha256(roles[role].astype("<i8").tobytes()).hexdigest() == PINNED[role]


def test_a_space_too_small_to_split_is_refused():
    tiny = FactorSpace((Factor("pitch", "MIDI", (60.0, 61.0), True), Factor("timbre", "", ("sine", "reed"), False)))
    with pytest.raises(ValueError, match="too small to split: train has 1 of 2 levels of pitch"):
        iid(tiny)
