"""The ceiling: each block classifies the factors it owns, given them in training; its answers are the code.

For each factor f of a block a linear layer on the trunk's encoder gives logits l_f; it minimises

    mean over clips and factors of CE(l_f, level of f) / ln(levels of f)

and embeds the most likely level of each factor, one-hot, or, of a factor of more than 32 levels, as one number. What it
does not reach no method of this trunk, budget and front end can be asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Method

if TYPE_CHECKING:
    from baselines.networks import Trunk
    from benchmark.tasks import Task
    from generators.factors import FactorSpace

HIDDEN = 256
WIDEST_ONE_HOT = 32  # levels; of a wider factor the number of its level is written


class Supervised(Method):
    """One encoder, a head for each factor; its code is what it says."""

    family = "oracle"

    class Settings(CommonSettings):
        """Those that every method has; `block_dims` does not matter, for answers are as wide as they are."""

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> None:
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(HIDDEN)
        self.owned: dict[str, tuple[int, ...]] = {}
        self.n_levels: tuple[int, ...] = ()
        self.heads = torch.nn.ModuleList()

    def told(self, task: Task, space: FactorSpace) -> None:
        """Which factors each block owns, and how many levels they have."""
        self.owned = {block: tuple(space.column(name) for name in sorted(task.blocks[block])) for block in self.blocks}
        self.n_levels = tuple(space.n_levels)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(HIDDEN, n) for n in self.n_levels)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of every factor, as a share of its entropy."""
        levels = batch.levels.flatten(0, 1)  # type: ignore[attr-defined]
        hidden = F.gelu(self.encoder(batch.views.flatten(0, 1)).float())
        losses = [
            F.cross_entropy(head(hidden).float(), levels[:, column]) / math.log(n)
            for column, (head, n) in enumerate(zip(self.heads, self.n_levels, strict=True))
        ]
        return {"loss": torch.stack(losses).mean()}

    def embed(self, inputs: Tensor) -> Blocks:
        """The most likely level of each factor that a block owns."""
        hidden = F.gelu(self.encoder(inputs).float())
        return {
            block: torch.cat([self._written(hidden, column) for column in columns], dim=1)
            for block, columns in self.owned.items()
        }

    def _written(self, hidden: Tensor, column: int) -> Tensor:
        answers = self.heads[column](hidden).argmax(1)
        n = self.n_levels[column]
        return F.one_hot(answers, n).float() if n <= WIDEST_ONE_HOT else (answers / n)[:, None]
