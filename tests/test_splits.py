import hashlib
import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

import generators
from generators.coupling import coupling
from generators.factors import Factor, FactorSpace
from generators.splits import ROLES, SHARES, Split, held_pairs, iid, parse

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


# Other splits. What follows is true of every space that is large enough: random ones of 2 to 4 factors.

NAMES = ("pitch", "timbre", "loudness", "rhythm")


@st.composite
def spaces(draw, factors=(2, 4)):
    """Small spaces that can be split at all, at least one factor ordinal."""
    counts = draw(st.lists(st.integers(2, 9), min_size=factors[0], max_size=factors[1]))
    ordinal = [True, *draw(st.lists(st.booleans(), min_size=len(counts) - 1, max_size=len(counts) - 1))]
    space = FactorSpace(
        tuple(
            Factor(name, "", tuple(f"{level}" for level in range(n)), flag)
            for name, n, flag in zip(NAMES, counts, ordinal, strict=False)
        )
    )
    try:
        iid(space)
    except ValueError:
        assume(False)
    return space


def rows_of(split, space):
    """The split's rows; a space that it refuses, in one line, is no example."""
    try:
        return split.rows(space)
    except ValueError as error:
        refusal = str(error)
    assert refusal.startswith(f"'{split.name}': ")
    assert "\n" not in refusal
    assume(False)
    return None


def table_of(space, rows, names):
    """How many rows have each pair of levels of two factors."""
    shape = [space.n_levels[space.column(name)] for name in names]
    return np.bincount(space.combinations(space.levels_at(rows), names), minlength=shape[0] * shape[1]).reshape(shape)


def bits(table):
    """Mutual information of the two sides of a table, bits."""
    p = table / table.sum()
    apart = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    return float((p[p > 0] * np.log2(p[p > 0] / apart[p > 0])).sum())


def pairs_of_names(space):
    return st.lists(st.sampled_from(space.names), min_size=2, max_size=2, unique=True)


SPLITS = st.sampled_from(["heldout", "extrapolate", "correlated"])


@settings(deadline=None)
@given(st.data(), spaces(), SPLITS, st.floats(0.01, 0.99))
def test_roles_are_disjoint_and_probe_and_test_are_those_of_iid(data, space, kind, amount):
    factors = data.draw(pairs_of_names(space)) if kind != "extrapolate" else ["pitch"]
    roles, plain = rows_of(Split(kind, tuple(factors), amount), space), iid(space)
    assert tuple(roles) == ROLES
    sets = [set(rows.tolist()) for rows in roles.values()]
    assert sum(map(len, sets)) == len(set().union(*sets))
    for role in ("probe", "test"):
        assert (roles[role] == plain[role]).all()
        levels = space.levels_at(roles[role])
        assert [len(np.unique(column)) for column in levels.T] == list(space.n_levels)
    learning = set(plain["train"].tolist()) | set(plain["validation"].tolist())
    assert sets[0] | sets[1] <= learning
    for rows in roles.values():
        assert len(rows)
        assert rows.dtype == np.int64
        assert (np.diff(rows) >= 0).all()


@settings(deadline=None)
@given(st.data(), spaces((3, 4)), st.floats(0.02, 0.8))
def test_held_out_pairs_are_never_seen_and_every_level_is(data, space, share):
    names = data.draw(pairs_of_names(space))
    split = Split("heldout", tuple(names), share)
    roles, plain = rows_of(split, space), iid(space)
    ordered = sorted(names, key=space.column)
    held = held_pairs(*(space.n_levels[space.column(name)] for name in ordered), share)
    assert abs(held.sum() - share * held.size) <= 0.5
    for role in ("train", "validation"):
        assert not table_of(space, roles[role], ordered)[held].any()
        left = ~held[tuple(space.levels_at(plain[role])[:, [space.column(name) for name in ordered]].T)]
        assert (roles[role] == plain[role][left]).all()  # and nothing else is taken away
    assert [len(np.unique(column)) for column in space.levels_at(roles["train"]).T] == list(space.n_levels)
    swapped = Split("heldout", tuple(reversed(names)), share).rows(space)
    assert all((swapped[role] == roles[role]).all() for role in ROLES)


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.floats(0.01, 0.99))
def test_held_pairs_leave_every_level_one_and_are_spread_evenly(n_first, n_second, share):
    count, most = int(np.floor(share * n_first * n_second + 0.5)), n_first * n_second - max(n_first, n_second)
    if not 1 <= count <= most:
        with pytest.raises(ValueError, match=rf"is {count}; expected 1 to {most}: every level must keep one"):
            held_pairs(n_first, n_second, share)
        return
    held = held_pairs(n_first, n_second, share)
    assert held.sum() == count
    assert not held.all(0).any()
    assert not held.all(1).any()
    if share <= 0.5 and min(n_first, n_second) > 3:
        for axis in (0, 1):
            assert np.ptp(held.sum(axis)) <= 2


def test_held_pairs_of_phrases_are_those_that_were_published():
    held = held_pairs(24, 8, 0.2)
    assert (
        hashlib.sha256(np.packbits(held).tobytes()).hexdigest()
        == "73ec793785af70d7b795089274e1db05af90815415acbba1bc890502a1f60de8"
    )
    assert held.sum() == 38
    assert set(held.sum(0)) == {4, 5}
    assert set(held.sum(1)) == {1, 2}


@settings(deadline=None)
@given(st.data(), spaces(), st.floats(0.05, 0.95))
def test_extrapolated_levels_are_absent_and_nothing_else_is(data, space, share):
    name = data.draw(st.sampled_from([factor.name for factor in space.factors if factor.ordinal]))
    column = space.column(name)
    roles, plain = rows_of(Split("extrapolate", (name,), share), space), iid(space)
    first = space.n_levels[column] - int(np.floor(share * space.n_levels[column] + 0.5))
    for role in ("train", "validation"):
        seen = space.levels_at(plain[role])[:, column] < first
        assert (roles[role] == plain[role][seen]).all()
    assert len(np.unique(space.levels_at(roles["train"])[:, column])) == first


def test_the_top_quarter_of_pitch_is_six_semitones():
    roles = parse("extrapolate(pitch,0.25)").rows(SPACE)
    assert np.unique(SPACE.levels_at(roles["train"])[:, 0]).tolist() == list(range(18))
    assert np.unique(SPACE.levels_at(roles["validation"])[:, 0]).tolist() == list(range(18))


@settings(deadline=None)
@given(st.data(), spaces((3, 4)), st.floats(0.05, 1.0))
def test_correlated_rows_follow_the_mixture_that_is_promised(data, space, strength):
    names = sorted(data.draw(pairs_of_names(space)), key=space.column)
    roles, plain = rows_of(Split("correlated", tuple(names), strength), space), iid(space)
    shape = [space.n_levels[space.column(name)] for name in names]
    for role in ("train", "validation"):
        assert len(roles[role]) == len(plain[role])
    table, own = table_of(space, roles["train"], names), table_of(space, plain["train"], names)
    # What comes on top of iid's part is a coupling whose long side may be rearranged: its sums do not change. A cell is
    # rounded by less than one row, and train may have lent or borrowed a row in each cell of the coupling.
    loose = sum(shape)
    for axis in (0, 1):
        even = len(roles["train"]) / shape[1 - axis]
        promised = (1 - strength) * own.sum(axis) + strength * even
        assert np.abs(table.sum(axis) - promised).max() <= loose


@pytest.mark.parametrize("counts", [(5, 6, 5), (6, 10, 3), (9, 8, 4)])
def test_train_gets_a_row_of_validation_s_where_it_has_none(counts):
    space = tiny_space(*counts)
    roles, plain = parse("correlated(pitch,timbre,1)").rows(space), iid(space)
    assert set(roles["train"]) & set(plain["validation"])
    assert not set(roles["train"]) & set(roles["validation"])
    for role in ("train", "validation"):
        assert len(roles[role]) == len(plain[role])
        for names in (["pitch"], ["timbre"]):
            frequency = np.bincount(space.combinations(space.levels_at(roles[role]), names)) / len(roles[role])
            assert frequency * len(frequency) == pytest.approx(1, abs=0.35 if role == "train" else 1)


def test_a_strength_of_nothing_is_iid_and_spaces_of_an_argument_do_not_matter(roles):
    for text in ("correlated(pitch,timbre,0)", " correlated( timbre ,pitch, 0.0 ) ", "iid", "iid()"):
        same = parse(text).rows(SPACE)
        assert all((same[role] == roles[role]).all() for role in ROLES)


@pytest.mark.parametrize("names", list(combinations(SPACE.names, 2)), ids=",".join)
def test_dependence_rises_with_strength_to_a_function_while_each_factor_stays_uniform(names):
    strengths = (0, 0.2, 0.4, 0.6, 0.8, 1)
    split_rows = [Split("correlated", names, strength).rows(SPACE) for strength in strengths]
    shape = tuple(SPACE.n_levels[SPACE.column(name)] for name in names)
    promise = coupling(*shape) / (shape[0] * shape[1])
    for role, least in (("train", 0.01), ("validation", 0.001)):
        tables = [table_of(SPACE, rows[role], names) for rows in split_rows]
        found = [bits(table) for table in tables]
        assert (np.diff(found) > least).all()
        for strength, table in zip(strengths, tables, strict=True):
            own = tables[0] / tables[0].sum()
            share = table / table.sum()
            # to within two rows a cell: one for rounding, one that is lent
            assert np.abs(share - (1 - strength) * own - strength * promise).max() <= 2 / table.sum()
            for axis in (0, 1):
                uneven, before = (np.abs(t.sum(axis) * shape[1 - axis] / t.sum() - 1).max() for t in (table, tables[0]))
                assert uneven <= before + 5 * shape[1 - axis] / table.sum()
        assert found[-1] == pytest.approx(bits(promise), abs=0.01)
        if max(shape) % min(shape) == 0:
            longer = tables[-1] if shape[0] >= shape[1] else tables[-1].T
            assert ((longer > 0).sum(1) == 1).all()  # each level of the longer side goes with one of the other


def test_correlated_rows_are_those_that_were_published():
    split = parse("correlated(pitch,timbre,0.9)").rows(SPACE)
    found = hashlib.sha256(split["train"].astype("<i8").tobytes()).hexdigest()
    assert found == "16fe0fa2d59d31701224c0e9a9228243607f70a0d771fb0e2b841c8cf483b6e7"


def test_what_is_not_correlated_stays_as_it_was():
    """The other factors are independent of the two but for chance, which grows as there are fewer combinations."""
    for strength, most in ((0.5, 0.02), (0.9, 0.08)):
        train = Split("correlated", ("pitch", "timbre"), strength).rows(SPACE)["train"]
        distinct = len(np.unique(train))
        for names in (("timbre", "loudness"), ("timbre", "rhythm"), ("loudness", "rhythm")):
            shape = [SPACE.n_levels[SPACE.column(name)] for name in names]
            by_chance = (shape[0] - 1) * (shape[1] - 1) / (2 * distinct * np.log(2))
            assert bits(table_of(SPACE, train, names)) < min(3 * by_chance, most), names


def tiny_space(*counts):
    return FactorSpace(
        tuple(Factor(n, "", tuple(map(str, range(c))), True) for n, c in zip(NAMES, counts, strict=False))
    )


@pytest.mark.parametrize(
    ("text", "counts", "says"),
    [
        ("heldout(pitch,timbre,0.75)", (4, 5, 4), "it leaves nothing to validate on in a space of 80 combinations"),
        ("heldout(pitch,timbre,0.6)", (5, 4, 4), "it takes too much of this space: train has 4 of 5 levels of pitch"),
        ("extrapolate(pitch,0.8)", (5, 3, 6), "it takes too much of this space: train has 5 of 6 levels of loudness"),
        ("correlated(pitch,timbre,1)", (4, 5, 4), "some levels have too few combinations left to depend on each other"),
    ],
)
def test_a_split_that_leaves_too_little_is_refused(text, counts, says):
    with pytest.raises(ValueError, match=re.escape(f"'{text}': ") + ".*" + re.escape(says)):
        parse(text).rows(tiny_space(*counts))
