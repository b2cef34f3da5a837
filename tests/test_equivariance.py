"""Equivariance: codes whose change is known exactly, partly and not at all, beside the predictors that say so."""

import numpy as np
import pytest

from benchmark.metrics.equivariance import equivariance

N_LEVELS = (8, 5, 6)
ORDINAL = (0, 2)


PROBE, TEST = np.random.default_rng(0).integers(N_LEVELS, size=(2, 800, 3))


def found(encode, levels=(PROBE, TEST)):
    probe, test = ({"code": encode(one, np.random.default_rng(role))} for role, one in enumerate(levels))
    return equivariance(probe, levels[0], test, levels[1], N_LEVELS, ORDINAL, 0)


def one_hot(levels, column):
    return np.eye(N_LEVELS[column])[levels[:, column]]


@pytest.mark.parametrize("style", ["scalar", "one_hot"])
def test_every_factor_in_place_is_fully_equivariant(style):
    def encode(levels, rng):
        return levels.astype(float) if style == "scalar" else np.hstack([one_hot(levels, i) for i in range(3)])

    skills = found(encode)
    assert [one.code.skill for one in skills] == pytest.approx([1, 1, 1], abs=0.01)
    assert [skills[i].change.skill for i in ORDINAL] == pytest.approx([1, 1], abs=0.01)
    if style == "one_hot":
        assert skills[1].change.skill == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("code", ["constant", "noise"])
def test_nothing_known_is_no_skill(code):
    skills = found(lambda levels, rng: rng.normal(size=(len(levels), 6)) * (code == "noise"))
    for one in skills:
        assert one.change.skill < 0.02
        assert one.code.skill < 0.02
    if code == "noise":
        # "The noise stays as it was" errs by twice the variance: beside it alone the mean would look like skill.
        assert skills[0].code.baselines["no_change"] == pytest.approx(2, rel=0.2)
        assert skills[0].code.baselines["mean"] == pytest.approx(1, rel=0.2)


def test_a_noisy_scalar_by_hand():
    """z = level + noise of sd s. The best answer to u - v from z(u) - z(v) explains V / (V + 2 s^2) of it.

    V, the mean square of u - v over different levels, is 2 var k / (k - 1); here k = 8, var = 63 / 12.
    """
    s = 1.5
    skills = found(lambda levels, rng: levels[:, :1] + s * rng.normal(size=(len(levels), 1)))
    variance = 2 * 63 / 12 * 8 / 7
    assert skills[0].change.skill == pytest.approx(variance / (variance + 2 * s**2), abs=0.05)
    spread = 63 / 12
    assert skills[0].change.baselines["no_change"] == pytest.approx(variance / spread, rel=0.05)


def test_a_factor_that_the_code_ignores_is_no_skill():
    """The code knows the first factor alone; of a change of the others it knows nothing, and there is none to tell."""
    skills = found(lambda levels, rng: one_hot(levels, 0))
    assert skills[0].code.skill > 0.98
    assert [skills[i].code.skill for i in (1, 2)] == [0, 0]
    assert [skills[i].code.baselines["no_change"] for i in (1, 2)] == [0, 0]
    assert [skills[i].change.skill for i in (1, 2)] == pytest.approx([0, 0], abs=0.02)


def test_blind_spot_the_regressor_may_learn_any_table():
    """Levels thrown to the eight corners of a cube change nowhere by one map of the code, and read as if they did."""
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T.astype(float)
    assert found(lambda levels, rng: corners[levels[:, 0]])[0].code.skill > 0.98


def test_idle_noise_lowers_the_code_skill_alone():
    def encode(levels, rng):
        return np.hstack([one_hot(levels, 0), rng.normal(size=(len(levels), 7))])

    skill = found(encode)[0]
    assert skill.code.skill < 0.6
    assert skill.change.skill > 0.95


def test_a_rotation_and_a_unit_do_not_matter():
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(8, 8)))[0]
    plain = found(lambda levels, rng: one_hot(levels, 0))
    turned = found(lambda levels, rng: 1e5 * one_hot(levels, 0) @ turn)
    assert turned[0].code.skill == pytest.approx(plain[0].code.skill, abs=0.01)
    assert turned[0].change.skill == pytest.approx(plain[0].change.skill, abs=0.01)


def test_a_factor_without_pairs_is_named():
    alone = np.stack([np.arange(5)] * 3, axis=1) % np.array(N_LEVELS)
    with pytest.raises(ValueError, match="factor 0: no two of 4 clips differ in it alone"):
        found(lambda levels, rng: levels.astype(float), (alone, alone))
