"""Usable information: values known by hand, what is refused, and what it cannot see."""

import math
import zlib

import numpy as np
import pytest

from benchmark.metrics.information import chance, entropy, usable_information


def own_rng(levels):
    """A generator that no other set of clips shares."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(levels).tobytes()))


def drawn(n_levels, n, seed):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(k, size=n) for k in n_levels], axis=1)


def read(encode, n_levels, n=1200, seed=0):
    probe, test = drawn(n_levels, n, 1), drawn(n_levels, n, 2)
    return usable_information({"code": encode(probe)}, probe, {"code": encode(test)}, test, n_levels, seed)


def test_entropy_and_chance_by_hand():
    levels = np.array([0, 0, 0, 1, 1, 2, 2, 0])
    assert entropy(levels) == pytest.approx(0.5 * math.log(2) + 2 * 0.25 * math.log(4))
    assert chance(levels) == 0.5


def test_half_of_a_factors_bits():
    """A code that tells which half of four equal levels: one bit of two."""
    (found,) = read(lambda levels: (levels[:, :1] // 2).astype(float), (4,), n=4000)
    assert found.information == pytest.approx(0.5, abs=0.01)
    assert found.accuracy == pytest.approx(0.5, abs=0.03)


def test_a_noisy_bit_against_its_capacity():
    """A bit flipped one time in ten holds 1 - h(.1) = .531 of its entropy."""

    def noisy(levels):
        flips = own_rng(levels).random(len(levels)) < 0.1
        return (levels[:, :1] ^ flips[:, None]).astype(float)

    (found,) = read(noisy, (2,), n=4000)
    h = -(0.1 * math.log(0.1) + 0.9 * math.log(0.9)) / math.log(2)
    assert found.information == pytest.approx(1 - h, abs=0.04)
    assert found.accuracy == pytest.approx(0.9, abs=0.02)


def test_a_curved_noisy_code_against_the_best_possible_reader():
    """Eight levels round a circle, two turns for 16, in Gaussian noise: Bayes' rule knows the answer."""
    angles = np.arange(8) * 2 * np.pi / 8
    places = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def ring(levels):
        rng = own_rng(levels)
        return places[levels[:, 0]] + 0.25 * rng.normal(size=(len(levels), 2))

    (found,) = read(ring, (8,), n=2304)
    test = drawn((8,), 2304, 2)
    codes = ring(test)
    logits = -((codes[:, None] - places) ** 2).sum(axis=2) / (2 * 0.25**2)
    logs = logits[np.arange(len(test)), test[:, 0]] - np.log(np.exp(logits).sum(axis=1))
    assert found.information == pytest.approx(1 + logs.mean() / entropy(test[:, 0]), abs=0.02)


def test_a_factor_keyed_by_another_is_found_where_the_key_is_small():
    """Level a stands under a cyclic shift by level b: no line reads it, the perceptron and the neighbours do."""
    found = read(lambda levels: np.hstack([np.eye(6)[levels.sum(axis=1) % 6], np.eye(6)[levels[:, 1]]]), (6, 6))
    assert min(one.information for one in found) > 0.95


def test_blind_spot_a_one_time_pad_reads_nothing():
    """What it cannot see: the code determines the factor, by a key of 65,536 values of which 1,200 clips show a few.

    (A parity of the key's bits would not do: neighbours at an even distance have the same one, and are counted.)
    """
    pads = np.random.default_rng(0).integers(2, size=2**16)

    def padded(levels):
        keys = own_rng(levels).integers(len(pads), size=len(levels))
        bits = keys[:, None] >> np.arange(16) & 1
        return np.hstack([bits, levels ^ pads[keys][:, None]]).astype(float)

    levels = drawn((2,), 1200, 2)
    code = padded(levels).astype(int)
    keys = code[:, :16] @ 2 ** np.arange(16)
    assert np.array_equal(code[:, 16] ^ pads[keys], levels[:, 0])  # a reader who knows the pads is never wrong
    (found,) = read(padded, (2,))
    assert found.information < 0.05
    assert found.accuracy < 0.6


def test_no_columns_and_constants_read_nothing():
    for code in (np.zeros((1200, 0)), np.full((1200, 3), 0.1, dtype=np.float32)):
        (found,) = read(lambda levels, code=code: code, (6,))
        assert found.information < 0.001
        assert found.probe == "prior"


def test_a_union_holds_a_block_of_a_far_smaller_unit():
    probe, test = drawn((6, 4), 1200, 1), drawn((6, 4), 1200, 2)

    def encode(levels):
        return {"loud": 1e6 * np.eye(6)[levels[:, 0]], "soft": 1e-3 * np.eye(4)[levels[:, 1]]}

    found = usable_information(encode(probe), probe, encode(test), test, (6, 4), 0)
    assert min(one.information for one in found) > 0.97


GOOD = np.random.default_rng(0).normal(size=(40, 3))
LEVELS = drawn((2,), 40, 0)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (np.where(np.arange(40)[:, None] == 7, np.nan, GOOD), r"block 'shared': row 7 holds NaN or infinity"),
        (np.where(np.arange(40)[:, None] >= 9, np.inf, GOOD), r"block 'shared': row 9 holds NaN or infinity"),
        (GOOD[:39], r"block 'shared' has 39 rows for 40 clips, so row 39 has no partner"),
        (GOOD[:, 0], r"block 'shared' has shape \(40,\), so row 0 is no vector"),
        (np.array([[0.0, 1.0]] * 5 + [[0.0, "x"]] * 35, dtype=object), r"block 'shared' holds object: row 5 has 'x'"),
        (GOOD.astype(complex), r"block 'shared' holds complex128: row 0"),
        ([[1.0], [1.0, 2.0]], r"block 'shared': rows of different lengths; row 1"),
        (GOOD[:, :2], r"block 'shared' is 2 wide on probe clips and 3 on test clips"),
    ],
)
def test_a_bad_code_is_named(code, message):
    with pytest.raises(ValueError, match=message):
        usable_information({"shared": code}, LEVELS, {"shared": GOOD}, LEVELS, (2,), 0)


@pytest.mark.parametrize(
    ("probe", "test", "message"),
    [
        (LEVELS + 1, LEVELS, r"probe levels of row \d+ are \[2\]"),
        (LEVELS.astype(float), LEVELS, "probe levels are float64"),
        (LEVELS * 0, LEVELS, "level 1 is tested but no probe clip shows it"),
        (LEVELS, LEVELS * 0, "one level among the test clips"),
    ],
)
def test_bad_levels_are_named(probe, test, message):
    with pytest.raises(ValueError, match=message):
        usable_information({"shared": GOOD}, probe, {"shared": GOOD}, test, (2,), 0)
