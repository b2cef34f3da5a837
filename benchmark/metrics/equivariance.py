"""Equivariance: whether a known change of one factor changes the code in a way that can be known.

Two questions, asked of pairs of clips x, x' that differ in one factor f alone (and in nuisances, which never repeat):
- *change*: the change of f, from [z(x), z(x')] and the name of f: of an ordinal factor the difference in levels, of a
  categorical one one_hot(f') - one_hot(f), that is, from which level to which.
- *code*: z(x'), from z(x) and the change, told as one_hot(f') - one_hot(f) for either. (Told a difference in levels
  alone, no regressor of this size finds where a one-hot code of 24 levels goes: it read .03 for 1.)

    skill = 1 - error / least baseline error, clipped at 0, from mean squared errors on test pairs

Baselines: `no_change` (the change is 0; z(x') = z(x)), `mean` (of the fitted pairs that change f), and, for the code,
`unaware`: the best linear map from z(x) to z(x') that is not told the change. 1: exact. 0, which is chance: knowing
the code, or the change, gains nothing over the best of them. A constant, noise, or a code that does not hold f: 0.
Without `mean` and `unaware`, noise would read .5: anyone beats "the noise stays as it was".

Pairs differ in one factor because that is the transformation whose effect is asked after; were the others to change as
well, z(x') could not be known from x, and the change would be two plain readings of f. One regressor (`regression.py`)
learns the pairs of all factors together and is scored on each factor's own. Codes are whitened on probe clips, so that
no unit or rotation matters and every direction weighs alike, idle noise too (which lowers `code`: a flaw).

It cannot see whether the change is *the same* everywhere (a group action): a table of codes that the regressor can
learn is equivariant here. Nor a change that 576 steps of training do not learn.
Cost: 3 s for four factors, 2,304 clips and codes of 32 dimensions. Source: after Plachouras et al. 2025, "Towards a
unified representation evaluation framework beyond downstream tasks", arXiv:2505.06224; baselines are this benchmark's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.checks import checked_levels
from benchmark.metrics.regression import held_back, regress
from benchmark.metrics.whitening import joined

Array = NDArray[np.float64]
Levels = NDArray[np.int64]

MOST_PAIRS = 2_000  # of each factor, to fit and choose
MOST_TESTED = 1_000  # of each factor: the skill moves by less than .01 with the draw
UNAWARE_PENALTY = 1e-3  # per pair, of codes of variance 1
# Of a direction's variance: under it nothing is left to predict, and a skill is a ratio of two rounding errors.
LEAST_ERROR = 1e-5


@dataclass(frozen=True)
class Skill:
    """skill: [0, 1]. error, baselines: mean squared errors, in squared level differences or per whitened direction."""

    skill: float
    error: float
    baselines: dict[str, float]


@dataclass(frozen=True)
class Equivariance:
    """change: the factor's change from two codes. code: the second code from the first and the change."""

    change: Skill
    code: Skill


@dataclass(frozen=True)
class Pairs:
    """Pairs of one role. rows: int64 [pair, 2]. factor: int64 [pair], the column that changes.

    asked: [pair, c], the changes as they are predicted. told: [pair, c'], as they are told: one-hot differences.
    """

    rows: Levels
    factor: Levels
    asked: Array
    told: Array


def equivariance(
    probe_blocks: Mapping[str, NDArray[np.floating]],
    probe_levels: Levels,
    test_blocks: Mapping[str, NDArray[np.floating]],
    test_levels: Levels,
    n_levels: tuple[int, ...],
    ordinal: Collection[int],
    seed: int,
) -> list[Equivariance]:
    """Both skills of each factor, from the union of some blocks.

    probe_blocks, test_blocks: block -> finite [clip, d]. probe_levels, test_levels: int64 [clip, factor].
    ordinal: columns of the factors whose levels are ordered. seed: of the pairs drawn and of the regressor.
    Raises ValueError for bad codes or levels, and for a factor that no two clips of a role differ in alone.
    """
    checked_levels(probe_levels, test_levels, n_levels)
    codes, asked = joined(probe_blocks, test_blocks, len(probe_levels), len(test_levels))
    held = held_back(len(codes), seed)
    writing = [_columns(k, column in ordinal) for column, k in enumerate(n_levels)]
    rng = np.random.default_rng(seed)
    fitted, chosen = (_pairs(probe_levels, np.flatnonzero(role), writing, MOST_PAIRS, rng) for role in (~held, held))
    tested = _pairs(test_levels, np.arange(len(test_levels)), writing, MOST_TESTED, rng)
    changes = _changes(codes, fitted, chosen, asked, tested, seed)
    differences = _differences(codes, fitted, chosen, asked, tested, seed)
    skills, ends = [], np.cumsum([written.shape[1] for written in writing])
    for column, written in enumerate(writing):
        mine = slice(ends[column] - written.shape[1], ends[column])
        of, learnt = tested.factor == column, fitted.factor == column
        change = _change_skill(changes[of, mine], tested.asked[of, mine], fitted.asked[learnt, mine])
        code = _code_skill(differences[of], asked[tested.rows[of]], codes[fitted.rows[learnt]])
        skills.append(Equivariance(change, code))
    return skills


def _columns(k: int, is_ordinal: bool) -> Array:
    """How a level is written so that changes are differences: [level, 1] (variance 1), or one-hot [level, level]."""
    return (np.arange(k) / np.sqrt((k**2 - 1) / 12))[:, None] if is_ordinal else np.eye(k)


def _pairs(levels: Levels, clips: Levels, writing: list[Array], most: int, rng: np.random.Generator) -> Pairs:
    """Ordered pairs of some clips that differ in one factor alone, at most so many for each factor."""
    rows, factor = [], []
    for column in range(levels.shape[1]):
        pair = clips[_alike(np.delete(levels[clips], column, axis=1))]
        pair = pair[levels[pair[:, 0], column] != levels[pair[:, 1], column]]
        if not len(pair):
            raise ValueError(f"factor {column}: no two of {len(clips)} clips differ in it alone; add clips")
        rows.append(pair[rng.permutation(len(pair))[:most]])
        factor.append(np.full(len(rows[-1]), column))
    joint = np.concatenate(rows)
    before, after = levels[joint[:, 0]], levels[joint[:, 1]]
    asked = [written[after[:, i]] - written[before[:, i]] for i, written in enumerate(writing)]
    one_hot = [np.eye(len(written)) for written in writing]
    told = [written[after[:, i]] - written[before[:, i]] for i, written in enumerate(one_hot)]
    return Pairs(joint, np.concatenate(factor), np.hstack(asked), np.hstack(told))


def _alike(rows: Levels) -> Levels:
    """Every ordered pair of equal rows, a row with itself too: int64 [pair, 2]. rows: [n, k]."""
    _, group = np.unique(rows, axis=0, return_inverse=True)
    order, size = np.argsort(group.ravel(), kind="stable"), np.bincount(group.ravel())
    start, count = np.cumsum(size) - size, np.repeat(size, size)
    first = np.repeat(np.arange(len(order)), count)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([order[first], order[np.repeat(start, size)[first] + offset]], axis=1)


def _changes(codes: Array, fitted: Pairs, chosen: Pairs, asked: Array, tested: Pairs, seed: int) -> Array:
    """The changes of the tested pairs, as the regressor predicts them from both codes: [pair, c]."""
    known = np.vstack([_both_codes(codes, pairs) for pairs in (fitted, chosen)])
    wanted = _both_codes(asked, tested)
    return regress(known, np.vstack([fitted.asked, chosen.asked]), _held(fitted, chosen), wanted, seed)


def _both_codes(codes: Array, pairs: Pairs) -> Array:
    named = np.eye(int(pairs.factor.max()) + 1)[pairs.factor]  # which factor changes is told, how it changes is asked
    return np.hstack([codes[pairs.rows].reshape(len(pairs.rows), -1), 2 * named])


def _differences(codes: Array, fitted: Pairs, chosen: Pairs, asked: Array, tested: Pairs, seed: int) -> Array:
    """z(x') - z(x) of the tested pairs, as the regressor predicts it from z(x) and the change: [pair, d]."""
    unit = np.maximum(fitted.told.std(axis=0), 1e-9)  # a change is told as loudly as a direction of the code
    known = np.vstack([np.hstack([codes[pairs.rows[:, 0]], pairs.told / unit]) for pairs in (fitted, chosen)])
    goal = np.vstack([codes[pairs.rows[:, 1]] - codes[pairs.rows[:, 0]] for pairs in (fitted, chosen)])
    wanted = np.hstack([asked[tested.rows[:, 0]], tested.told / unit])
    return regress(known, goal, _held(fitted, chosen), wanted, seed)


def _held(fitted: Pairs, chosen: Pairs) -> NDArray[np.bool_]:
    return np.repeat([False, True], [len(fitted.rows), len(chosen.rows)])


def _change_skill(told: Array, true: Array, learnt: Array) -> Skill:
    baselines = {"no_change": _error(0.0 * true, true), "mean": _error(learnt.mean(axis=0) + 0.0 * true, true)}
    return _skill(_error(told, true), baselines)


def _code_skill(told: Array, tested: Array, learnt: Array) -> Skill:
    """told: the difference of the two codes, [pair, d]; tested, learnt: the codes themselves, [pair, 2, d]."""
    before, after = tested[:, 0], tested[:, 1]
    centre, mean = learnt.mean(axis=0)
    spread = learnt[:, 0] - centre
    gram = spread.T @ spread / len(spread) + UNAWARE_PENALTY * np.eye(before.shape[1])
    slopes = np.linalg.solve(gram, spread.T @ (learnt[:, 1] - mean) / len(spread))
    baselines = {
        "no_change": _error(before, after),
        "mean": _error(mean + 0.0 * after, after),
        "unaware": _error(mean + (before - centre) @ slopes, after),
    }
    return _skill(_error(before + told, after), baselines)


def _error(told: Array, true: Array) -> float:
    return float(np.mean((told - true) ** 2)) if true.size else 0.0


def _skill(error: float, baselines: dict[str, float]) -> Skill:
    least = min(baselines.values())
    return Skill(max(0.0, 1.0 - error / least) if least > LEAST_ERROR else 0.0, error, baselines)
