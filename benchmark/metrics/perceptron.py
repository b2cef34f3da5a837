"""The multilayer perceptron among the probes: one for every factor and fold, all trained side by side.

Each is trained on all folds but one and asked about that one at four stops; a factor's perceptrons at one stop are one
expert, who answers other clips by their mean: nothing is trained twice, and the mean moves less with the draw than any
of them. The stops are mixed, not chosen: where a factor is faint, the best stop jumps with the seed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.metrics.problem import Array, Expert, Levels, Problem, floored

HIDDEN = 64  # with 96 a folded leak that reads .69 reads .74, for half as much time again
LEARNING_RATE = 1e-2
DECAY = 0.2  # per unit of learning rate (AdamW): with .7 and 2 less is read; where codes are noisy, stops are early
BATCH = 32  # at as many passes, 128 reads a tenth less
PASSES = 14  # over the fitted clips
LEAST_STEPS, MOST_STEPS = 360, 2_000  # in all, on few clips and on many
STOPS = (1 / 8, 1 / 4, 1 / 2, 1)  # of the way


def perceptron(problem: Problem, wanted: Collection[int]) -> dict[int, list[Expert]]:
    """The experts of each factor wanted, one a stop."""
    factors = list(wanted)
    experts: dict[int, list[Expert]] = {factor: [] for factor in factors}
    asked = torch.from_numpy(problem.asked).to(problem.device, torch.float32)
    for stack in _trained(problem, factors):
        told = _held(problem, stack, len(factors))
        for place, factor in enumerate(factors):
            shares = problem.shares(factor)
            answers = stack.of(place).probabilities(asked.expand(stack.n_folds, -1, -1))
            mean = answers.double().mean(dim=0)[:, : len(shares)].cpu().numpy()
            held = floored(told[place, :, : len(shares)], shares)
            experts[factor].append(Expert("perceptron", held, floored(mean, shares)))
    return experts


@dataclass(frozen=True)
class Stack:
    """Perceptrons of two hidden layers side by side: those of the first factor, fold by fold, then of the next.

    layers: weight [job, in, out] and bias [job, 1, out].
    straight: a path beside the hidden layers, not decayed: on a code that is linear plus noise the perceptron is then
        no worse than the logistic probe. [job, in, out]
    mask: 0 for the levels of a job's factor, a probability of nothing for those it does not have. [job, 1, out]
    """

    layers: list[tuple[Tensor, Tensor]]
    straight: Tensor
    mask: Tensor
    n_folds: int

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [job, n, out] of inputs [job, n, in]."""
        hidden = inputs
        for i, (weight, bias) in enumerate(self.layers):
            hidden = torch.baddbmm(bias, functional.gelu(hidden) if i else hidden, weight)
        return torch.baddbmm(hidden + self.mask, inputs, self.straight)

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Probabilities [job, n, out] of inputs [job, n, in]."""
        return torch.softmax(self.logits(inputs), dim=-1)

    def of(self, place: int) -> "Stack":
        """The perceptrons of one factor, by its place among those trained."""
        rows = slice(place * self.n_folds, (place + 1) * self.n_folds)
        layers = [(weight[rows], bias[rows]) for weight, bias in self.layers]
        return Stack(layers, self.straight[rows], self.mask[rows], self.n_folds)


def _stack(problem: Problem, factors: list[int], n_folds: int) -> Stack:
    # Each job draws from a generator of its own: what trains beside it makes no difference to where it starts.
    jobs = [(factor, fold) for factor in factors for fold in range(n_folds)]
    seeds = [np.random.SeedSequence([problem.seed, *job]).generate_state(1) for job in jobs]
    draws = [torch.Generator().manual_seed(int(seed[0])) for seed in seeds]
    width, widest = problem.codes.shape[1], max(problem.n_levels)
    layers: list[tuple[Tensor, Tensor]] = []
    for fan_in, fan_out in ((width, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, widest)):
        gain = (2 / fan_in) ** 0.5 * (0.1 if len(layers) == 2 else 1.0)  # begins close to an even guess
        weight = torch.stack([torch.randn(fan_in, fan_out, generator=draw) for draw in draws]) * gain
        layers.append((weight.to(problem.device), torch.zeros(len(jobs), 1, fan_out, device=problem.device)))
    counts = torch.tensor([problem.n_levels[factor] for factor, _ in jobs]).view(-1, 1, 1)
    mask = torch.where(torch.arange(widest) < counts, 0.0, -1e9).to(problem.device)
    return Stack(layers, torch.zeros(len(jobs), width, widest, device=problem.device), mask, n_folds)


def _trained(problem: Problem, factors: list[int]) -> Iterator[Stack]:
    """The perceptrons at each stop."""
    fitted = [np.flatnonzero(rows) for rows, _ in problem.parts()]
    stack = _stack(problem, factors, len(fitted))
    weights = [weight for weight, _ in stack.layers]
    parameters = [stack.straight, *weights, *(bias for _, bias in stack.layers)]
    optimiser = torch.optim.Adam([one.requires_grad_() for one in parameters], lr=LEARNING_RATE, fused=True)
    codes = torch.from_numpy(problem.codes).to(problem.device, torch.float32)
    levels = torch.from_numpy(problem.levels).to(problem.device)[:, factors].T
    # The factors see the same clips, fold by fold.
    batches = torch.from_numpy(_batches(fitted, problem.seed)).to(problem.device)
    stops = {round(part * len(batches)) for part in STOPS}
    for step, batch in enumerate(batches):
        rate = LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / len(batches)))
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        logits = stack.logits(codes[batch].repeat(len(factors), 1, 1))
        loss = functional.cross_entropy(logits.flatten(0, 1), levels[:, batch].flatten(), reduction="sum")
        (loss / BATCH).backward()
        with torch.no_grad():
            for weight in weights:
                weight.mul_(1 - rate * DECAY)
        optimiser.step()
        if step + 1 in stops:
            yield stack


def _batches(fitted: Sequence[Levels], seed: int) -> Levels:
    """Rows of the clips of every step: int64 [step, fold, BATCH]."""
    steps = min(max(LEAST_STEPS, PASSES * max(map(len, fitted)) // BATCH), MOST_STEPS)
    draws = [np.random.default_rng([seed, fold]) for fold in range(len(fitted))]
    return np.stack([draw.choice(rows, (steps, BATCH)) for rows, draw in zip(fitted, draws, strict=True)], axis=1)


def _held(problem: Problem, stack: Stack, n_factors: int) -> Array:
    """What the perceptrons say of the fold that they have not seen: [factor, n, widest factor]."""
    outs = [np.flatnonzero(out) for _, out in problem.parts()]
    padded = np.stack([np.resize(rows, max(map(len, outs))) for rows in outs])
    inputs = torch.from_numpy(problem.codes[padded]).to(problem.device, torch.float32)
    told = stack.probabilities(inputs.repeat(n_factors, 1, 1)).double().cpu().numpy()
    held = np.zeros((n_factors, len(problem.codes), told.shape[-1]))
    for place in range(n_factors):
        for fold, rows in enumerate(outs):
            held[place, rows] = told[place * len(outs) + fold, : len(rows)]
    return held
