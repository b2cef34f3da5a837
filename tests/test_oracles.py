"""Encoders with known answers get them: the table of known answers, and what must and must not move a score."""

import zlib

import numpy as np
import pytest

from benchmark.metrics.table import METRICS
from benchmark.oracles import ORACLES, named, names, oracle, summaries
from benchmark.score import Codes, score

FACTORS = ("pitch", "timbre", "loudness", "rhythm")
N_LEVELS = (24, 8, 6, 8)
BLOCKS = {"shared": {"timbre"}, "private": {"pitch", "loudness", "rhythm"}}


def phrases_levels(seed=0):
    """Probe and test levels: 2,304 clips each, no combination in both."""
    grid = np.stack(np.meshgrid(*map(np.arange, N_LEVELS), indexing="ij"), axis=-1).reshape(-1, len(N_LEVELS))
    order = np.random.default_rng(seed).permutation(len(grid))
    return grid[order[:2304]], grid[order[2304:4608]]


PROBE, TEST = phrases_levels()


def own_rng(levels):
    """A generator that no other set of clips shares."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(levels).tobytes()))


def scored(encode, seed=0, blocks=BLOCKS):
    rows = score(blocks, FACTORS, N_LEVELS, Codes(PROBE, encode(PROBE)), Codes(TEST, encode(TEST)), seed)
    return {(row.metric, row.block, row.factor): row.value for row in rows}


def known(name, style="scalar", blocks=BLOCKS):
    return lambda levels: oracle(name, style)(levels, FACTORS, N_LEVELS, blocks, 0)


def headline(scores):
    return tuple(scores[name, None, None] for name in ("preservation", "disentanglement", "balance"))


@pytest.fixture(scope="module")
def aligned():
    return scored(known("aligned"))


@pytest.mark.parametrize("one", ORACLES, ids=lambda one: f"{one.style}-{one.name}")
def test_known_answers(one):
    found = headline(scored(known(one.name, one.style)))
    assert found == pytest.approx(one.expected(BLOCKS), abs=0.03)


def test_the_expected_numbers_are_those_of_the_table():
    expected = {one.name: tuple(round(value, 2) for value in one.expected(BLOCKS)) for one in ORACLES}
    assert expected == {
        "aligned": (1, 1, 1),
        "rotated": (1, 1, 1),
        "rescaled": (1, 1, 1),
        "swapped": (1, 0, 0),
        "both": (1, 0, 0),
        "one_block": (1, 0, 0),
        "half": (0.5, 0, 0),
        "copied": (1, 0.82, 0.82),
        "rotated_across": (1, 0, 0),
        "constant": (0, 0, 0),
        "noise": (0, 0, 0),
    }


def test_an_oracle_is_found_by_its_label_and_says_what_it_does():
    for one in ORACLES:
        assert named(one.label) is one
        assert one.family == "oracle"
    assert named("oracle.half.one_hot") is oracle("half", "one_hot")
    assert list(summaries()) == names()
    assert summaries()["oracle.copied"] == "own blocks, one factor of the fullest copied into another (scalar codes)"
    with pytest.raises(
        ValueError, match=r"no oracle 'oracle\.copid'; did you mean 'oracle\.copied'\? There are: oracle"
    ):
        named("oracle.copid")


def test_an_oracle_declines_where_nothing_is_known():
    assert oracle("aligned").declines(BLOCKS) is None
    assert oracle("aligned").declines({"shared": set(FACTORS), "private": set()}) == (
        "the block 'private' owns no factor, so no scores are known"
    )


@pytest.mark.parametrize("name", ["swapped", "copied"])
def test_known_answers_of_three_blocks(name):
    blocks = {"shared_1": {"timbre"}, "shared_2": {"rhythm"}, "private": {"pitch", "loudness"}}
    one = oracle(name, "one_hot")
    assert headline(scored(known(name, "one_hot", blocks), blocks=blocks)) == pytest.approx(
        one.expected(blocks), abs=0.03
    )


@pytest.mark.parametrize("name", ["rotated", "rescaled"])
def test_a_rotation_or_rescaling_inside_a_block_moves_nothing(name, aligned):
    assert headline(scored(known(name))) == pytest.approx(headline(aligned), abs=0.01)


def test_the_seed_of_the_probes_hardly_matters(aligned):
    assert headline(scored(known("aligned"), seed=1)) == pytest.approx(headline(aligned), abs=0.01)


def test_the_same_to_the_last_digit(aligned):
    assert scored(known("aligned")) == aligned


def test_each_row_says_where_the_factor_is(aligned):
    for factor in FACTORS:
        own, other = ("shared", "private") if factor == "timbre" else ("private", "shared")
        assert aligned["information", own, factor] > 0.97
        assert aligned["information", other, factor] < 0.03
        assert aligned["information", "all", factor] >= aligned["information", own, factor]
        assert aligned["accuracy", own, factor] > 0.99
        assert aligned["accuracy", other, factor] < aligned["chance", None, factor] + 0.05
        assert aligned["gap", own, factor] > 0.97
        assert aligned["keep", own, factor] > 0.97
    assert {metric for metric, _, _ in aligned} == set(METRICS)


def test_a_whisper_of_a_leak_is_heard():
    """Timbre at a hundredth of the amplitude, rotated into a private block of 16 dimensions."""
    mix = np.linalg.qr(np.random.default_rng(3).normal(size=(16, 16)))[0]

    def leaking(levels):
        codes = known("aligned", "one_hot")(levels)
        rng = own_rng(levels)
        loud = np.hstack([known("aligned")(levels)["private"], rng.normal(size=(len(levels), 5))])
        private = np.hstack([loud, 0.01 * codes["shared"]]) @ mix
        return {"shared": codes["shared"], "private": private.astype(np.float32)}

    found = scored(leaking)
    assert found["information", "private", "timbre"] >= 0.9
    assert headline(found) == pytest.approx((1, 0, 0), abs=0.05)


def test_three_blocks_with_a_factor_held_only_jointly():
    """Loudness stands in block c, and in a and b together but in neither alone: a one-time pad in two halves."""
    blocks = {"a": {"timbre"}, "b": {"rhythm"}, "c": {"pitch", "loudness"}}

    def halves(levels):
        codes = known("aligned", "one_hot", blocks)(levels)
        pad = own_rng(levels).integers(6, size=len(levels))
        codes["a"] = np.hstack([codes["a"], np.eye(6, dtype=np.float32)[pad]])
        codes["b"] = np.hstack([codes["b"], np.eye(6, dtype=np.float32)[(levels[:, 2] + pad) % 6]])
        return codes

    found = scored(halves, blocks=blocks)
    assert found["information", "a", "loudness"] < 0.03
    assert found["information", "b", "loudness"] < 0.03
    assert found["information", "all but c", "loudness"] > 0.9
    assert found["gap", "c", "loudness"] < 0.1
    assert found["gap", "c", "pitch"] > 0.97


def test_a_code_of_one_block_has_preservation_alone():
    found = scored(lambda levels: {"code": known("both", "one_hot")(levels)["shared"]})
    assert found["preservation", None, None] > 0.97
    assert not {"gap", "disentanglement", "balance"} & {metric for metric, _, _ in found}


def test_what_cannot_be_scored_is_refused():
    wide = {"shared": np.zeros((2304, 129)), "private": np.zeros((2304, 3))}
    with pytest.raises(ValueError, match=r"block 'shared' is 129 wide and can't be ranked: at most 128"):
        scored(lambda levels: wide)
    with pytest.raises(
        ValueError, match=r"the code has blocks \['private', 'style'\]; expected \['private', 'shared'\]"
    ):
        scored(lambda levels: {"style": wide["private"], "private": wide["private"]})
    with pytest.raises(ValueError, match="at most once"):
        scored(known("aligned"), blocks={"shared": {"timbre"}, "private": {"timbre"}})
    with pytest.raises(ValueError, match="no oracle 'alinged'"):
        oracle("alinged")
