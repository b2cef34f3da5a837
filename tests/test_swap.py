"""Swap fidelity against numbers worked out by hand, and what a bad decoder can and cannot gain."""

import numpy as np
import pytest

from benchmark.metrics.swap import swap_fidelity

# Two pairs of two bins. Bin 0 is what is private, bin 1 what is shared: the target is a's first and b's second.
A = np.array([[0.0, 0.0], [4.0, 2.0]])
B = np.array([[3.0, 2.0], [0.0, 0.0]])
TARGET = np.array([[0.0, 2.0], [4.0, 0.0]])  # MSE of a: (4 + 4) / 4 = 2; of b: (9 + 16) / 4 = 6.25


def fidelity(swapped, own=TARGET):
    return swap_fidelity(swapped, TARGET, A, B, own)


def test_by_hand():
    found = fidelity(TARGET + np.eye(2), own=TARGET + np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert found.errors == {"swapped": 0.5, "a": 2.0, "b": 6.25, "own": 0.25}
    assert found.fidelity == pytest.approx(1 - 0.5 / 2)
    assert found.relative == pytest.approx((2 - 0.5) / (2 - 0.25))


def test_exact_unswapped_and_worse():
    assert (fidelity(TARGET).fidelity, fidelity(TARGET).relative) == (1, 1)
    assert (fidelity(A).fidelity, fidelity(A).relative) == (0, 0)
    assert fidelity(B).fidelity == pytest.approx(1 - 6.25 / 2)
    assert fidelity(B).relative == 0


def test_the_nearer_clip_is_the_zero_whichever_it_is():
    """With the parts of a and b exchanged b is the nearer one, and handing it back still reads 0."""
    assert swap_fidelity(A, TARGET, B, A, TARGET).fidelity == 0


def test_a_swap_as_good_as_the_decoder_reads_one_relative_to_it():
    blurred = TARGET * 0.9 + 0.1
    assert fidelity(blurred, own=blurred).relative == 1
    assert fidelity(blurred, own=blurred).fidelity == pytest.approx(1 - np.mean((blurred - TARGET) ** 2) / 2)


def test_a_bad_decoder_gains_no_fidelity():
    """A decoder that ignores the codes, far from everything and then near: it gives the same swapped or not."""
    far = np.full_like(TARGET, 10.0)
    assert fidelity(far, own=far).fidelity < -10
    assert fidelity(far, own=far).relative == 0
    # Blind spot of the relative number, and the reason why nothing is ranked by it: the mean of clips beats not
    # swapping on these pairs if a quarter of the energy moves, and then reads 1.
    middling = np.full_like(TARGET, 1.5)
    wide_a = A + np.array([[0.0, -4.0], [0.0, 4.0]])
    found = swap_fidelity(middling, TARGET, wide_a, B, middling)
    assert found.relative == 1
    assert found.fidelity == pytest.approx(1 - (1.5**2 + 0.5**2 + 2.5**2 + 1.5**2) / 4 / 6.25)


def test_blind_spot_energy_is_all_that_counts():
    """A swap that gets a loud bin right and a quiet factor wrong is nearly perfect."""
    quiet = np.hstack([TARGET * 100, [[0.0], [1.0]]])
    lost = np.hstack([TARGET * 100, [[1.0], [0.0]]])
    a, b = np.hstack([A * 100, [[0.0], [1.0]]]), np.hstack([B * 100, [[0.0], [1.0]]])
    assert swap_fidelity(lost, quiet, a, b, quiet).fidelity > 0.9999


def test_any_bin_axes():
    rng = np.random.default_rng(0)
    arrays = list(rng.normal(size=(5, 6, 3, 4)))
    flat = swap_fidelity(*(array.reshape(6, 12) for array in arrays))
    assert swap_fidelity(*arrays).fidelity == pytest.approx(flat.fidelity)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"'swapped' is \(1, 2\) and the target \(2, 2\)"):
        fidelity(TARGET[:1])
    with pytest.raises(ValueError, match="'swapped' of pair 1 holds NaN"):
        fidelity(np.array([[0.0, 0.0], [np.nan, 0.0]]))
    with pytest.raises(ValueError, match="pair 0: the target is clip a itself"):
        swap_fidelity(TARGET, A, A, B, TARGET)
