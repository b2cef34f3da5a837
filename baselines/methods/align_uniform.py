"""Alignment and uniformity, once for each block: positive pairs are near, all codes spread over the sphere.

After Wang & Isola 2020, who take the contrastive loss apart. With g_b a projector, for each block b it minimises

    align_weight mean |u - v|^alpha + uniform_weight log mean exp(-t |x - y|^2)

on the unit sphere, u and v positive pairs (shared: the two views of an example; private, times private_weight: two
noisy copies of a clip) and x, y any two codes. It embeds the blocks before their projectors.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import projector
from baselines.joint_embedding import alignment, uniformity
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views


class AlignUniform(Method):
    """Two terms for each block, without a rival in sight."""

    family = "contrastive"

    class Settings(CommonSettings):
        """The paper's for ImageNet: alpha 2, t 3, alignment three times uniformity, the balance that NT-Xent has.

        With its values for small images, t 2 and weights near 1, pitch and rhythm stay in the shared block.
        """

        learning_rate: float = Field(7.9e-4, gt=0, le=1, description="peak learning rate of AdamW")
        alpha: float = Field(2.0, ge=1, le=4, description="power of the distance of positive pairs")
        t: float = Field(3.0, gt=0, le=10, description="sharpness of the potential that spreads codes")
        align_weight: float = Field(3.0, ge=0, le=100, description="weight of alignment")
        uniform_weight: float = Field(1.0, ge=0, le=100, description="weight of uniformity")
        private_weight: float = Field(0.24, ge=0, le=100, description="weight of the private block's objective")
        noise: float = Field(0.37, ge=0, le=10, description="noise of the copies of a clip, standard deviations")

    settings: Settings

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It compares two views, in two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        self.shared, self.private = blocks
        self.encoder = trunk.encoder(2 * settings.block_dims)
        self.project_shared, self.project_private = projector(settings.block_dims), projector(settings.block_dims)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Both terms of both blocks, on two noisy copies of both views."""
        copies = noisy_copies(batch.views, self.settings.noise)
        blocks = self.split(self.encoder(copies.flatten(0, 2)).float())
        shared = pairs_of_views(self.project_shared(blocks[self.shared]).unflatten(0, copies.shape[:3]))
        private = pairs_of_copies(self.project_private(blocks[self.private]).unflatten(0, copies.shape[:3]))
        terms = {}
        for name, pairs in (("shared", shared), ("private", private)):
            terms[f"{name}_alignment"] = alignment(pairs, self.settings.alpha)
            # Of each side of the pairs, as the paper has it: the pairs themselves are not to be driven apart.
            terms[f"{name}_uniformity"] = (
                uniformity(pairs[0], self.settings.t) + uniformity(pairs[1], self.settings.t)
            ) / 2
        return {"loss": self._joined(terms), **terms}

    def _joined(self, terms: dict[str, Tensor]) -> Tensor:
        align, uniform = self.settings.align_weight, self.settings.uniform_weight
        shared = align * terms["shared_alignment"] + uniform * terms["shared_uniformity"]
        private = align * terms["private_alignment"] + uniform * terms["private_uniformity"]
        return shared + self.settings.private_weight * private

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())
