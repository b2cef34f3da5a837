"""SimSiam, once for each block: a predictor guesses the projection of the other of a pair, which stands still.

After Chen & He 2021. With q_b a predictor and z_b the projections, it minimises, for both orders of each pair,

    - cos(q_s(z_s(x_1)), stop(z_s(x_2)))                        shared: the two views of an example
    - private_weight cos(q_p(z_p(x)), stop(z_p(x')))            private: two noisy copies of a clip

where no gradient passes stop. Neither rivals nor a slow copy: the stop alone keeps the codes from being all one. It
embeds the blocks before the projectors.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from baselines.contract import Batch, Blocks, CommonSettings, Method
from baselines.heads import OUT, projector
from baselines.joint_embedding import negative_cosine
from baselines.networks import Trunk
from baselines.positives import noisy_copies, pairs_of_copies, pairs_of_views

BOTTLENECK = 16  # of the predictor: a quarter of its output, as in the paper


class SimSiam(Method):
    """Siamese networks with a stop in each block."""

    family = "non-contrastive"

    class Settings(CommonSettings):
        """Nothing but the budget's."""

        learning_rate: float = Field(6.7e-4, gt=0, le=1, description="peak learning rate of AdamW")
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
        self.encoder = trunk.encoder(2 * settings.block_dims)
        self.projectors = nn.ModuleList(projector(settings.block_dims, normalised=True) for _ in blocks)
        self.predictors = nn.ModuleList(projector(OUT, BOTTLENECK) for _ in blocks)

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """Both terms, on two noisy copies of both views."""
        copies = noisy_copies(batch.views, self.settings.noise)
        blocks = self.split(self.encoder(copies.flatten(0, 2)).float())
        terms = {}
        for place, (name, pairs) in enumerate((("shared", pairs_of_views), ("private", pairs_of_copies))):
            projected = self.projectors[place](blocks[self.blocks[place]])
            guesses = pairs(self.predictors[place](projected).unflatten(0, copies.shape[:3]))
            wanted = pairs(projected.unflatten(0, copies.shape[:3]))
            terms[name] = (negative_cosine(guesses[0], wanted[1]) + negative_cosine(guesses[1], wanted[0])) / 2
        return {"loss": terms["shared"] + self.settings.private_weight * terms["private"], **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """The blocks before their projectors, as the paper does."""
        return self.split(self.encoder(inputs).float())
