"""Probes: whitening, what each kind is there for, determinism, and no look at the test clips."""

import zlib

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.probes import FOLDS, folds, predict
from benchmark.metrics.problem import cross_entropy
from benchmark.metrics.whitening import whitening


def own_rng(levels):
    """A generator that no other set of clips shares."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(levels).tobytes()))


def draw(k, n, seed):
    return np.random.default_rng(seed).integers(k, size=(n, 1))


def nats(encode, k, n=1200, seed=0):
    probe, test = draw(k, n, 1), draw(k, n, 2)
    white = whitening(encode(probe))
    (found,) = predict(white(encode(probe)), probe, white(encode(test)), (k,), seed)
    return found, cross_entropy(found.probabilities, test[:, 0])


def test_whitened_directions_are_uncorrelated_and_of_variance_one():
    rng = np.random.default_rng(0)
    codes = (rng.normal(size=(500, 5)) * [1, 10, 0.1, 100, 0.03] + 7) @ rng.normal(size=(5, 5))
    white = whitening(codes)(codes)
    assert white.shape == (500, 5)
    assert white.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-9)
    assert white.T @ white / 500 == pytest.approx(np.eye(5), abs=1e-6)


def test_whitening_does_not_see_the_scale_of_a_column():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 25, dtype=float)
    codes = signs * [1e-30, 1e30]
    assert np.abs(whitening(codes)(codes)) == pytest.approx(np.abs(whitening(signs)(signs)))
    assert whitening(signs * [1, 0])(signs).shape[1] == 1


def test_whitening_drops_directions_under_a_trillionth_of_the_largest_variance_after_that():
    """A sum and a difference of two columns, of which the difference is faint: variances 2 and 2 faint^2."""
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 25, dtype=float)
    turned = np.array([[1, 1], [1, -1]])
    for faint, kept in ((1.1e-6, 2), (0.9e-6, 1)):
        codes = (signs * [1, faint]) @ turned
        assert whitening(codes)(codes).shape[1] == kept


def test_whitening_drops_what_float32_rounds_away():
    """Beside a mean of a million a step of float32 is a sixteenth: what varies less is its rounding."""
    signs = np.array([[1], [-1]] * 50, dtype=float)
    for step, kept in ((0.2, 1), (0.1, 0)):
        codes = 1e6 + step * signs
        assert whitening(codes)(codes).shape[1] == kept


def test_whitening_keeps_no_copy_of_a_direction():
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]] * 25, dtype=float)
    assert whitening(np.hstack([signs, signs]))(np.hstack([signs, signs])).shape[1] == 2


@pytest.mark.parametrize("value", [0.0, 0.1, -3e4])
def test_a_constant_code_has_no_direction(value):
    codes = np.full((50, 4), value, dtype=np.float32)
    assert whitening(codes)(codes).shape == (50, 0)


def test_whitening_is_fitted_on_the_probe_clips():
    probe, test = np.random.default_rng(0).normal(size=(2, 300, 2))
    assert whitening(probe)(test + 5).mean() != pytest.approx(0, abs=0.5)


def test_huge_codes_do_not_overflow():
    codes = np.random.default_rng(0).normal(size=(100, 3)) * 1e200
    assert np.isfinite(whitening(codes)(codes)).all()


def test_no_columns_give_the_frequencies():
    levels = np.array([[0], [0], [0], [1]])
    (found,) = predict(np.zeros((4, 0)), levels, np.zeros((2, 0)), (2,), 0)
    assert found.probabilities == pytest.approx(np.array([[0.75, 0.25]] * 2))


def test_a_scalar_code_of_24_levels_is_read():
    _, loss = nats(lambda levels: levels.astype(float), 24, n=2304)
    assert loss < 0.01 * np.log(24)


def test_a_checkerboard_needs_more_than_a_line():
    def board(levels):
        rng = own_rng(levels)
        cells = rng.integers(4, size=(len(levels), 2))
        cells[:, 1] += (cells.sum(axis=1) + levels[:, 0]) % 2
        return cells + rng.uniform(0.05, 0.95, size=cells.shape)

    found, loss = nats(board, 2, n=2304)
    assert found.shares.get("logistic", 0.0) < 0.05
    assert loss < 0.3 * np.log(2)


def test_a_noisy_linear_code_reads_as_well_as_plain_logistic_regression():
    centres = np.random.default_rng(0).normal(size=(8, 8))

    def encode(levels):
        return centres[levels[:, 0]] + own_rng(levels).normal(size=(len(levels), 8))

    _, loss = nats(encode, 8)
    probe, test = draw(8, 1200, 1), draw(8, 1200, 2)
    plain = LogisticRegression(C=1, max_iter=500).fit(encode(probe), probe[:, 0]).predict_proba(encode(test))
    assert loss <= cross_entropy(plain, test[:, 0]) + 0.01 * np.log(8)


def test_probabilities_are_probabilities_and_never_zero():
    found, _ = nats(lambda levels: np.eye(6)[levels[:, 0]], 6)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(1200))
    assert found.probabilities.min() > 0


def test_one_confident_mistake_has_a_bounded_price():
    probe, test = draw(6, 600, 1), draw(6, 600, 2)
    wrong = np.eye(6)[test[:, 0]]
    wrong[0] = np.roll(wrong[0], 1)
    (found,) = predict(np.eye(6)[probe[:, 0]], probe, wrong, (6,), 0)
    assert -np.log(found.probabilities[0, test[0, 0]]) < np.log(1e4) + np.log(6) + 0.5


def noisy_pair(n=600):
    rng = np.random.default_rng(0)
    probe, test = rng.integers((6, 3), size=(2, n, 2))
    return [(np.hstack([np.eye(6)[y[:, 0]], np.eye(3)[y[:, 1]]]) @ mix, y) for y, mix in ((probe, MIX), (test, MIX))]


MIX = np.random.default_rng(1).normal(size=(9, 4))


def test_the_same_to_the_last_digit_whatever_the_threads():
    (probe, levels), (test, _) = noisy_pair()
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first = predict(probe, levels, test, (6, 3), 0)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    try:
        torch.set_num_threads(threads + 1)
        again = predict(probe, levels, test, (6, 3), 0)
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(first, again, strict=True):
        assert one.shares == other.shares
        assert np.array_equal(one.probabilities, other.probabilities)


def test_a_test_clip_is_answered_alone():
    """Neither the choice nor the answer for a clip depends on which other clips are asked."""
    (probe, levels), (test, _) = noisy_pair()
    whole = predict(probe, levels, test, (6, 3), 0)
    part = predict(probe, levels, test[:100] + 0.0, (6, 3), 0)
    for one, other in zip(whole, part, strict=True):
        assert one.shares == other.shares
        assert one.probabilities[:100] == pytest.approx(other.probabilities, abs=1e-5)


def test_the_order_of_the_clips_does_not_matter_where_many_have_one_code():
    """Sorted clips, as the suite has them: among ties, the nearest must not be the first of the list."""
    rng = np.random.default_rng(0)
    levels = np.stack(np.unravel_index(np.sort(rng.integers(192, size=2_304)), (24, 8)), axis=1)
    codes = np.eye(8)[levels[:, 1]]
    asked, test_levels = codes[::3], levels[::3]
    sorted_loss, shuffled_loss = (
        cross_entropy(predict(codes[order], levels[order], asked, (24, 8), seed=0)[0].probabilities, test_levels[:, 0])
        for order in (np.arange(2_304), rng.permutation(2_304))
    )
    assert abs(sorted_loss - shuffled_loss) < 0.05
    assert sorted_loss < np.log(24) + 0.05


def test_clips_of_one_combination_are_held_back_together():
    """Three clips of each of 300 combinations: a tenth of the combinations in each fold, with all of their clips."""
    levels = np.repeat(np.stack(np.unravel_index(np.arange(300), (10, 30)), axis=1), 3, axis=0)
    dealt = folds(levels, (10, 30), seed=1)
    assert np.bincount(dealt).tolist() == [900 // FOLDS] * FOLDS
    assert len({(*row, fold) for row, fold in zip(levels.tolist(), dealt.tolist(), strict=True)}) == 300
    assert (dealt != folds(levels, (10, 30), seed=2)).any()


def test_single_clips_are_held_back_where_combinations_are_few():
    levels = np.repeat(np.arange(4), 50)[:, None]
    dealt = folds(levels, (4,), seed=1)
    assert np.bincount(dealt).tolist() == [200 // FOLDS] * FOLDS
    assert all(set(levels[dealt != fold, 0]) == set(range(4)) for fold in range(FOLDS))


def test_a_level_that_one_fold_alone_shows():
    """One clip of the second level: where it is held back, the probes have seen one level only."""
    levels = np.array([[0]] * 59 + [[1]])
    codes = np.random.default_rng(0).normal(size=(60, 2))
    (found,) = predict(codes, levels, codes, (2,), 0)
    assert np.isfinite(np.log(found.probabilities)).all()


def test_every_held_answer_is_of_probes_that_did_not_see_the_combination():
    """Codes that name the combination of levels and say nothing else: seen, they would be known; held back, never."""
    levels = np.repeat(np.stack(np.unravel_index(np.arange(480), (24, 20)), axis=1), 2, axis=0)
    codes = np.repeat(np.random.default_rng(0).normal(size=(480, 8)), 2, axis=0)
    found = predict(codes, levels, codes, (24, 20), 0)[0]
    assert cross_entropy(found.held, levels[:, 0]) > np.log(24) - 0.1


def test_a_part_that_reads_more_than_the_union_is_followed():
    """The part's prediction is sure and right, the union's code is noise: the mixture is the part's, to a hair."""
    probe, test = draw(6, 1200, 1), draw(6, 1200, 2)
    (part,) = predict(np.eye(6)[probe[:, 0]], probe, np.eye(6)[test[:, 0]], (6,), 0)
    noise = np.random.default_rng(0).normal(size=(2, 1200, 2))
    (alone,) = predict(noise[0], probe, noise[1], (6,), 0)
    (union,) = predict(noise[0], probe, noise[1], (6,), 0, parts=[[part]])
    assert cross_entropy(alone.probabilities, test[:, 0]) > np.log(6) - 0.05
    assert cross_entropy(union.probabilities, test[:, 0]) < 0.01


def test_a_probe_that_knows_its_clips_again_is_not_chosen_for_it():
    """Four clips a combination, whose codes name the combination and say nothing else: of others nothing is read."""
    rng = np.random.default_rng(0)
    levels = np.stack(np.unravel_index(rng.permutation(2_400), (24, 100)), axis=1)
    names = rng.normal(size=(2_400, 8))
    codes = np.repeat(names[:1_200], 4, axis=0) + 0.01 * rng.normal(size=(4_800, 8))
    found = predict(codes, np.repeat(levels[:1_200], 4, axis=0), names[1_200:], (24, 100), seed=0)[0]
    assert cross_entropy(found.probabilities, levels[1_200:, 0]) < np.log(24) + 0.2  # else it is over 5
