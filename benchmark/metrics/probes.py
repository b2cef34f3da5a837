"""Probes: predictors of a factor's level from a code, fitted on probe clips and read on test clips.

Three kinds compete for every factor: logistic, nearest neighbour, multilayer perceptron. Kind and settings are those
with the least cross-entropy on held-back probe clips (a fifth, seeded); the winner is then fitted on all probe clips.
What is held back are whole combinations of levels, as test clips are of combinations that no probe clip has: a probe
that only knows its own clips again must not be chosen for it. Test clips decide nothing. The procedure is the same for
every method, block and factor.

The answer is the same to the last digit given (arrays, seed) on one CPU: probes run on one thread, which on products
this small is also faster than several.

Inputs are whitened, so a rotation or rescaling of a code, or a factor at a tiny amplitude, makes no difference.
What probes cannot see: a finite probe misses any code it has too few clips or too little capacity to learn. Whatever is
measured with them is a lower bound.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.metrics.perceptron import perceptron
from benchmark.metrics.problem import Array, Levels, Outcome, Problem, Setting, Wanted

HELD_BACK = 0.2
# Combinations a level under which single clips are held back instead: whole ones would leave levels that no clip shows.
FEWEST_COMBINATIONS = 10
LEAST_VARIANCE = 1e-8  # of the largest direction's
# Every probability is mixed with this share of the class frequencies, so that one confident mistake costs at most
# ln(1e4) + H nats; a perfect probe pays 1e-4 nats for it.
FLOOR = 1e-4
PENALTIES = (1.0, 1e2, 1e4, 1e6)  # C: a scalar code of 24 levels reads .43 at 1, 1.00 at 1e6
NEIGHBOURS = (2, 8, 32, 128)
PSEUDO_COUNTS = (0.01, 0.1, 1.0, 10.0)
# Nats of held-back cross-entropy under which a factor is read and no further kind is tried: of any factor of 4 levels
# or more, less than .0015 of the entropy is left to win.
SOLVED = 2e-3


@dataclass(frozen=True)
class Whitening:
    """An affine map to uncorrelated directions of variance 1. mean, scale: [d]; basis: [d, kept]."""

    mean: Array
    basis: Array

    def __call__(self, codes: NDArray[np.generic]) -> Array:
        """Whitens codes [n, d] to float64 [n, kept]."""
        return np.asarray((codes.astype(np.float64) - self.mean) @ self.basis)


def whitening(codes: NDArray[np.generic]) -> Whitening:
    """PCA whitening in float64.

    codes: [n, d], finite, the probe clips.
    Directions are dropped whose variance is under 1e-8 of the largest, or within float32's rounding of the values
    themselves: a constant code keeps none, and whitens to [n, 0].
    """
    values = codes.astype(np.float64)
    n, width = values.shape
    largest = np.abs(values).max(initial=0.0)
    if largest == 0.0:
        return Whitening(np.zeros(width), np.zeros((width, 0)))
    mean = (values / n).sum(axis=0)
    centred = (values - mean) / largest
    variances, directions = np.linalg.eigh(centred.T @ centred / n)
    least = max(LEAST_VARIANCE * variances[-1], float(np.finfo(np.float32).eps) ** 2)
    kept = variances > least
    directions = directions[:, kept]
    # An eigenvector's sign is the library's whim; fixed, so that machines agree.
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(kept.sum())])
    return Whitening(mean, directions / np.sqrt(variances[kept]) / largest)


@dataclass(frozen=True)
class Prediction:
    """What the chosen probe says of one factor. probabilities: float64 [test clip, level], rows sum to 1."""

    kind: str
    setting: Setting
    probabilities: Array


def predict(
    codes: Array, levels: Levels, test_codes: Array, n_levels: Sequence[int], seed: int, device: str = "cpu"
) -> list[Prediction]:
    """Level probabilities of each factor on the test clips, by the probe that held-back probe clips chose.

    codes: [n, d] and test_codes: [m, d], whitened. levels: [n, factors], 0 <= level < n_levels[factor].
    A code of no columns gives the frequencies of the levels among the probe clips.
    """
    shares = [np.bincount(levels[:, i], minlength=k) / len(levels) for i, k in enumerate(n_levels)]
    if codes.shape[1] == 0:
        return [Prediction("prior", (), np.tile(share, (len(test_codes), 1))) for share in shares]
    with one_thread(), torch.enable_grad():
        return _chosen(codes, levels, test_codes, tuple(n_levels), shares, seed, device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Numerical libraries use one thread inside, and as many as before after it."""
    # Several threads wait for each other after every small product; beside another busy process that costs twentyfold.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def _chosen(
    codes: Array,
    levels: Levels,
    test_codes: Array,
    n_levels: tuple[int, ...],
    shares: list[Array],
    seed: int,
    device: str,
) -> list[Prediction]:
    held, fitted = held_back(levels, n_levels, seed)
    order = np.concatenate([held, fitted])
    best: dict[int, tuple[float, str, Setting]] = {factor: (np.inf, "", ()) for factor in range(len(n_levels))}
    problem = Problem(codes[fitted], levels[fitted], codes[held], n_levels, seed, device)
    for kind, outcomes in KINDS.items():
        wanted: Wanted = {factor: None for factor, (loss, _, _) in best.items() if loss > SOLVED}
        for factor, setting, raw in outcomes(problem, wanted) if wanted else ():
            loss = cross_entropy(_floored(raw, shares[factor]), levels[held, factor])
            best[factor] = min(best[factor], (loss, kind, setting), key=lambda entry: entry[0])
    found: dict[int, Prediction] = {}
    # Shuffled as the fitted clips were: among clips of one code, the order decides which are the nearest.
    problem = Problem(codes[order], levels[order], test_codes, n_levels, seed, device)
    for kind, outcomes in KINDS.items():
        wanted = {factor: setting for factor, (_, winner, setting) in best.items() if winner == kind}
        for factor, setting, raw in outcomes(problem, wanted) if wanted else ():
            found[factor] = Prediction(kind, setting, _floored(raw, shares[factor]))
    return [found[factor] for factor in best]


def held_back(levels: Levels, n_levels: Sequence[int], seed: int) -> tuple[Levels, Levels]:
    """Rows to choose a probe by, a fifth, and rows to fit it on: both int64, shuffled.

    levels: [n, factors]. Clips of one combination of levels stay together, where combinations are many enough.
    """
    rng = np.random.default_rng(seed)
    _, groups = np.unique(levels, axis=0, return_inverse=True)
    count = int(groups.max()) + 1
    if count < FEWEST_COMBINATIONS * max(n_levels):
        groups, count = np.arange(len(levels)), len(levels)
    place = rng.permutation(count)[groups.reshape(-1)]
    held = place < max(1, round(HELD_BACK * count))
    order = rng.permutation(len(levels))
    return order[held[order]], order[~held[order]]


def cross_entropy(probabilities: Array, levels: Levels) -> float:
    """Mean of -ln p(level), in nats. probabilities: [n, levels]; levels: [n]."""
    return float(-np.log(probabilities[np.arange(len(levels)), levels]).mean())


def _floored(raw: Array, shares: Array) -> Array:
    # A level that no clip of the fitted part showed must not cost infinity either.
    return (1 - FLOOR) * raw + FLOOR * (0.99 * shares + 0.01 / len(shares))


def _logistic(problem: Problem, wanted: Wanted) -> Iterator[Outcome]:
    for factor, setting in wanted.items():
        model = LogisticRegression(max_iter=1000, tol=1e-4, warm_start=True)
        # Each penalty starts from the one before, when it is chosen and again when it is refitted.
        for penalty in PENALTIES if setting is None else PENALTIES[: PENALTIES.index(setting[0]) + 1]:
            model.set_params(C=penalty)
            with warnings.catch_warnings():
                # A separable code has no optimum to arrive at; held-back clips judge where it stopped.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(problem.codes, problem.levels[:, factor])
            if setting is not None and penalty != setting[0]:
                continue
            probabilities = np.zeros((len(problem.asked), problem.n_levels[factor]))
            probabilities[:, model.classes_] = model.predict_proba(problem.asked)
            yield factor, (penalty,), probabilities


def _neighbours(problem: Problem, wanted: Wanted) -> Iterator[Outcome]:
    # On the processor, in float64, on every device: it takes a few hundredths of a second.
    most = min(max(NEIGHBOURS), len(problem.codes))
    between = torch.cdist(torch.from_numpy(problem.asked), torch.from_numpy(problem.codes))
    distances, indices = between.topk(most, largest=False)
    near, squared = problem.levels[indices.numpy()], distances.numpy() ** 2
    rows = np.arange(len(near))[:, None]
    for factor, setting in wanted.items():
        share = np.bincount(problem.levels[:, factor], minlength=problem.n_levels[factor]) / len(problem.codes)
        for k in [min(k, most) for k in NEIGHBOURS] if setting is None else [int(setting[0])]:
            # Inverse squares, relative to the k-th neighbour so that no unit matters; duplicates count alike.
            weights = 1.0 / (squared[:, :k] / np.maximum(squared[:, k - 1 : k], 1e-12) + 1e-3)
            votes = np.zeros((len(near), len(share)))
            np.add.at(votes, (rows, near[:, :k, factor]), k * weights / weights.sum(axis=1, keepdims=True))
            for pseudo in PSEUDO_COUNTS if setting is None else setting[1:]:
                yield factor, (k, pseudo), (votes + pseudo * share) / (k + pseudo)


KINDS: dict[str, Callable[[Problem, Wanted], Iterator[Outcome]]] = {
    "logistic": _logistic,
    "neighbour": _neighbours,
    "perceptron": perceptron,
}
