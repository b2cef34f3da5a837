"""Whether each family does what it is for, beside the encoder that has learnt nothing."""

import pytest
from boards import WOBBLE, line_of, put, scores

from benchmark.board import rows_of
from benchmark.leaderboard import build
from benchmark.purposes import purposes
from benchmark.results import Score, read_all
from benchmark.version import BENCHMARK_VERSION

FAMILIES = ("contrastive", "reconstructive", "combined")


def with_gap(gap, preservation, balance=0.5):
    """Scores whose shared block has this gap, beside a private one that must not count."""
    changed = {("preservation", None): preservation, ("gap", "shared"): gap, ("gap", "private"): 1.0 - gap}
    return [
        Score(
            metric=s.metric,
            block=s.block,
            factor=s.factor,
            value=changed.get((s.metric, s.block), s.value) if s.factor is None else s.value,
        )
        for s in scores(balance)
    ]


def written(root, better):
    """A control, and a method of each family that is better than it, or worse, by its own score alone."""
    step = 0.1 if better else -0.1
    for seed in range(5):
        put(root, "untrained", 0.5, seed, family="control", scores=with_gap(0.3, 0.7))
        for family in FAMILIES:
            of = dict.fromkeys(FAMILIES, -step + WOBBLE[seed]) | {family: step + WOBBLE[seed]}
            found = with_gap(0.3 + of["contrastive"], 0.7 + of["reconstructive"], 0.5 + of["combined"])
            put(root, family, 0, seed, family=family, scores=found)
    return table_of(root)


def table_of(root):
    """The table alone, of scores that no other table need agree with."""
    return purposes(rows_of(read_all(root, BENCHMARK_VERSION)))


@pytest.mark.parametrize(("better", "answer", "sign"), [(True, "yes", "+0.100"), (False, "no", "-0.100")])
def test_each_family_is_asked_for_its_own_score(tmp_path, better, answer, sign):
    board = written(tmp_path, better)
    for family, score, base in (
        ("contrastive", "gap of what is shared", "0.300"),
        ("reconstructive", "P", "0.700"),
        ("combined", "B", "0.500"),
    ):
        line = line_of(board, family)
        assert line[1:3] == [family, score]
        assert line[4] == base
        # The wobble's half-width, see test_leaderboard.
        assert line[5] == f"{sign} ± 0.020"
        assert line[6] == "5"
        assert line[8] == answer
        # t = .1 / .0070711 with 4 degrees of freedom: p = .000145; three tests by Holm: at most .000435.
        assert line[7] == "< 0.001"


def test_a_difference_that_is_not_shown_is_a_no(tmp_path):
    for seed in range(5):
        put(tmp_path, "untrained", 0.5, seed, family="control")
        put(tmp_path, "same", 0.5 + WOBBLE[seed] + 0.001, seed, family="combined")
    line = line_of(table_of(tmp_path), "same")
    assert line[5] == "+0.001 ± 0.020"
    assert line[8] == "no"


def test_without_the_control_or_common_seeds_there_is_no_table(tmp_path):
    for seed in range(5):
        put(tmp_path, "best", 0.5, seed)
    assert table_of(tmp_path) == ""
    put(tmp_path, "untrained", 0.1, 0, family="control")
    assert table_of(tmp_path) == "", "one common seed is no test"
    assert "Does each method" not in build(tmp_path)
    put(tmp_path, "untrained", 0.1, 1, family="control")
    assert table_of(tmp_path) in build(tmp_path)
    assert "Does each method" in build(tmp_path)
