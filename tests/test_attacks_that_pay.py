"""Attacks that gain B, by how much: the limits that `benchmark/metrics/README.md` states.

Each of these is a weakness, not a wish. Whoever mends one moves its test to `test_attacks.py`, with what it gains then.
"""

import numpy as np
from test_attacks import BLOCKS, SPACE, clips, headline, one_hot, own_rng, scored

from benchmark.score import Codes, score

OWN = ("pitch", "loudness", "rhythm")


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


def small_copy(levels, amplitude):
    private = np.hstack([one_hot(levels, *OWN), amplitude * one_hot(levels, "timbre")])
    return {"shared": one_hot(levels, "timbre"), "private": private}


def test_a_copy_under_a_ten_thousandth_of_its_block_is_not_found():
    assert balance(lambda levels: small_copy(levels, 1e-3)) < 0.01
    assert balance(lambda levels: small_copy(levels, 3e-5)) > 0.99


def test_a_code_that_shifts_test_clips_against_probe_clips_hides_a_copy():
    """A plugin could do so by a state, for the clips of each are embedded in a call of their own."""

    def copied(levels, shift):
        seen = levels.copy()
        column = SPACE.column("timbre")
        seen[:, column] = (seen[:, column] + shift) % SPACE.n_levels[column]
        return {"shared": one_hot(levels, "timbre"), "private": one_hot(seen, *SPACE.names)}

    probe, test = clips(1152)
    found = []
    for shift in (0, 1):
        codes = Codes(probe, copied(probe, 0)), Codes(test, copied(test, shift))
        rows = score(BLOCKS, SPACE.names, SPACE.n_levels, *codes, 0)
        found.append({(row.metric, row.block, row.factor): row.value for row in rows}["balance", None, None])
    assert found[0] < 0.05
    assert found[1] > 0.99
