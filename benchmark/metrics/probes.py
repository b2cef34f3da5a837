"""Probes: predictors of a factor's level from a code, fitted on probe clips and read on test clips.

Three kinds answer for every factor: logistic, nearest neighbour, multilayer perceptron; a fourth expert knows how
frequent the levels are. Their answers are mixed (`mixture.py`), by shares that maximise the likelihood of probe clips
held back: the clips are dealt to ten folds, and each is answered by probes that were fitted on the others. The same
clips choose the settings of the logistic probe; of the nearest neighbour each setting is an expert. Of a union of
blocks, the mixtures for its parts are experts too: who sees the union could look at a part alone.

What is held back are whole combinations of levels, as test clips are of combinations that no probe clip has: a probe
that only knows its own clips again must get no share for it. Test clips decide nothing here; `score` alone looks at
them once more, to give a union of blocks no less than a part of it reads. The procedure is the same for every method,
block and factor.

Why mixed: where two kinds read a factor about as well, choosing the best one made D jump by .08 with the seed. Why ten
folds: shares and settings that a fifth of the clips decides move D by .02; those that all clips decide, with five
perceptrons for each factor, by up to .018, with ten by less than .01.

The answer is the same to the last digit given (arrays, seed) on one CPU: probes run on one thread, which on products
this small is also faster than several.

Inputs are whitened, so a rotation or rescaling of a code, or a factor at a tiny amplitude, makes no difference.
What probes cannot see: a finite probe misses any code it has too few clips or too little capacity to learn. Whatever is
measured with them is a lower bound.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmark.metrics import mixture
from benchmark.metrics.logistic import logistic
from benchmark.metrics.neighbours import neighbours
from benchmark.metrics.perceptron import perceptron
from benchmark.metrics.problem import Array, Expert, Levels, Problem, cross_entropy, of_level
from benchmark.metrics.threads import one_thread

FOLDS = 10
# Combinations a level under which single clips are held back instead: whole ones would leave levels that no clip shows.
FEWEST_COMBINATIONS = 10
# Nats of cross-entropy on clips held back under which a factor is read and no further kind is tried: of any factor of 4
# levels or more, less than .0015 of the entropy is left to win.
SOLVED = 2e-3

PRIOR = "prior"
KINDS: tuple[Callable[[Problem, Collection[int]], dict[int, list[Expert]]], ...] = (logistic, neighbours, perceptron)


@dataclass(frozen=True)
class Prediction:
    """What all probes together say of one factor.

    shares: kind -> its share in the mixture, of sum 1.
    held: float64 [probe clip, level], each clip answered by probes that had not seen its combination.
    probabilities: float64 [test clip, level]. Rows of both sum to 1.
    """

    shares: dict[str, float]
    held: Array
    probabilities: Array

    @property
    def kind(self) -> str:
        """The kind of probe with the largest share."""
        return max(self.shares, key=lambda kind: self.shares[kind])


def predict(
    codes: Array,
    levels: Levels,
    test_codes: Array,
    n_levels: Sequence[int],
    seed: int,
    device: str = "cpu",
    parts: Sequence[Sequence[Prediction]] = (),
) -> list[Prediction]:
    """Level probabilities of each factor on the test clips.

    codes: [n, d] and test_codes: [m, d], whitened. levels: [n, factors], 0 <= level < n_levels[factor].
    seed: of the folds and of the perceptron. parts: predictions for the same clips and seed from parts of the code.
    A code of no columns gives the frequencies of the levels among the probe clips.
    """
    # Shuffled: among clips of one code, the order decides which are the nearest.
    order = np.random.default_rng(seed).permutation(len(levels))
    dealt = folds(levels, n_levels, seed)[order]
    problem = Problem(codes[order], levels[order], dealt, test_codes, tuple(n_levels), seed, device)
    experts = [[_prior(problem, factor)] for factor in range(len(n_levels))]
    for factor, mine in enumerate(experts):
        mine += [_expert(part[factor], order) for part in parts]
    with one_thread(), torch.enable_grad():
        for kind in KINDS if codes.shape[1] else ():
            wanted = [factor for factor, mine in enumerate(experts) if _loss(problem, factor, mine) > SOLVED]
            for factor, found in kind(problem, wanted).items() if wanted else ():
                experts[factor] += found
    return [_mixed(mine, problem.levels[:, factor], order) for factor, mine in enumerate(experts)]


def folds(levels: Levels, n_levels: Sequence[int], seed: int) -> Levels:
    """The fold that each clip is dealt to: int64 [n], 0 <= fold < FOLDS.

    levels: [n, factors]. Clips of one combination of levels stay together, where combinations are many enough.
    """
    _, groups = np.unique(levels, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    if int(groups.max()) + 1 < FEWEST_COMBINATIONS * max(n_levels):
        groups = np.arange(len(levels))
    count = int(groups.max()) + 1
    return np.asarray((np.random.default_rng([seed, count]).permutation(count) * FOLDS // count)[groups])


def _prior(problem: Problem, factor: int) -> Expert:
    shares = problem.shares(factor)
    held, asked = (np.tile(np.maximum(shares, 1e-12), (len(clips), 1)) for clips in (problem.codes, problem.asked))
    return Expert(PRIOR, held, asked)


def _expert(part: Prediction, order: Levels) -> Expert:
    return Expert(part.kind, part.held[order], part.probabilities)


def _loss(problem: Problem, factor: int, experts: list[Expert]) -> float:
    return min(cross_entropy(one.held, problem.levels[:, factor]) for one in experts)


def _mixed(experts: list[Expert], levels: Levels, order: Levels) -> Prediction:
    """The mixture, its clips held back in the order that they came in."""
    found = mixture.shares(np.stack([of_level(one.held, levels) for one in experts]))
    held = np.empty_like(experts[0].held)
    held[order] = sum(share * one.held for share, one in zip(found, experts, strict=True))
    asked = np.asarray(sum(share * one.asked for share, one in zip(found, experts, strict=True)))
    shares: dict[str, float] = {}
    for share, one in zip(found, experts, strict=True):
        shares[one.kind] = shares.get(one.kind, 0.0) + float(share)
    return Prediction(shares, held, asked)
