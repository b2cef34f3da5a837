"""Attacks that gain B, by how much: the limits that `benchmark/metrics/README.md` states.

Each of these is a weakness, not a wish. Whoever mends one moves its test to `test_attacks.py`, with what it gains then.
"""

import numpy as np
import pytest
from test_attacks import OWN, SPACE, headline, one_hot, own_rng, rotation, scored


def balance(encode):
    return headline(scored(encode))[2]


def faint(levels, idle):
    """All in place, but for a copy of timbre under noise of .8 deviations; and so many dimensions of nothing."""
    rng = own_rng(levels)
    copy = one_hot(levels, "timbre") + 0.8 * rng.normal(size=(len(levels), SPACE.n_levels[SPACE.column("timbre")]))
    nothing = rng.normal(size=(len(levels), idle))
    return {"shared": one_hot(levels, "timbre"), "private": np.hstack([one_hot(levels, *OWN), copy, nothing])}


def test_idle_dimensions_hide_a_faint_copy():
    narrow, wide = scored(lambda levels: faint(levels, 0)), scored(lambda levels: faint(levels, 80))
    leaks = [found["information", "private", "timbre"] for found in (narrow, wide)]
    assert 0.20 < leaks[0] < 0.25
    assert 0.12 < leaks[1] < 0.16
    assert 0.02 < headline(wide)[2] - headline(narrow)[2] < 0.06


def test_a_rotated_copy_under_a_millionth_of_its_block_is_not_found():
    """Nor can float32 hold it much longer."""

    def small_copy(levels):
        code = np.hstack([one_hot(levels, *OWN), 1e-8 * one_hot(levels, "timbre")])
        return {"shared": one_hot(levels, "timbre"), "private": code @ rotation(code.shape[1], 1)}

    assert balance(small_copy) > 0.99


# Scales of a copy, from clip to clip.
CHANGING = {
    "three sizes": lambda rng, n: 10.0 ** rng.choice([0, 3, 6], n),
    "any size": lambda rng, n: 10.0 ** rng.uniform(-6, 6, n),
}


@pytest.mark.parametrize("sizes", CHANGING)
def test_a_copy_whose_scale_no_half_of_the_clips_shares_is_read_in_part(sizes):
    def changing(levels):
        rng = own_rng(levels)
        copy = one_hot(levels, "timbre") + 0.05 * rng.normal(size=(len(levels), 8))
        copy *= CHANGING[sizes](rng, len(levels))[:, None]
        return {"shared": one_hot(levels, "timbre"), "private": np.hstack([one_hot(levels, *OWN), copy])}

    assert 0.5 < balance(changing) < 0.85


def test_a_scalar_copy_under_a_thousandth_that_some_clips_blow_up_is_read_in_part():
    def scalar(levels):
        rng = own_rng(levels)
        copy = levels[:, [SPACE.column("timbre")]] - 3.5 + 0.05 * rng.normal(size=(len(levels), 1))
        copy *= np.where(rng.uniform(size=len(levels)) < 0.05, 1e6, 1.0)[:, None]
        private = np.hstack([1e3 * one_hot(levels, *OWN), copy])
        private = (private @ rotation(private.shape[1], 5)).astype(np.float32)
        return {"shared": one_hot(levels, "timbre"), "private": private}

    assert 0.4 < balance(scalar) < 0.7
