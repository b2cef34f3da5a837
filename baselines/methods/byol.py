"""BYOL, once for each block: a predictor guesses what a slow copy of the network makes of the other of a pair.

After Grill et al. 2020 (for audio: Niizumi et al. 2021). With q_b a predictor, z_b the projections and z'_b those of
the running mean of encoder and projectors, which get no gradient, it minimises, for both orders of each pair,

    |q_s(z_s(x_1)) - z'_s(x_2)|^2                       shared: the two views of an example
    + private_weight |q_p(z_p(x)) - z'_p(x')|^2         private: two noisy copies of a clip

between vectors of length 1. No rivals: predictor and slow copy keep the codes from being all one. It embeds the blocks
before the projectors.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import OUT, follow, projector, rising_momentum, twin
from baselines.joint_embedding import negative_cosine
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views


class BYOL(Method):
    """Bootstrap in each block."""

    family = "non-contrastive"

    class Settings(CommonSettings):
        """The paper's momentum begins at .996, for 500 times as many steps."""

        learning_rate: float = Field(6.7e-4, gt=0, le=1, description="peak learning rate of AdamW")
        momentum: float = Field(0.99, ge=0, le=1, description="of the slow copy, at first; it rises to 1 by a cosine")
        private_weight: float = Field(2.8, ge=0, le=100, description="weight of the private block's objective")
        noise: float = Field(0.073, ge=0, le=10, description="noise of the copies of a clip, standard deviations")

    settings: Settings

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
        self.projectors = nn.ModuleList(projector(dims) for _ in blocks)
        self.predictors = nn.ModuleList(projector(OUT) for _ in blocks)
        self.slow_encoder, self.slow_projectors = twin(self.encoder), twin(self.projectors)
        self.progress = 0.0  # of the training, at the last step

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Both terms, on two noisy copies of both views."""
        self.progress = batch.progress
        copies = noisy_copies(batch.views, self.settings.noise)
        online = self._projected(self.encoder, self.projectors, copies)
        with torch.no_grad():
            targets = self._projected(self.slow_encoder, self.slow_projectors, copies)
        terms = {}
        for place, (name, pairs) in enumerate((("shared", pairs_of_views), ("private", pairs_of_copies))):
            guesses = self.predictors[place](online[place].flatten(0, 2)).unflatten(0, copies.shape[:3])
            told, wanted = pairs(guesses), pairs(targets[place])
            cosines = negative_cosine(told[0], wanted[1]) + negative_cosine(told[1], wanted[0])
            terms[name] = 2 + cosines  # the squared distance of the paper, a mean of both orders
        return {"loss": terms["shared"] + self.settings.private_weight * terms["private"], **terms}

    def after_step(self) -> None:
        """The slow copy follows, ever more slowly."""
        momentum = rising_momentum(self.settings.momentum, self.progress)
        follow(self.slow_encoder, self.encoder, momentum)
        follow(self.slow_projectors, self.projectors, momentum)

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
