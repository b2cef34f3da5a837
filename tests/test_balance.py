"""Preservation, disentanglement and balance against numbers worked out by hand."""

import math
import subprocess
import sys

import pytest

from benchmark.metrics.balance import balance, kept, preservation

BLOCKS = {"shared": {"timbre"}, "private": {"pitch", "loudness", "rhythm"}}
FACTORS = ("pitch", "timbre", "loudness", "rhythm")


def table(shared, private, whole=(1.0, 1.0, 1.0, 1.0)):
    rows = {"shared": shared, "private": private, "all": whole}
    return {name: dict(zip(FACTORS, values, strict=True)) for name, values in rows.items()}


def test_every_number_of_a_mixed_table():
    # shared: timbre .8 against .2 in private, gap .6; kept .8.
    # private: pitch .9 - .3 = .6, loudness .5 - 0 = .5, rhythm 0 - .4 -> 0; gap 1.1 / 3; kept (.9 + .5 + .4) / 3 = .6.
    found = balance(table((0.3, 0.8, 0.0, 0.4), (0.9, 0.2, 0.5, 0.0), (0.9, 0.8, 0.5, 0.4)), BLOCKS)
    assert found.keep == pytest.approx({"shared": 0.8, "private": 0.6})
    assert found.gap == pytest.approx({"shared": 0.6, "private": 1.1 / 3})
    assert found.factor_gap["private"] == pytest.approx({"pitch": 0.6, "loudness": 0.5, "rhythm": 0.0})
    assert found.preservation == pytest.approx(0.7)
    assert found.disentanglement == pytest.approx(math.sqrt(0.75 * 1.1 / 1.8))
    assert found.balance == pytest.approx(math.sqrt(0.6 * 1.1 / 3))


def test_own_blocks_read_one_and_swapped_blocks_read_zero():
    own = balance(table((0, 1, 0, 0), (1, 0, 1, 1)), BLOCKS)
    swapped = balance(table((1, 0, 1, 1), (0, 1, 0, 0)), BLOCKS)
    assert (own.preservation, own.disentanglement, own.balance) == (1.0, 1.0, 1.0)
    assert (swapped.preservation, swapped.disentanglement, swapped.balance) == (1.0, 0.0, 0.0)


def test_throwing_away_a_copy_in_the_wrong_place_gains_nothing_and_losing_the_right_one_costs():
    twice = balance(table((0, 1, 0.5, 0), (1, 0, 0.5, 1), (1, 1, 0.5, 1)), BLOCKS)
    wrong_gone = balance(table((0, 1, 0.0, 0), (1, 0, 0.5, 1), (1, 1, 0.5, 1)), BLOCKS)
    right_gone = balance(table((0, 1, 0.5, 0), (1, 0, 0.0, 1), (1, 1, 0.5, 1)), BLOCKS)
    assert twice.balance == right_gone.balance < wrong_gone.balance


def test_a_block_that_kept_under_a_twentieth_counts_nothing_for_disentanglement():
    just_under = balance(table((0, 0.049, 0, 0), (1, 0, 1, 1), (1, 0.049, 1, 1)), BLOCKS)
    just_over = balance(table((0, 0.051, 0, 0), (1, 0, 1, 1), (1, 0.051, 1, 1)), BLOCKS)
    assert (just_under.disentanglement, just_over.disentanglement) == (0.0, 1.0)
    assert just_under.balance == pytest.approx(math.sqrt(0.049))


def test_three_blocks_are_compared_with_the_union_of_the_others():
    blocks = {"a": {"x"}, "b": {"y"}, "c": {"z"}}
    nothing = {"x": 0.0, "y": 0.0, "z": 0.0}
    information = {
        "a": {**nothing, "x": 1.0},
        "b": {**nothing, "y": 1.0},
        "c": {**nothing, "z": 1.0},
        "all but a": {"x": 0.5, "y": 1.0, "z": 1.0},  # x is there only jointly
        "all but b": {"x": 1.0, "y": 0.0, "z": 1.0},
        "all but c": {"x": 1.0, "y": 1.0, "z": 0.0},
        "all": {"x": 1.0, "y": 1.0, "z": 1.0},
    }
    found = balance(information, blocks)
    assert found.gap == {"a": 0.5, "b": 1.0, "c": 1.0}
    assert found.balance == pytest.approx(0.5 ** (1 / 3))


def test_preservation_stands_alone_where_a_block_owns_nothing():
    blocks = {"shared": set(), "private": set(FACTORS)}
    whole = table((0, 0, 0, 0), (0, 0, 0, 0), (0.4, 0.2, 0.6, 0.8))
    assert preservation(kept(whole, blocks)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"'shared'.*own no factor"):
        balance(whole, blocks)
    with pytest.raises(ValueError, match="two blocks or more"):
        balance(whole, {"private": set(FACTORS)})


def test_a_missing_or_impossible_number_is_named():
    short = table((0, 1, 0, 0), (1, 0, 1, 1))
    del short["shared"]["pitch"]
    with pytest.raises(ValueError, match="factor 'pitch' from 'shared'"):
        balance(short, BLOCKS)
    with pytest.raises(ValueError, match=r"is nan; expected a number in \[0, 1\]"):
        balance(table((0, math.nan, 0, 0), (1, 0, 1, 1)), BLOCKS)


def test_balance_needs_neither_torch_nor_sklearn():
    code = "import sys, benchmark.metrics.balance; assert not {'torch', 'sklearn'} & set(sys.modules), 'heavy import'"
    subprocess.run([sys.executable, "-c", code], check=True)
