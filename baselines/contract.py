"""What a method is: the only thing that the suite asks of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from baselines.networks import Trunk

Family = Literal["combined", "contrastive", "non-contrastive", "reconstructive", "control", "oracle", "other"]
Blocks = dict[str, Tensor]
ONE_BLOCK = "code"  # the name of the block of a method that has one alone


@dataclass(frozen=True)
class Batch:
    """Examples to learn from.

    views: [example, view, frame, mel], standardised features. pairing: the block that the views of an example share; no
    factor values, ever. progress: share of the training done, in [0, 1).
    """

    views: Tensor
    pairing: str
    progress: float = 0.0


class CommonSettings(BaseModel):
    """The settings that every method has; a method adds its own. A range belongs to each."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    block_dims: int = Field(16, ge=1, le=128, description="dimensions of each block")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="peak learning rate of AdamW")
    weight_decay: float = Field(1e-4, ge=0, le=10, description="decoupled weight decay of AdamW")


class Method(nn.Module):
    """A method, trained by the suite's loop. It is told the names of the blocks, not what belongs in them.

    A subclass states its `family`, may set `Settings` to an extension of `CommonSettings`, builds its networks from
    `trunk` and defines `training_step` and `embed`; `decode` if it can.

    What it keeps from step to step it keeps on itself or its modules, so that a killed training can go on: parameters,
    buffers, and plain attributes that are tensors, arrays, numbers, text, generators of random numbers, or lists,
    tuples, dictionaries and deques of these. Modules, parameters and names of buffers are there before the first step.

    `one_block`: it has no idea of blocks. It is built with the one block `code`, whatever the task, which it makes as
    wide as two of `block_dims`. What of the sound it keeps is measured; it has no D or B.
    """

    family: ClassVar[Family] = "other"
    one_block: ClassVar[bool] = False
    input: ClassVar[Literal["features"]] = "features"

    Settings: ClassVar[type[CommonSettings]] = CommonSettings

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> None:
        super().__init__()
        self.trunk = trunk
        self.blocks = blocks
        self.settings = settings

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """Why it cannot do a task of these blocks with so many views an example, in a few words; None where it can."""
        return None

    def prepare(self, features: Tensor) -> None:
        """Look at the training features once, before training. features: [clip, frame, mel]."""

    def optimisers(self) -> list[torch.optim.Optimizer]:
        """One, usually: AdamW over every parameter that is trained. None for a method that does not train."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [
            torch.optim.AdamW(trained, self.settings.learning_rate, weight_decay=self.settings.weight_decay, fused=True)
        ]

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The loss under "loss" and whatever parts of it are worth a line in the log, all scalars."""
        raise TypeError(f"{type(self).__name__} has an optimiser but no training_step: write one")

    def after_step(self) -> None:
        """Called after each optimiser step: moving averages, queues."""

    def embed(self, inputs: Tensor) -> Blocks:
        """Standardised features [clip, frame, mel] to the blocks, {name: [clip, dimension]}."""
        raise TypeError(f"{type(self).__name__} has no embed: write one that returns {', '.join(self.blocks)}")

    def decode(self, blocks: Blocks) -> Tensor | None:
        """Blocks back to standardised features [clip, frame, mel]; None where the method cannot."""
        return None

    def split(self, codes: Tensor) -> Blocks:
        """Cut codes, [clip, blocks * block_dims], into the blocks in their order."""
        parts = codes.split(self.settings.block_dims, dim=1)
        return dict(zip(self.blocks, parts, strict=True))

    def join(self, blocks: Blocks) -> Tensor:
        """Put blocks together again: the inverse of `split`."""
        return torch.cat([blocks[name] for name in self.blocks], dim=1)
