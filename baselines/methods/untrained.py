"""The trunk's encoder as it was initialised: what an architecture knows before it learns."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.contract import Blocks, CommonSettings, Method
from baselines.networks import Trunk


class Untrained(Method):
    """Random weights, cut into the blocks in order."""

    family = "control"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> None:
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(len(blocks) * settings.block_dims)

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """None: it does not train."""
        return []

    def embed(self, inputs: Tensor) -> Blocks:
        """The encoder's output."""
        return self.split(self.encoder(inputs))
