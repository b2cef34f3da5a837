"""Accuracy above chance, R2 of ordinal factors and leakage in bits: by hand, at chance, and what they do not see."""

import math

import numpy as np
import pytest

from benchmark.metrics.leakage import leakage
from benchmark.metrics.preservation import above_chance, ordinal_r2

N_LEVELS = (24, 6)


def drawn(n, seed):
    return np.random.default_rng(seed).integers(N_LEVELS, size=(n, 2))


def read(encode, n=1000, seed=0):
    probe, test = drawn(n, 1), drawn(n, 2)
    codes = [{"code": encode(levels, np.random.default_rng(role))} for role, levels in enumerate((probe, test))]
    return ordinal_r2(codes[0], probe, codes[1], test, N_LEVELS, (0, 1), seed)


def test_above_chance_by_hand():
    assert above_chance(1, 0.25) == 1
    assert above_chance(0.25, 0.25) == 0
    assert above_chance(0.625, 0.25) == 0.5
    assert above_chance(0, 0.2) == pytest.approx(-0.25)
    with pytest.raises(ValueError, match=r"accuracy 1.5 and chance 0.5"):
        above_chance(1.5, 0.5)
    with pytest.raises(ValueError, match="expected"):
        above_chance(0.5, 1.0)


def test_scalar_and_one_hot_codes_are_read_exactly():
    assert read(lambda levels, rng: levels * 1e6) == pytest.approx({0: 1, 1: 1}, abs=0.001)
    one_hots = read(lambda levels, rng: np.hstack([np.eye(k)[levels[:, i]] for i, k in enumerate(N_LEVELS)]))
    assert one_hots == pytest.approx({0: 1, 1: 1}, abs=0.001)


def test_half_the_variance_by_hand():
    """Noise of the level's own variance: the best reader explains half."""
    found = read(lambda levels, rng: levels[:, :1] + np.sqrt(575 / 12) * rng.normal(size=(len(levels), 1)), n=3000)
    assert found[0] == pytest.approx(0.5, abs=0.04)
    assert found[1] == pytest.approx(0, abs=0.01)


def test_a_bent_code_is_read():
    """A level on a spiral: no line reads it."""

    def spiral(levels, rng):
        angle = levels[:, 0] * 0.6
        return np.stack([np.cos(angle), np.sin(angle), 0.05 * levels[:, 0]], axis=1) ** 3

    assert read(spiral)[0] > 0.97


@pytest.mark.parametrize("code", ["noise", "constant", "empty"])
def test_chance_is_nought(code):
    width = 0 if code == "empty" else 16
    found = read(lambda levels, rng: rng.normal(size=(len(levels), width)) * (code == "noise"))
    assert found == pytest.approx({0: 0, 1: 0}, abs=0.005)


def test_blind_spot_a_near_miss_is_nearly_right():
    """A level to within one either way has lost most of its bits, and R2 hardly notices."""
    found = read(lambda levels, rng: (levels[:, :1] + rng.integers(-1, 2, size=(len(levels), 1))).astype(float))
    assert found[0] > 0.97


def test_blind_spot_a_keyed_level():
    """Shifted round the circle by one of 65,536 keys that stands beside it: the code tells, the reader does not."""
    pads = np.random.default_rng(9).integers(24, size=2**16)

    def keyed(levels, rng):
        keys = rng.integers(len(pads), size=len(levels))
        return np.hstack([keys[:, None] >> np.arange(16) & 1, ((levels[:, 0] + pads[keys]) % 24)[:, None]])

    assert read(keyed)[0] < 0.05


def test_bad_codes_are_named():
    with pytest.raises(ValueError, match="block 'code': row 4 holds NaN"):
        read(lambda levels, rng: np.where(np.arange(len(levels))[:, None] == 4, np.nan, levels))
    levels = drawn(100, 0)
    with pytest.raises(ValueError, match="block 'code' is 1 wide on probe clips and 2 on test clips"):
        ordinal_r2({"code": levels[:, :1]}, levels, {"code": levels}, levels, N_LEVELS, (0,), 0)


BLOCKS = {"shared": {"timbre"}, "private": {"pitch", "rhythm"}}
ENTROPIES = {"timbre": math.log(8), "pitch": math.log(24), "rhythm": math.log(4)}
INFORMATION = {
    "shared": {"timbre": 1.0, "pitch": 0.5, "rhythm": 0.0},
    "private": {"timbre": 0.25, "pitch": 1.0, "rhythm": 1.0},
}


def test_leakage_by_hand():
    found = leakage(INFORMATION, BLOCKS, ENTROPIES)
    assert found["shared"] == pytest.approx({"timbre": 0.75})
    assert found["private"] == pytest.approx({"pitch": math.log2(24) / 2, "rhythm": 0})


def test_leakage_of_three_blocks_is_into_all_the_others_together():
    blocks = {"a": {"timbre"}, "b": {"pitch"}, "c": {"rhythm"}}
    whole = {f"all but {name}": dict.fromkeys(ENTROPIES, 0.5) for name in blocks}
    assert leakage(whole, blocks, ENTROPIES)["c"] == pytest.approx({"rhythm": 1})


def test_leakage_needs_a_table_and_a_second_block():
    with pytest.raises(ValueError, match="no information on factor 'pitch' from 'shared'"):
        leakage(INFORMATION | {"shared": {"timbre": 1.0}}, BLOCKS, ENTROPIES)
    with pytest.raises(ValueError, match="needs a block for a factor to leak into"):
        leakage(INFORMATION, {"shared": {"timbre"}}, ENTROPIES)


def test_blind_spot_a_constant_leaks_nothing():
    nothing = {name: dict.fromkeys(ENTROPIES, 0.0) for name in BLOCKS}
    assert leakage(nothing, BLOCKS, ENTROPIES) == {"shared": {"timbre": 0}, "private": {"pitch": 0, "rhythm": 0}}
