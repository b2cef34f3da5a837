"""The logistic probe: linear, convex, by LBFGS; its penalty chosen fold by fold, then fitted on all clips."""

import warnings
from collections.abc import Collection

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.problem import Array, Expert, Levels, Problem, cross_entropy, floored

PENALTIES = (1.0, 1e2, 1e4, 1e6)  # C: a scalar code of 24 levels reads .43 at 1, 1.00 at 1e6
STEPS = 100  # of LBFGS, at most, for each penalty
FOLDS = 5  # a convex fit draws nothing, so that more, which cost as much again, steady nothing
# Nats on the clips held back that a weaker penalty must gain for a still weaker one to be tried: of noise none is.
LEAST_GAIN = 1e-3


def logistic(problem: Problem, wanted: Collection[int]) -> dict[int, list[Expert]]:
    """The expert of each factor wanted. It draws nothing: the seed matters for the folds alone."""
    return {factor: [_expert(problem, factor)] for factor in wanted}


def _expert(problem: Problem, factor: int) -> Expert:
    levels, shares = problem.levels[:, factor], problem.shares(factor)
    folds = [(_Path(problem.codes[fitted], levels[fitted], len(shares)), out) for fitted, out in problem.parts(FOLDS)]
    best, least, held = 0, np.inf, np.zeros((len(levels), len(shares)))
    for place, penalty in enumerate(PENALTIES):
        told = np.zeros_like(held)
        for path, out in folds:
            told[out] = path.told(penalty, problem.codes[out])
        told = floored(told, shares)
        loss, before = cross_entropy(told, levels), least
        if loss < least:
            best, least, held = place, loss, told
        if loss > before - LEAST_GAIN:
            break
    whole = _Path(problem.codes, levels, len(shares))
    # Each penalty starts from the one before, as when it was chosen.
    asked = [whole.told(penalty, problem.asked) for penalty in PENALTIES[: best + 1]][-1]
    return Expert("logistic", held, floored(asked, shares))


class _Path:
    """One model, fitted again with weaker and weaker penalties: each starts where the one before ended."""

    def __init__(self, codes: Array, levels: Levels, k: int) -> None:
        self._codes, self._levels, self._k = codes, levels, k
        self._model = LogisticRegression(max_iter=STEPS, tol=1e-4, warm_start=True)

    def told(self, penalty: float, asked: Array) -> Array:
        """Fits with this penalty. Returns probabilities [clip, level] of the clips asked."""
        probabilities = np.zeros((len(asked), self._k))
        if self._levels.min() == self._levels.max():  # nothing to tell apart among these clips
            probabilities[:, self._levels[0]] = 1.0
            return probabilities
        with warnings.catch_warnings():
            # A separable code has no optimum to arrive at; clips held back judge where it stopped.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.set_params(C=penalty).fit(self._codes, self._levels)
        probabilities[:, self._model.classes_] = self._model.predict_proba(asked)
        return probabilities
