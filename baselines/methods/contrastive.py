"""Contrast alone: the shared block attracts the views of an example, the private block tells clips apart.

After SimCLR (Chen et al. 2020), once for each block. Two noisy copies u, v of every view are encoded; it minimises

    NT-Xent over pairs of views in the shared block, on the softmax where it is one-hot
    + private_weight NT-Xent over the copies (u, v) of every clip in the private block
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

It has no decoder: what no contrast asks for may go. The embedding of the private block is rounded to what tells copies
of different clips apart, as the other methods round theirs to what their decoder can read.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from baselines.codes import one_hot_groups, rounded
from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.independence import Independence
from baselines.losses import nt_xent
from baselines.networks import Trunk

REMEMBERED = 2_048  # clips of recent steps that the independence term looks back on
MEMORY = 0.99  # of the running mean of the spread between copies


class Contrastive(Method):
    """NT-Xent on each block, an independence term between them."""

    family = "contrastive"

    class Settings(CommonSettings):
        """Weights are relative to the shared block's NT-Xent."""

        learning_rate: float = Field(7.9e-4, gt=0, le=1, description="peak learning rate of AdamW")
        temperature: float = Field(0.26, ge=0.01, le=10, description="temperature of both NT-Xent")
        private_weight: float = Field(0.24, ge=0, le=100, description="weight of NT-Xent on the private block")
        independence_weight: float = Field(1.9, ge=0, le=100, description="weight of CKA between the blocks")
        noise: float = Field(
            0.37, ge=0, le=10, description="noise that tells copies of a clip apart, standard deviations"
        )
        shared_groups: int = Field(4, ge=0, le=128, description="groups of a one-hot shared code; 0: continuous")

        resolution: float = Field(
            3.0, ge=0, le=10, description="rounding step of the private block, in deviations between copies; 0: none"
        )

        @model_validator(mode="after")
        def _whole_groups(self) -> Self:
            if self.shared_groups and self.block_dims % self.shared_groups:
                raise ValueError(
                    f"shared_groups is {self.shared_groups}; expected a divisor of block_dims, {self.block_dims}"
                )
            return self

    settings: Settings
    spread: Tensor

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It contrasts two views, in two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        self.encoder = trunk.encoder(2 * settings.block_dims)
        self.independence = Independence(settings.block_dims, settings.block_dims, REMEMBERED)
        self.register_buffer("spread", torch.ones(settings.block_dims))  # variance of each dimension between copies

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The three terms, on two noisy copies of both views."""
        views = batch.views.transpose(0, 1)  # [view, example, frame, mel]
        clips = views.flatten(0, 1)
        copies = torch.stack([clips, clips])
        copies = copies + self.settings.noise * torch.randn_like(copies)
        shared, soft, private = self._encode(copies.flatten(0, 1))
        one, other = private.detach().unflatten(0, (2, -1))
        self.spread.lerp_((one - other).square().mean(0) / 2, 1 - MEMORY)
        # Views of an example meet across copies: the first copy of one view, the second copy of the other.
        first, second = soft.unflatten(0, (2, *views.shape[:2]))
        terms = {
            "shared": nt_xent(torch.stack([first[0], second[1]]), self.settings.temperature),
            "private": nt_xent(private.unflatten(0, (2, -1)), self.settings.temperature),
            "independence": self.independence(shared.detach()[: len(clips)], private[: len(clips)]),
        }
        loss = (
            terms["shared"]
            + self.settings.private_weight * terms["private"]
            + self.settings.independence_weight * terms["independence"]
        )
        return {"loss": loss, **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The encoder's output, the shared block one-hot by groups and the private one rounded if so set."""
        shared, _, private = self._encode(inputs)
        if self.settings.resolution > 0:
            private = rounded(private, self.settings.resolution * self.spread.sqrt())
        return {self.shared: shared, self.private: private}

    def _encode(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shared code, what contrast compares of it, private code: each [n, block_dims]."""
        logits, private = self.encoder(inputs).float().chunk(2, dim=1)
        if self.settings.shared_groups == 0:
            return logits, logits, private
        shared, soft = one_hot_groups(logits, self.settings.shared_groups)
        return shared, soft, private
