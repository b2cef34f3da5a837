import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import generators
from generators.factors import Factor, FactorSpace

SMALL = FactorSpace(
    (
        Factor("pitch", "MIDI", (60.0, 62.0, 64.0), ordinal=True),
        Factor("timbre", "", ("sine", "square"), ordinal=False),
    )
)
SIZES = st.lists(st.integers(2, 6), min_size=1, max_size=4)


def space_of(sizes):
    return FactorSpace(tuple(Factor(f"f{i}", "", tuple(map(float, range(n))), True) for i, n in enumerate(sizes)))


def test_grid_holds_every_combination_once_last_factor_fastest():
    assert SMALL.grid().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    assert SMALL.grid().dtype == np.int64
    assert SMALL.size == 6


def test_phrases_is_the_space_of_the_design():
    space = generators.space("phrases")
    assert space.names == ("pitch", "timbre", "loudness", "rhythm")
    assert space.n_levels == (24, 8, 6, 8)
    assert space.size == 9216
    pitch, _, loudness, rhythm = space.factors
    assert pitch.values == tuple(range(48, 72))
    assert len(set(np.diff(loudness.values))) == 1, "loudness levels are equally spaced in LUFS"
    assert [f.ordinal for f in space.factors] == [True, False, True, False]
    shifts = [{pattern[i:] + pattern[:i] for i in range(8)} for pattern in rhythm.values]
    assert all(pattern.count("x") == 4 and pattern[0] == "x" for pattern in rhythm.values)
    assert all(a.isdisjoint(b) for i, a in enumerate(shifts) for b in shifts[:i]), "one rhythm is a shift of another"


@settings(deadline=None)
@given(SIZES, st.data())
def test_combinations_and_levels_at_undo_each_other(sizes, data):
    space = space_of(sizes)
    numbers = np.array(data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=30)), np.int64)
    levels = space.levels_at(numbers)
    assert (space.combinations(levels) == numbers).all()
    assert (space.grid()[numbers] == levels).all()
    assert (space.check(levels) == levels).all()


@settings(deadline=None)
@given(SIZES, st.data())
def test_combinations_over_named_factors_tell_exactly_those_apart(sizes, data):
    space = space_of(sizes)
    names = data.draw(st.lists(st.sampled_from(space.names), unique=True))
    grid = space.grid()
    numbers = space.combinations(grid, names)
    columns = grid[:, [space.column(name) for name in names]]
    same_number = numbers[:, None] == numbers[None]
    same_levels = (columns[:, None] == columns[None]).all(-1)
    assert (same_number == same_levels).all()


def test_sample_is_uniform_and_decided_by_the_random_generator():
    space = generators.space("phrases")
    draw = space.sample(48_000, np.random.default_rng(3))
    assert draw.dtype == np.int64
    assert draw.shape == (48_000, 4)
    assert (draw == space.sample(48_000, np.random.default_rng(3))).all()
    for column, n in enumerate(space.n_levels):
        counts = np.bincount(draw[:, column], minlength=n)
        assert len(counts) == n
        # chi-square divided by its degrees of freedom has mean 1 and deviation sqrt(2 / df) <= .64
        assert ((counts - 48_000 / n) ** 2 / (48_000 / n)).sum() / (n - 1) < 4
    correlations = np.corrcoef(draw.T) - np.eye(4)
    assert np.abs(correlations).max() < 5 / np.sqrt(48_000)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0, 0], r"levels must be \[clip, 2\] \(pitch, timbre\); got \(2,\)"),
        ([[0, 0, 0]], r"levels must be \[clip, 2\] \(pitch, timbre\); got \(1, 3\)"),
        ([[0.0, 1.0]], "levels must be integers; got float64"),
        ([[True, False]], "levels must be integers; got bool"),
        ([["a", "b"]], "levels must be integers; got <U1"),
        ([[0, 0], [3, 0]], "row 1: pitch is 3; expected 0 to 2"),
        ([[0, -1]], "row 0: timbre is -1; expected 0 to 1"),
        ([[0, 2]], "row 0: timbre is 2; expected 0 to 1"),
        (np.array([[0, 2**64 - 1]], np.uint64), "row 0: timbre is 18446744073709551615; expected 0 to 1"),
    ],
)
def test_check_says_what_came_and_what_was_expected(levels, message):
    with pytest.raises(ValueError, match=message):
        SMALL.check(levels)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_check_takes_every_integer_type(dtype):
    checked = SMALL.check(np.array([[2, 1], [0, 0]], dtype))
    assert checked.dtype == np.int64
    assert checked.tolist() == [[2, 1], [0, 0]]


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="no factor 'tempo' in this space; it has pitch, timbre"):
        SMALL.column("tempo")
    with pytest.raises(ValueError, match=r"no space 'phases'; did you mean 'phrases'\? There are: phrases, tones"):
        generators.space("phases")
    with pytest.raises(ValueError, match=r"no space 'phases'; did you mean 'phrases'\? There are: phrases, tones"):
        generators.load("phases")


def test_degenerate_factors_and_spaces_are_refused():
    with pytest.raises(ValueError, match="factor 'pitch' needs at least two different values"):
        Factor("pitch", "MIDI", (60.0,), ordinal=True)
    with pytest.raises(ValueError, match="factor 'pitch' needs at least two different values"):
        Factor("pitch", "MIDI", (60.0, 60.0), ordinal=True)
    with pytest.raises(ValueError, match="at least one factor, each with a name of its own"):
        FactorSpace(())
    with pytest.raises(ValueError, match="at least one factor, each with a name of its own"):
        FactorSpace((SMALL.factors[0], SMALL.factors[0]))


def test_describe_gives_physical_values():
    assert SMALL.describe(SMALL.check([[1, 1]])) == [{"pitch": 62.0, "timbre": "square"}]
