"""One method's training, on noise: what `step`, `pool` and `quick` time, and the arithmetic that it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import generators
from baselines import registry
from baselines.contract import Batch, Method
from baselines.networks import Trunk
from benchmark.features import front_end_of
from benchmark.heap import keep_freed_memory
from benchmark.speed.clock import wait_for
from benchmark.tasks import Preset, Task, load_preset, load_task
from benchmark.train import CLIP_NORM, check_able
from generators.pairs import ViewSampler

CLIPS = 8_192  # to draw batches from: as many as `quick` trains on, so that a gather finds as little in caches
PARTS = ("draw", "gather", "forward", "backward", "clip", "optimiser")
MOMENTS = 10  # of a training, evenly spread, whose steps are counted: methods may do more later on


@dataclass(frozen=True)
class Workload:
    """A method, and clips of noise to train it on. draw: rows of the features, int64 [example, view]."""

    method: Method
    optimisers: list[torch.optim.Optimizer]
    draw: Callable[[], Tensor]
    features: Tensor
    pairing: str
    preset: Preset
    precision: torch.dtype

    def step(self, progress: float, parts: dict[str, list[float]] | None = None) -> None:
        """One step, as `benchmark.train` does it. parts: seconds of each of `PARTS` are added there, one row a step."""
        watch = _Watch(self.features.device, parts)
        rows = self.draw()
        watch.lap("draw")
        flat = rows.T.reshape(-1).to(self.features.device)
        views = self.features.index_select(0, flat).unflatten(0, (rows.shape[1], len(rows))).transpose(0, 1)
        batch = Batch(views, self.pairing, progress)
        watch.lap("gather")
        for index, optimiser in enumerate(self.optimisers):
            loss = self.forward(batch, index)
            watch.lap("forward")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            watch.lap("backward")
            nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], CLIP_NORM)
            watch.lap("clip")
            optimiser.step()
            watch.lap("optimiser")
        self.method.after_step()
        watch.stop()

    def forward(self, batch: Batch, index: int = 0) -> Tensor:
        """The loss of one optimiser."""
        bfloat16 = self.precision == torch.bfloat16
        with torch.autocast(self.features.device.type, torch.bfloat16, enabled=bfloat16):
            return self.method.training_step(batch, index)["loss"]

    def flops(self, progress: float) -> dict[str, float]:
        """Floating-point operations of matrix products in a step, forward and backward."""
        batch = Batch(self.features[self.draw().to(self.features.device)], self.pairing, progress)
        forward = backward = 0
        for index, optimiser in enumerate(self.optimisers):
            with FlopCounterMode(display=False) as counted:
                loss = self.forward(batch, index)
            forward += counted.get_total_flops()
            optimiser.zero_grad(set_to_none=True)
            with FlopCounterMode(display=False) as counted:
                loss.backward()
            backward += counted.get_total_flops()
        return {"forward": forward, "backward": backward}

    def training_flops(self) -> float:
        """Operations of a whole training."""
        moments = [sum(self.flops(moment / MOMENTS).values()) for moment in range(MOMENTS)]
        return self.preset.steps * statistics.mean(moments)


class _Watch:
    """Adds what each part of a step took to its list; an accelerator is waited for where parts are asked for."""

    def __init__(self, device: torch.device, parts: dict[str, list[float]] | None) -> None:
        self._device, self._parts, self._took = device, parts, dict.fromkeys(PARTS, 0.0)
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        if self._parts is not None:
            wait_for(self._device)
            now = time.perf_counter()
            self._took[name] += now - self._last
            self._last = now

    def stop(self) -> None:
        if self._parts is not None:
            for name, seconds in self._took.items():
                self._parts.setdefault(name, []).append(seconds)


def workload(method: str, task_name: str, preset_name: str, precision: torch.dtype, device: torch.device) -> Workload:
    """A method, new, on noise of the shape that the front end gives. Raises ValueError for a method that trains not."""
    keep_freed_memory()  # as runs do
    task, preset, cls = load_task(task_name), load_preset(preset_name), registry.load(method)
    check_able(cls, task)
    shape, draws = front_end_of(task.space), np.random.default_rng(0)
    trunk = Trunk(shape.n_frames, shape.n_mels, preset.width, preset.depth)
    torch.manual_seed(0)
    made = registry.built(cls, registry.path_of(method), trunk, tuple(task.blocks), cls.Settings.model_validate({})).to(
        device
    )
    features = torch.randn(CLIPS, shape.n_frames, shape.n_mels, device=device)
    made.prepare(features)
    optimisers = made.optimisers()
    if not optimisers:
        raise ValueError(f"'{method}' does not train, so it has no step; name another method")
    pairing, sampler = next(iter(_samplers(task, draws).items()))

    def draw() -> Tensor:
        return torch.from_numpy(sampler.draw(preset.examples, task.views, draws))

    return Workload(made, optimisers, draw, features, pairing, preset, precision)


def _samplers(task: Task, draws: np.random.Generator) -> dict[str, ViewSampler]:
    """What draws the views of each pairing."""
    space = generators.space(task.space)
    levels, clips = space.sample(CLIPS, draws), np.arange(CLIPS) // max(1, task.versions)
    return {name: ViewSampler(pairing, space, levels, clips) for name, pairing in task.pairings.items()}
