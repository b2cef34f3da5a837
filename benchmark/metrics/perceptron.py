"""The multilayer perceptron among the probes: every factor, decay and member trains side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.metrics.problem import Outcome, Problem, Wanted

HIDDEN = 128
LEARNING_RATE = 1e-2
DECAYS = (0.7, 2.0)  # per unit of learning rate (AdamW): weak for clean codes, strong for noisy ones
MEMBERS = 2  # refitted perceptrons whose probabilities are averaged
ROUNDS = 40  # at the end of each the perceptron may be stopped
BATCH = 128
LEAST_STEPS = 9  # a round: half a pass over the probe clips, and on few clips at least this


def perceptron(problem: Problem, wanted: Wanted) -> Iterator[Outcome]:
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
