"""The one training loop: the same budget, schedule and clips for every method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from baselines.contract import Batch, Method
from benchmark.features import Clips
from benchmark.tasks import Preset, Task
from generators.factors import FactorSpace
from generators.pairs import ViewSampler

WARM_UP = 0.1  # of the steps: linear, then a cosine to zero
CLIP_NORM = 1.0
CHECK_EVERY = 25  # steps between looks at the losses: on a GPU each look waits for the device

Progress = Callable[[int, int], None]


class DivergedError(ArithmeticError):
    """A loss term became NaN or infinite; the message names the step and the term."""


class ContractError(TypeError):
    """A method does not do what `baselines.contract.Method` asks; the message says what, in one line."""


@dataclass
class Training:
    """What training left behind. history: a row a step, the terms that it logged. seconds: all; waiting: for data.

    clips: seen, views counted. parameters: trained numbers.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    waiting: float = 0.0
    clips: int = 0
    parameters: int = 0


def train(
    method: Method, task: Task, space: FactorSpace, clips: Clips, preset: Preset, seed: int, progress: Progress
) -> Training:
    """Train a method in place on examples drawn from the training clips.

    Returns the log. Raises DivergedError where a logged term is not finite, ContractError where a step gives no loss or
    the method declines the task.
    Methods without an optimiser are left as they are.
    """
    check_able(type(method), task)
    device = clips.features.device
    method.prepare(clips.features)
    optimisers = method.optimisers()
    training = Training()
    if not optimisers:
        return training
    if type(method).training_step is Method.training_step:
        raise ContractError(f"{type(method).__name__} has an optimiser but no training_step: write one")
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    training.parameters = sum(parameter.numel() for group in groups for parameter in group["params"])
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: rate(step, preset.steps)) for o in optimisers]
    samplers = [
        (name, ViewSampler(pairing, space, clips.levels, clips.seeds)) for name, pairing in task.pairings.items()
    ]
    rng = np.random.default_rng(seed)
    pending: list[dict[str, Tensor]] = []
    start = time.perf_counter()
    for step in range(preset.steps):
        asked = time.perf_counter()
        name, sampler = samplers[step % len(samplers)]
        rows = torch.from_numpy(sampler.draw(preset.examples, task.views, rng)).to(device, non_blocking=True)
        batch = Batch(clips.features[rows], name, step / preset.steps)
        training.waiting += time.perf_counter() - asked
        pending.append(_step(method, optimisers, batch))
        for schedule in schedules:
            schedule.step()
        if len(pending) == CHECK_EVERY or step == preset.steps - 1:
            training.history += _checked(pending, step + 1 - len(pending))
            pending = []
            progress(step + 1, preset.steps)
    training.seconds = time.perf_counter() - start
    training.clips = preset.steps * preset.examples * task.views
    return training


def check_able(method: type[Method], task: Task) -> None:
    """Raise ContractError, with the method's reason, where it declines a task; before anything of it is built."""
    reason = method.declines(tuple(task.blocks), task.views)
    if reason is not None:
        raise ContractError(f"{method.__name__} cannot do {task.name}: {reason}")


def rate(step: int, steps: int) -> float:
    """Learning rate as a share of its peak: linear warm-up, then half a cosine to zero."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _step(method: Method, optimisers: list[torch.optim.Optimizer], batch: Batch) -> dict[str, Tensor]:
    """One step of each optimiser; the terms that they logged, detached."""
    logged: dict[str, Tensor] = {}
    bf16 = batch.views.device.type == "cuda"
    for index, optimiser in enumerate(optimisers):
        with torch.autocast(batch.views.device.type, torch.bfloat16, enabled=bf16):
            terms = method.training_step(batch, index)
        _check_terms(terms)
        optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], CLIP_NORM)
        optimiser.step()
        logged |= {name if index == 0 else f"{name}_{index}": term.detach() for name, term in terms.items()}
    method.after_step()
    return logged


def _check_terms(terms: dict[str, Tensor]) -> None:
    shapes = {name: list(term.shape) for name, term in terms.items()}
    if "loss" not in shapes or any(shapes.values()):
        raise ContractError(f'training_step must return scalars, "loss" among them; got the shapes {shapes}')


def _checked(pending: list[dict[str, Tensor]], first_step: int) -> list[dict[str, float]]:
    """The pending terms as numbers, those of each step. Raises DivergedError at the first that is not finite."""
    values = iter(torch.stack([term.float() for terms in pending for term in terms.values()]).cpu().tolist())
    rows = [{"step": first_step + row, **{name: next(values) for name in terms}} for row, terms in enumerate(pending)]
    for row in rows:
        for name, value in sorted(row.items(), key=lambda pair: pair[0] == "loss"):
            if not math.isfinite(value):
                raise DivergedError(f"step {row['step']}: the term '{name}' is {value}; nothing was stored")
    return rows
