"""The combined family: reconstruction and contrast over a shared and a private block, from terms that can be left out.

After Wilkins et al. 2025 (arXiv 2507.22995), whose question it is which contrast, joined to reconstruction how,
separates without losing; the terms and their weights are this project's. A clip x_i has a shared code s_i ~ q(s | x_i)
and a private code p_i ~ q(p | x_i) = N(m_i, v_i). For views x_1, x_2 of an example, j != i, it minimises

    mean_i |x_i - decode(t_i, p_i)|^2           t_i, what the views share: `own` s_i, `exchanged` s_j (Lee & Pavlovic
                                                2021), or a code of the `product` of q(s | x_1) and q(s | x_2)
    + own_weight mean_i |x_i - decode(s_i, p_i)|^2
    + contrast_weight C(s_1, s_2)               shared: the views of an example attract
    + private_contrast_weight C(p_i, p'_i)      private: two samples of a clip's posterior attract, and all other clips
                                                are rivals, the other view of its example too
    + across_contrast_weight max(0, log n - InfoNCE(h(p_i), g(s_i)))
                                                across: a critic g, h, trained to, cannot pick a clip's shared code
                                                among n by its private code; to p alone
    + swap_weight InfoNCE(p, y)                 van den Oord et al. 2018: of the swaps y_k = decode(s'_k, p_k), with the
                                                shared codes s' of other examples, find one's own by q(p_i | y_k)
    + rate_weight mean_i KL(q(p_i | x_i) || N(0, 1))
    + independence_weight CKA(s, p)             Gretton et al. 2005, with a memory; gradient to p alone

C is a form of `baselines/contrast.py`, on the probabilities of one-hot codes (`vicreg` and `barlow`: on their logits,
which have room to vary), on the means of continuous shared codes (these also have a rate), on samples of private ones.
Debiasing and masks of false negatives are for the shared block alone: hardly two clips of a batch have the same private
content. A term of weight 0 is not computed and draws no random number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.contract import Batch, Blocks, CommonSettings, Family, Method
from baselines.contrast import Form, contrast
from baselines.critic import Critic
from baselines.independence import Independence
from baselines.losses import gaussian_info_nce
from baselines.networks import Trunk
from baselines.posteriors import Categorical, Gaussian

REMEMBERED = 2_048  # clips of recent steps that the independence term looks back on
SWAPS_FROM = 0.2  # share of the training after which swaps are good enough to learn from


@dataclass(frozen=True)
class _Coded:
    """A batch and its codes, [clip, ...]: the first views, then the second.

    soft: the probabilities that shared, where it is one-hot, is the argmax of; where it is not, its mean.
    """

    batch: Batch
    clips: Tensor
    shared_statistics: Tensor
    private_statistics: Tensor
    shared: Tensor
    soft: Tensor
    private: Tensor


class Combination(Method):
    """The whole loss; a member of the family is a choice of its weights, each from 0."""

    family: ClassVar[Family] = "combined"

    class Settings(CommonSettings):
        """Weights are relative to the reconstruction error, a mean over the bins of standardised features."""

        learning_rate: float = Field(2e-3, gt=0, le=1, description="peak learning rate of AdamW")
        reconstruction: Literal["own", "exchanged", "product"] = Field(
            "exchanged", description="shared code to decode from: own, the other view's, or of both posteriors' product"
        )
        own_weight: float = Field(0.0, ge=0, le=100, description="weight of a second one, from own shared code")
        contrast_weight: float = Field(0.0, ge=0, le=100, description="weight of contrast on the shared block")
        private_contrast_weight: float = Field(0.0, ge=0, le=100, description="weight of contrast on the private block")
        across_contrast_weight: float = Field(0.0, ge=0, le=100, description="weight of contrast across the blocks")
        swap_weight: float = Field(0.0, ge=0, le=100, description="weight of InfoNCE on the private code of swaps")
        form: Form = Field("nt_xent", description="form of the contrast on the shared and on the private block")
        temperature: float = Field(0.1, ge=0.01, le=10, description="temperature of NT-Xent and of the critic across")
        false_negatives: Literal["kept", "debiased"] = Field(
            "kept", description="false negatives of the shared block's NT-Xent: left alone, or their share taken out"
        )
        positive_prior: float = Field(0.125, ge=0, le=0.9, description="share of rivals taken for false negatives")
        rate_weight: float = Field(0.003, ge=0, le=10, description="weight of the KL divergence of continuous blocks")
        independence_weight: float = Field(1.0, ge=0, le=100, description="weight of CKA between the blocks")
        shared_groups: int = Field(4, ge=0, le=128, description="groups of the one-hot shared code; 0: continuous")
        resolution: float = Field(3.0, gt=0, le=10, description="rounding step, in posterior standard deviations")

        @model_validator(mode="after")
        def _whole_groups(self) -> Self:
            if self.shared_groups and self.block_dims % self.shared_groups:
                raise ValueError(
                    f"shared_groups is {self.shared_groups}; expected a divisor of block_dims, {self.block_dims}"
                )
            return self

    settings: Settings

    @classmethod
    def declines(cls, blocks: tuple[str, ...], views: int) -> str | None:
        """It contrasts and exchanges the shared codes of two views, between two blocks."""
        able = (len(blocks), views) == (2, 2)
        return None if able else f"it takes 2 blocks and 2 views, not {len(blocks)} and {views}"

    def __init__(self, trunk: Trunk, blocks: tuple[str, ...], settings: Settings) -> None:
        super().__init__(trunk, blocks, settings)
        *self.shared, self.private = blocks
        dims, groups = settings.block_dims, settings.shared_groups
        together = len(self.shared) * dims  # shared blocks lie side by side
        self.shared_posterior = (
            Categorical(together, len(self.shared) * groups) if groups else Gaussian(together, settings.resolution)
        )
        self.private_posterior = Gaussian(dims, settings.resolution)
        self.encoder = trunk.encoder(self.shared_posterior.width + self.private_posterior.width)
        self.decoder = trunk.decoder(together + dims)
        self.independence = nn.ModuleList(Independence(dims, dims, REMEMBERED) for _ in self.shared)
        self.critic = Critic(together, dims) if settings.across_contrast_weight else None

    def training_step(self, batch: Batch, optimiser_index: int = 0) -> dict[str, Tensor]:
        """The terms, on both views at once; the swaps are of one view."""
        coded = self._coded(batch)
        terms = self._reconstructions(coded) | self._contrasts(coded) | self._restraints(coded)
        if self.settings.swap_weight and batch.progress >= SWAPS_FROM:
            terms["swap"] = self._swap_contrast(coded)
        weights = {"reconstruction": 1.0, "critic": self.settings.across_contrast_weight}
        weights |= {name: getattr(self.settings, f"{name}_weight") for name in terms if name not in weights}
        return {"loss": sum((weights[name] * term for name, term in terms.items()), torch.tensor(0.0)), **terms}

    def embed(self, inputs: Tensor) -> Blocks:
        """Shared: one-hot by groups, or the posterior's mean, rounded. Private: the posterior's mean, rounded."""
        shared, private = self._encode(inputs)
        embedded = [self.shared_posterior.embedded(shared), self.private_posterior.embedded(private)]
        return self.split(torch.cat(embedded, dim=1))

    def decode(self, blocks: Blocks) -> Tensor:
        """Features of any shared with any private code."""
        return self.decoder(self.join(blocks))

    def _false_negatives(self, batch: Batch) -> Tensor | None:
        """Which clips are no rivals in the shared block: bool [clip, clip], the first views, then the second.

        None: nothing is known, for no method sees a factor. An oracle may.
        """
        return None

    def _coded(self, batch: Batch) -> _Coded:
        clips = batch.views.transpose(0, 1).flatten(0, 1)
        shared_statistics, private_statistics = self._encode(clips)
        private, _ = self.private_posterior.draw(private_statistics)
        shared, soft = self.shared_posterior.draw(shared_statistics)
        self.private_posterior.follow(private_statistics)
        self.shared_posterior.follow(shared_statistics)
        return _Coded(batch, clips, shared_statistics, private_statistics, shared, soft, private)

    def _reconstructions(self, coded: _Coded) -> dict[str, Tensor]:
        """From what the views of an example share, and from what each says itself."""
        terms = {"reconstruction": F.mse_loss(self._decode(self._told(coded), coded.private), coded.clips)}
        if self.settings.own_weight:
            terms["own"] = F.mse_loss(self._decode(coded.shared, coded.private), coded.clips)
        return terms

    def _told(self, coded: _Coded) -> Tensor:
        """The shared code that each clip is decoded from; of a block that this batch does not pair, its own."""
        between = coded.shared
        if self.settings.reconstruction == "exchanged":
            between = coded.shared.unflatten(0, (2, -1)).flip(0).flatten(0, 1)
        elif self.settings.reconstruction == "product":
            joint = self.shared_posterior.product(coded.shared_statistics.unflatten(0, (2, -1)))
            between = self.shared_posterior.draw(joint)[0].repeat(2, 1)
        paired = self._paired(coded.batch)
        return torch.cat([coded.shared[:, : paired.start], between[:, paired], coded.shared[:, paired.stop :]], dim=1)

    def _paired(self, batch: Batch) -> slice:
        """The columns of the shared codes that belong to the block that the views of this batch share."""
        start = self.shared.index(batch.pairing) * self.settings.block_dims
        return slice(start, start + self.settings.block_dims)

    def _contrasts(self, coded: _Coded) -> dict[str, Tensor]:
        """On the shared block, on the private block, and across them."""
        settings, terms = self.settings, {}
        form, temperature = settings.form, settings.temperature
        if settings.contrast_weight:
            prior = settings.positive_prior if settings.false_negatives == "debiased" else 0.0
            codes = coded.soft if form == "nt_xent" else coded.shared_statistics
            views = codes[:, self._paired(coded.batch)].unflatten(0, (2, -1))
            terms["contrast"] = contrast(views, form, temperature, prior, self._false_negatives(coded.batch))
        if settings.private_contrast_weight:
            again, _ = self.private_posterior.draw(coded.private_statistics)
            terms["private_contrast"] = contrast(torch.stack([coded.private, again]), form, temperature)
        if self.critic is not None:
            shared = coded.shared.detach()
            terms["across_contrast"] = self.critic.advantage(shared, coded.private, temperature)
            terms["critic"] = self.critic(shared, coded.private.detach(), temperature)
        return terms

    def _restraints(self, coded: _Coded) -> dict[str, Tensor]:
        """What a block may say, and what it may not say again."""
        terms = {}
        if self.settings.rate_weight:
            rates = self.private_posterior.rate(coded.private_statistics)
            terms["rate"] = rates + self.shared_posterior.rate(coded.shared_statistics)
        if self.settings.independence_weight:
            blocks = coded.shared.detach().split(self.settings.block_dims, dim=1)
            pairs = zip(self.independence, blocks, strict=True)
            terms["independence"] = torch.stack([dependence(block, coded.private) for dependence, block in pairs]).sum()
        return terms

    def _swap_contrast(self, coded: _Coded) -> Tensor:
        """InfoNCE of private codes against those of the clips' swaps, which are taken as they are: no gradient."""
        n = len(coded.clips) // 2  # one view
        shared, private = coded.shared[:n], coded.private[:n]
        with torch.no_grad():
            others = shared[torch.randperm(n, device=shared.device)]
            swaps = self._decode(others, private)
        _, statistics = self._encode(swaps)
        return gaussian_info_nce(private, *self.private_posterior.moments(statistics))

    def _decode(self, shared: Tensor, private: Tensor) -> Tensor:
        return self.decoder(torch.cat([shared, private], dim=1))

    def _encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics of the shared and of the private posterior, [n, width]."""
        widths = [self.shared_posterior.width, self.private_posterior.width]
        shared, private = self.encoder(inputs).float().split(widths, dim=1)
        return shared, private
