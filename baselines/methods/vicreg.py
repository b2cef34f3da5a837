"""VICReg, once for each block: pairs agree, every dimension varies, no two dimensions covary.

After Bardes et al. 2022. For the projections of each block it minimises

    invariance_weight |u - v|^2 + variance_weight max(0, 1 - deviation) + covariance_weight covariances^2

as means over pairs u, v and over dimensions. Pairs are, in the shared block, the two views of an example; in the
private block, whose term has private_weight, two noisy copies of a clip. It embeds the blocks before their projectors.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import projector
from baselines.joint_embedding import vicreg_terms
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views

TERMS = ("invariance", "variance", "covariance")


class VICReg(Method):
    """Variance, invariance and covariance in each block."""

    family = "non-contrastive"

    class Settings(CommonSettings):
        """The paper's weights are 25, 25 and 1."""

        learning_rate: float = Field(9.7e-4, gt=0, le=1, description="peak learning rate of AdamW")
        invariance_weight: float = Field(17.0, ge=0, le=1_000, description="weight of the distance of pairs")
        variance_weight: float = Field(25.0, ge=0, le=1_000, description="weight of the hinge on deviations")
        covariance_weight: float = Field(5.3, ge=0, le=1_000, description="weight of the squared covariances")
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
        """The three terms of both blocks, on two noisy copies of both views."""
        copies = noisy_copies(batch.views, self.settings.noise)
        blocks = self.split(self.encoder(copies.flatten(0, 2)).float())
        shared = self.project_shared(blocks[self.shared]).unflatten(0, copies.shape[:3])
        private = self.project_private(blocks[self.private]).unflatten(0, copies.shape[:3])
        terms: dict[str, Tensor] = {}
        for name, pairs in (("shared", pairs_of_views(shared)), ("private", pairs_of_copies(private))):
            found = vicreg_terms(pairs)
            terms |= {f"{name}_{term}": value for term, value in zip(TERMS, found, strict=True)}
        loss = self._weighed("shared", terms) + self.settings.private_weight * self._weighed("private", terms)
        return {"loss": loss, **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())

    def _weighed(self, block: str, terms: dict[str, Tensor]) -> Tensor:
        weights = (self.settings.invariance_weight, self.settings.variance_weight, self.settings.covariance_weight)
        one, two, three = (weight * terms[f"{block}_{term}"] for term, weight in zip(TERMS, weights, strict=True))
        return one + two + three
