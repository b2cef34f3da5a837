"""SimCLR, once for each block: positive pairs find each other among all others, after a projector.

After Chen et al. 2020. With g_b a projector, it minimises

    NT-Xent(g_s(s_1), g_s(s_2))                 shared: the two views of an example
    + private_weight NT-Xent(g_p(p), g_p(p'))   private: two noisy copies of a clip, every clip

and embeds the blocks before their projectors. Nothing asks the private block to leave out what the shared one holds.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import projector
from baselines.losses import nt_xent
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views


class SimCLR(Method):
    """NT-Xent on a projection of each block."""

    family = "contrastive"

    class Settings(CommonSettings):
        """The paper's temperature is between .1 and .5, by data set."""

        learning_rate: float = Field(7.9e-4, gt=0, le=1, description="peak learning rate of AdamW")
        temperature: float = Field(0.26, ge=0.01, le=10, description="temperature of both NT-Xent")
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
        """Both terms, on two noisy copies of both views."""
        copies = noisy_copies(batch.views, self.settings.noise)
        blocks = self.split(self.encoder(copies.flatten(0, 2)).float())
        shared = self.project_shared(blocks[self.shared]).unflatten(0, copies.shape[:3])
        private = self.project_private(blocks[self.private]).unflatten(0, copies.shape[:3])
        terms = {
            "shared": nt_xent(pairs_of_views(shared), self.settings.temperature),
            "private": nt_xent(pairs_of_copies(private), self.settings.temperature),
        }
        return {"loss": terms["shared"] + self.settings.private_weight * terms["private"], **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())
