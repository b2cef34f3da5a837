"""Probes: predictors of a factor's level from a code, fitted on probe clips and read on test clips.

Three kinds compete for every factor: logistic, nearest neighbour, multilayer perceptron. Kind and settings are those
with the least cross-entropy on held-back probe clips (a fifth, seeded); the winner is then fitted on all probe clips.
Test clips decide nothing. The procedure is the same for every method, block and factor.

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
from torch import Tensor
from torch.nn import functional

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
Setting = tuple[float, ...]
# What is still wanted of a kind: factor -> the one setting to fit, or every setting where that is None.
Wanted = dict[int, Setting | None]
# (factor, setting, probabilities [clip, level])
Outcome = tuple[int, Setting, Array]

HELD_BACK = 0.2
LEAST_VARIANCE = 1e-8  # of the largest direction's
# Every probability is mixed with this share of the class frequencies, so that one confident mistake costs at most
# ln(1e4) + H nats; a perfect probe pays 1e-4 nats for it.
FLOOR = 1e-4
PENALTIES = (1.0, 1e2, 1e4, 1e6)  # C: a scalar code of 24 levels reads .43 at 1, 1.00 at 1e6
NEIGHBOURS = (2, 8, 32, 128)
PSEUDO_COUNTS = (0.01, 0.1, 1.0, 10.0)
HIDDEN = 128
LEARNING_RATE = 1e-2
DECAYS = (0.7, 2.0)  # per unit of learning rate (AdamW): weak for clean codes, strong for noisy ones
MEMBERS = 2  # refitted perceptrons whose probabilities are averaged
ROUNDS = 40  # at the end of each the perceptron may be stopped
BATCH = 128
LEAST_STEPS = 9  # a round: half a pass over the probe clips, and on few clips at least this
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
    with _one_thread(), torch.enable_grad():
        return _chosen(codes, levels, test_codes, tuple(n_levels), shares, seed, device)


@contextmanager
def _one_thread() -> Iterator[None]:
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
    order = np.random.default_rng(seed).permutation(len(codes))
    held, fitted = np.split(order, [max(1, round(HELD_BACK * len(codes)))])
    best: dict[int, tuple[float, str, Setting]] = {factor: (np.inf, "", ()) for factor in range(len(n_levels))}
    problem = Problem(codes[fitted], levels[fitted], codes[held], n_levels, seed, device)
    for kind, outcomes in KINDS.items():
        wanted: Wanted = {factor: None for factor, (loss, _, _) in best.items() if loss > SOLVED}
        for factor, setting, raw in outcomes(problem, wanted) if wanted else ():
            loss = cross_entropy(_floored(raw, shares[factor]), levels[held, factor])
            best[factor] = min(best[factor], (loss, kind, setting), key=lambda entry: entry[0])
    found: dict[int, Prediction] = {}
    problem = Problem(codes, levels, test_codes, n_levels, seed, device)
    for kind, outcomes in KINDS.items():
        wanted = {factor: setting for factor, (_, winner, setting) in best.items() if winner == kind}
        for factor, setting, raw in outcomes(problem, wanted) if wanted else ():
            found[factor] = Prediction(kind, setting, _floored(raw, shares[factor]))
    return [found[factor] for factor in best]


def cross_entropy(probabilities: Array, levels: Levels) -> float:
    """Mean of -ln p(level), in nats. probabilities: [n, levels]; levels: [n]."""
    return float(-np.log(probabilities[np.arange(len(levels)), levels]).mean())


@dataclass(frozen=True)
class Problem:
    """Clips to fit on (codes, levels) and clips to answer for (asked)."""

    codes: Array
    levels: Levels
    asked: Array
    n_levels: tuple[int, ...]
    seed: int
    device: str


def _floored(raw: Array, shares: Array) -> Array:
    # A level that no clip of the fitted part showed must not cost infinity either.
    return (1 - FLOOR) * raw + FLOOR * (0.99 * shares + 0.01 / len(shares))


def _logistic(problem: Problem, wanted: Wanted) -> Iterator[Outcome]:
    for factor, setting in wanted.items():
        model = LogisticRegression(max_iter=1000, tol=1e-4, warm_start=True)
        for penalty in PENALTIES if setting is None else setting:
            model.set_params(C=penalty)
            with warnings.catch_warnings():
                # A separable code has no optimum to arrive at; held-back clips judge where it stopped.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(problem.codes, problem.levels[:, factor])
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


def _perceptron(problem: Problem, wanted: Wanted) -> Iterator[Outcome]:
    """Every factor, decay and member trains side by side: one batched product a layer."""
    jobs = [
        Job(factor, decay, member)
        for factor, setting in wanted.items()
        for member, decay in enumerate(DECAYS if setting is None else [setting[1]] * MEMBERS)
    ]
    stops = {setting[0] for setting in wanted.values() if setting is not None} or set(range(1, ROUNDS + 1))
    asked = torch.from_numpy(problem.asked).to(problem.device, torch.float32)
    for stop, answer in enumerate(_trained(problem, jobs), start=1):
        told = answer(asked).double().cpu().numpy() if stop in stops else None
        for factor, setting in wanted.items():
            if told is None or (setting is not None and setting[0] != stop):
                continue
            own = [i for i, job in enumerate(jobs) if job.factor == factor]
            answers = told[own, :, : problem.n_levels[factor]]
            if setting is not None:
                yield factor, setting, answers.mean(axis=0)
            else:
                yield from ((factor, (stop, jobs[i].decay), answers[j]) for j, i in enumerate(own))
        if stop == max(stops):
            return


@dataclass(frozen=True)
class Job:
    """One perceptron to train."""

    factor: int
    decay: float
    member: int


@dataclass(frozen=True)
class Stack:
    """Perceptrons of two hidden layers side by side. layers: weight [job, in, out] and bias [job, 1, out]."""

    layers: list[tuple[Tensor, Tensor]]
    # A straight path beside the hidden layers, not decayed: on a code that is linear plus noise the perceptron is then
    # no worse than the logistic probe. [job, in, out]
    straight: Tensor
    # 0 for the levels of a job's factor, and a probability of nothing for those it does not have. [job, 1, out]
    mask: Tensor

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [job, n, out] of inputs [n, in]."""
        wide = inputs.expand(len(self.mask), -1, -1)
        hidden = wide
        for i, (weight, bias) in enumerate(self.layers):
            hidden = torch.baddbmm(bias, functional.gelu(hidden) if i else hidden, weight)
        return torch.baddbmm(hidden + self.mask, wide, self.straight)

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Probabilities [job, n, out] of inputs [n, in]."""
        return torch.softmax(self.logits(inputs), dim=-1)


def _stack(problem: Problem, jobs: list[Job]) -> Stack:
    # Each job draws from a generator of its own: what trains beside it makes no difference to where it starts.
    seeds = [np.random.SeedSequence([problem.seed, job.factor, job.member]).generate_state(1) for job in jobs]
    draws = [torch.Generator().manual_seed(int(seed[0])) for seed in seeds]
    width, widest = problem.codes.shape[1], max(problem.n_levels)
    layers: list[tuple[Tensor, Tensor]] = []
    for fan_in, fan_out in ((width, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, widest)):
        gain = (2 / fan_in) ** 0.5 * (0.1 if len(layers) == 2 else 1.0)  # begins close to an even guess
        weight = torch.stack([torch.randn(fan_in, fan_out, generator=draw) for draw in draws]) * gain
        layers.append((weight.to(problem.device), torch.zeros(len(jobs), 1, fan_out, device=problem.device)))
    counts = torch.tensor([problem.n_levels[job.factor] for job in jobs]).view(-1, 1, 1)
    mask = torch.where(torch.arange(widest) < counts, 0.0, -1e9).to(problem.device)
    return Stack(layers, torch.zeros(len(jobs), width, widest, device=problem.device), mask)


def _trained(problem: Problem, jobs: list[Job]) -> Iterator[Callable[[Tensor], Tensor]]:
    """After each round, a function from inputs [n, d] to probabilities [job, n, widest factor]."""
    stack = _stack(problem, jobs)
    weights = [weight for weight, _ in stack.layers]
    parameters = [stack.straight, *weights, *(bias for _, bias in stack.layers)]
    optimiser = torch.optim.Adam([one.requires_grad_() for one in parameters], lr=LEARNING_RATE, fused=True)
    codes = torch.from_numpy(problem.codes).to(problem.device, torch.float32)
    levels = torch.from_numpy(problem.levels).to(problem.device).T[[job.factor for job in jobs]]
    decays = torch.tensor([job.decay for job in jobs], device=problem.device).view(-1, 1, 1)
    draw = torch.Generator().manual_seed(problem.seed)
    steps = max(LEAST_STEPS, round(len(codes) / (2 * BATCH)))
    for step in range(ROUNDS * steps):
        rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / (ROUNDS * steps)))
        optimiser.param_groups[0]["lr"] = rate
        batch = torch.randint(len(codes), (BATCH,), generator=draw).to(problem.device)
        optimiser.zero_grad()
        logits, answers = stack.logits(codes[batch]).flatten(0, 1), levels[:, batch].flatten()
        (functional.cross_entropy(logits, answers, reduction="sum") / BATCH).backward()
        with torch.no_grad():
            for weight in weights:
                weight.mul_(1 - rate * decays)
        optimiser.step()
        if (step + 1) % steps == 0:
            yield stack.probabilities


KINDS: dict[str, Callable[[Problem, Wanted], Iterator[Outcome]]] = {
    "logistic": _logistic,
    "neighbour": _neighbours,
    "perceptron": _perceptron,
}
