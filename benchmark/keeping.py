"""What a training hands to whoever keeps it, to be taken up again after a kill. How it is kept decides no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from baselines.contract import Method


@dataclass(frozen=True)
class Held:
    """What takes part in the steps. draws: of the batches; the samplers of views have no state but this one."""

    method: Method
    optimisers: list[torch.optim.Optimizer]
    schedules: list[torch.optim.lr_scheduler.LambdaLR]
    draws: np.random.Generator
    device: torch.device

    def parameters(self) -> list[Tensor]:
        """Those that the optimisers move, whether or not a module has them."""
        return [p for optimiser in self.optimisers for group in optimiser.param_groups for p in group["params"]]


@dataclass(frozen=True)
class Log:
    """What training has to tell so far. conditions: what else must be as it was. sums: seconds and the like."""

    step: int
    conditions: dict[str, Any]
    sums: dict[str, Any]
    history: list[dict[str, float]]


class Keeper(Protocol):
    """Keeps a training: `benchmark.checkpoint.Checkpoints`."""

    def begin(self, held: Held, conditions: dict[str, Any]) -> Log | None:
        """Note what training holds before its first step; put back what was kept of it, and return its log."""

    def due(self) -> bool:
        """Whether it is to be kept after this step."""

    def write(self, log: Log) -> None:
        """Keep it as it is now."""
