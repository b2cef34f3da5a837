"""MoCo, once for each block: queries find their keys, from a slow encoder, among a queue of earlier keys.

After He et al. 2020, with the projector of Chen et al. 2020b (MoCo v2). With f the encoder and projectors and f' their
running mean, it minimises

    InfoNCE(f_s(x_1), f'_s(x_2); queue_s)                       shared: the two views of an example
    + private_weight InfoNCE(f_p(x), f'_p(x'); queue_p)         private: two noisy copies of a clip

both directions of each pair. Keys then enter their queue and push out the oldest. It embeds the blocks of the encoder
before the projectors.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import follow, projector, twin, unit
from baselines.joint_embedding import info_nce_with_queue
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views

OUT = 64  # width of the projections


class MoCo(Method):
    """Momentum contrast in each block."""

    family = "contrastive"

    class Settings(CommonSettings):
        """The paper's momentum is .999 and its queue 65,536, for a hundred times as many steps."""

        learning_rate: float = Field(7.9e-4, gt=0, le=1, description="peak learning rate of AdamW")
        temperature: float = Field(0.26, ge=0.01, le=10, description="temperature of InfoNCE (v1: .07, v2: .2)")
        momentum: float = Field(0.99, ge=0, lt=1, description="share of the key encoder that a step leaves")
        queue: int = Field(4_096, ge=1, le=65_536, description="keys that each block remembers")
        private_weight: float = Field(0.24, ge=0, le=100, description="weight of the private block's objective")
        noise: float = Field(0.37, ge=0, le=10, description="noise of the copies of a clip, standard deviations")

    settings: Settings
    queues: Tensor

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It compares two views, in two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        dims = settings.block_dims
        self.encoder = trunk.encoder(2 * dims)
        self.projectors = nn.ModuleList(projector(dims, out=OUT) for _ in blocks)
        self.slow_encoder, self.slow_projectors = twin(self.encoder), twin(self.projectors)
        # Random directions until keys have come: the rivals of a beginning.
        self.register_buffer("queues", unit(torch.randn(2, settings.queue, OUT)))

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Both terms, on two noisy copies of both views; the keys are remembered."""
        copies = noisy_copies(batch.views, self.settings.noise)
        queries = self._projected(self.encoder, self.projectors, copies)
        with torch.no_grad():
            keys = self._projected(self.slow_encoder, self.slow_projectors, copies)
        terms = {}
        for place, (name, pairs) in enumerate((("shared", pairs_of_views), ("private", pairs_of_copies))):
            asked, found = pairs(queries[place]), pairs(keys[place])
            one, other = (
                info_nce_with_queue(asked[i], found[1 - i], self.queues[place], self.settings.temperature)
                for i in (0, 1)
            )
            terms[name] = (one + other) / 2
            self._remember(place, found.flatten(0, 1))
        return {"loss": terms["shared"] + self.settings.private_weight * terms["private"], **terms}

    def after_step(self) -> None:
        """The slow encoder and projectors follow."""
        follow(self.slow_encoder, self.encoder, self.settings.momentum)
        follow(self.slow_projectors, self.projectors, self.settings.momentum)

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())

    def _projected(self, encoder: nn.Module, projectors: nn.Module, copies: Tensor) -> list[Tensor]:
        """Projections of the shared and of the private block, [copy, view, example, d] each."""
        blocks = self.split(encoder(copies.flatten(0, 2)).float())
        return [
            project(blocks[name]).unflatten(0, copies.shape[:3])
            for name, project in zip(self.blocks, projectors.children(), strict=True)
        ]

    def _remember(self, place: int, keys: Tensor) -> None:
        """The newest keys first; the oldest go."""
        old = self.queues[place].clone()
        self.queues[place] = torch.cat([unit(keys), old])[: self.settings.queue]
