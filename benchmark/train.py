"""The one training loop: the same budget, schedule and clips for every method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from baselines.contract import ONE_BLOCK, Batch, Method
from benchmark.collapse import collapsed, ranks
from benchmark.features import Clips
from benchmark.idle import idle_share, joined_share
from benchmark.keeping import Held, Keeper, Log
from benchmark.precision import Precision, chosen_precision
from benchmark.tasks import Preset, Task
from generators.factors import FactorSpace
from generators.pairs import ViewSampler

WARM_UP = 0.1  # of the steps: linear, then a cosine to zero
CLIP_NORM = 1.0
CHECK_EVERY = 25  # steps between looks at the losses: on a GPU each look waits for the device
RANKED_AFTER = (0.1, 0.25, 0.5, 1.0)  # shares of the training after which the rank of the codes is looked at

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]


class DivergedError(ArithmeticError):
    """A loss term became NaN or infinite; the message names the step and the term."""


@dataclass(frozen=True)
class LabelledBatch(Batch):
    """What an oracle that learns is given: with the views, the levels that made them, int64 [example, view, factor]."""

    levels: Tensor | None = None


class ContractError(TypeError):
    """A method does not do what `baselines.contract.Method` asks; the message says what, in one line."""


@dataclass
class Training:
    """What training left behind. history: a row a step, the terms that it logged, and now and then `rank_<block>`, the
    effective rank of a block. seconds: all; waiting: for data.

    clips: seen, views counted. parameters: trained numbers. idle_share: of the device, in [0, 1]; None where unknown.
    precision: of the products. Where training went on from a checkpoint, what was before it is included.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    waiting: float = 0.0
    clips: int = 0
    parameters: int = 0
    idle_share: float | None = None
    precision: str = "float32"


def train(
    method: Method,
    task: Task,
    space: FactorSpace,
    clips: Clips,
    preset: Preset,
    seed: int,
    progress: Progress,
    *,
    precision: Precision = "auto",
    checkpoints: Keeper | None = None,
    labelled: bool = False,
    tell: Tell = print,
) -> Training:
    """Train a method in place on examples drawn from the training clips.

    labelled: give it factors too: for oracles alone. tell: what to do with a line of early word. checkpoints: written
    now and then and at the end; where there is one already, training goes on from it, to the same numbers, if the
    method, which must be new, was built from the same seed. Returns the log. Raises DivergedError where a logged term
    is not finite, ContractError where a step gives no loss or the method declines the task, ValueError for a precision
    that there is not. Methods without an optimiser are left as they are.
    """
    check_able(type(method), task)
    device = clips.features.device
    product = chosen_precision(precision, device)
    if labelled:
        method.told(task, space)  # type: ignore[operator]  # a learner's, that no method has
        method.to(device)
    method.prepare(clips.features)
    optimisers = method.optimisers()
    if not optimisers:
        return Training()
    if type(method).training_step is Method.training_step:
        raise ContractError(f"{type(method).__name__} has an optimiser but no training_step: write one")
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: rate(step, preset.steps)) for o in optimisers]
    held = Held(method, optimisers, schedules, np.random.default_rng(seed), device)
    training = Training(parameters=sum(p.numel() for p in held.parameters()), precision=_named(product))
    first = _restored(training, held, preset, checkpoints) if checkpoints else 0
    if first:
        progress(first, preset.steps)
    if first < preset.steps:
        batches = _batches(task, space, clips, preset, held.draws, first, labelled)
        due = frozenset(max(1, round(share * preset.steps)) for share in RANKED_AFTER)
        watch = _Watch(method, clips.features, due, tell)
        _run(training, held, batches, preset, progress, checkpoints, watch)
    return training


@dataclass(frozen=True)
class _Watch:
    """Looks at the ranks of a method's blocks after the steps that are due, and notes them in the last row of a log."""

    method: Method
    features: Tensor
    due: frozenset[int]
    tell: Tell

    def look(self, step: int, row: dict[str, float]) -> None:
        found = ranks(self.method, self.features)
        row |= {f"rank_{block}": rank for block, rank in found.items()}
        for block in collapsed(found):
            self.tell(f"after {step} steps: the block '{block}' has collapsed: every clip has the same code in it")


def _run(
    training: Training,
    held: Held,
    batches: Iterator[Batch],
    preset: Preset,
    progress: Progress,
    checkpoints: Keeper | None,
    watch: _Watch,
) -> None:
    """The steps that are left, logged in `training`."""
    product, done = getattr(torch, training.precision), len(training.history)
    pending: list[dict[str, Tensor]] = []
    with idle_share(held.device) as idle:
        stop_watch = _stop_watch(training, idle)
        for step, batch in enumerate(_counted(batches, training), done + 1):
            pending.append(_step(held.method, held.optimisers, batch, product))
            for schedule in held.schedules:
                schedule.step()
            last, look = step == preset.steps, step % CHECK_EVERY == 0
            due = checkpoints is not None and checkpoints.due()
            if last or look or due or step in watch.due:
                training.history += _checked(pending, step - len(pending))
                pending = []
            if step in watch.due:
                watch.look(step, training.history[-1])
            if last or due:
                stop_watch()
                if checkpoints is not None:
                    checkpoints.write(_log(training, step, preset, held.device))
            if last or look:
                progress(step, preset.steps)


def _counted(batches: Iterator[Batch], training: Training) -> Iterator[Batch]:
    """The batches; the time that each took to come, and its clips, are added up."""
    asked = time.perf_counter()
    for batch in batches:
        training.waiting += time.perf_counter() - asked
        training.clips += batch.views.shape[0] * batch.views.shape[1]
        yield batch
        asked = time.perf_counter()


def _stop_watch(training: Training, idle: Callable[[], float | None]) -> Callable[[], None]:
    """Sets seconds and idle share of `training` to what they were when it was started, and what has come since."""
    start, before, idle_before = time.perf_counter(), training.seconds, training.idle_share

    def read() -> None:
        since = time.perf_counter() - start
        training.seconds = before + since
        training.idle_share = joined_share((idle_before, before), (idle(), since))

    return read


def _batches(
    task: Task,
    space: FactorSpace,
    clips: Clips,
    preset: Preset,
    draws: np.random.Generator,
    first: int,
    labelled: bool,
) -> Iterator[Batch]:
    """The batches of all steps from one on, each drawn when it is asked for: what was drawn is in a checkpoint."""
    samplers = [
        (name, ViewSampler(pairing, space, clips.levels, clips.seeds)) for name, pairing in task.pairings.items()
    ]

    def batch(step: int) -> Batch:
        name, sampler = samplers[step % len(samplers)]
        drawn = sampler.draw(preset.examples, task.views, draws)
        rows = torch.from_numpy(drawn)
        # View by view in memory, as most methods read it: they can flatten what follows without another copy.
        flat = rows.T.reshape(-1).to(clips.features.device, non_blocking=True)
        views = clips.features.index_select(0, flat).unflatten(0, (task.views, preset.examples)).transpose(0, 1)
        if labelled:
            levels = torch.from_numpy(clips.levels[drawn]).to(views.device)
            return LabelledBatch(views, name, step / preset.steps, levels)
        return Batch(views, name, step / preset.steps)

    return map(batch, range(first, preset.steps))


def _restored(training: Training, held: Held, preset: Preset, checkpoints: Keeper) -> int:
    """Restore from a checkpoint, if there is one; the number of steps that were done."""
    log = checkpoints.begin(held, _conditions(training, preset, held.device))
    if log is None:
        return 0
    training.history = log.history
    for name, value in log.sums.items():
        setattr(training, name, value)
    return log.step


def _log(training: Training, step: int, preset: Preset, device: torch.device) -> Log:
    sums = {name: getattr(training, name) for name in ("seconds", "waiting", "clips", "idle_share")}
    return Log(step, _conditions(training, preset, device), sums, training.history)


def _conditions(training: Training, preset: Preset, device: torch.device) -> dict[str, object]:
    """What a checkpoint must have been written under."""
    conditions = {"steps": preset.steps, "parameters": training.parameters}
    return conditions | {"precision": training.precision, "device": device.type}


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def check_able(method: type[Method], task: Task) -> None:
    """Raise ContractError, with the method's reason, where it declines a task; before anything of it is built."""
    reason = declined(method, task)
    if reason is not None:
        raise ContractError(f"{method.__name__} cannot do {task.name}: {reason}")


def declined(method: type[Method], task: Task) -> str | None:
    """Why a method cannot do a task, in a few words; None where it can."""
    return method.declines((ONE_BLOCK,) if method.one_block else tuple(task.blocks), task.views)


def rate(step: int, steps: int) -> float:
    """Learning rate as a share of its peak: linear warm-up, then half a cosine to zero."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _step(
    method: Method, optimisers: list[torch.optim.Optimizer], batch: Batch, product: torch.dtype
) -> dict[str, Tensor]:
    """One step of each optimiser; the terms that they logged, detached. product: type of the forward products."""
    logged: dict[str, Tensor] = {}
    for index, optimiser in enumerate(optimisers):
        with torch.autocast(batch.views.device.type, torch.bfloat16, enabled=product == torch.bfloat16):
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
