"""Barlow Twins, once for each block: the correlations of a pair's projections are the identity matrix.

After Zbontar et al. 2021. With C_b the correlations of the dimensions of one side's projections with the other's, for
each block b it minimises

    (sum_i (1 - C_ii)^2 + redundancy_weight sum_{i != j} C_ij^2) / dimensions

Pairs are, in the shared block, the two views of an example; in the private block, whose term has private_weight, two
noisy copies of a clip. It embeds the blocks before their projectors.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import projector
from baselines.joint_embedding import barlow_terms
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views


class BarlowTwins(Method):
    """Redundancy reduction in each block."""

    family = "non-contrastive"

    class Settings(CommonSettings):
        """The paper's redundancy weight is .005, for 8,192 dimensions; ours are 64."""

        learning_rate: float = Field(9.7e-4, gt=0, le=1, description="peak learning rate of AdamW")
        redundancy_weight: float = Field(0.005, ge=0, le=10, description="weight of different dimensions' correlations")
        private_weight: float = Field(8.5, ge=0, le=100, description="weight of the private block's objective")
        noise: float = Field(0.052, ge=0, le=10, description="noise of the copies of a clip, standard deviations")

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
        shared = self.project_shared(blocks[self.shared]).unflatten(0, copies.shape[:3])
        private = self.project_private(blocks[self.private]).unflatten(0, copies.shape[:3])
        terms = {}
        for name, pairs in (("shared", pairs_of_views(shared)), ("private", pairs_of_copies(private))):
            terms[f"{name}_same"], terms[f"{name}_redundancy"] = barlow_terms(pairs)
        weight = self.settings.redundancy_weight
        loss = terms["shared_same"] + weight * terms["shared_redundancy"]
        private_loss = terms["private_same"] + weight * terms["private_redundancy"]
        return {"loss": loss + self.settings.private_weight * private_loss, **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())
