"""Forms of contrast between two views of each example, and what is done about false negatives.

A form attracts the views of an example and keeps the codes of a batch apart: `nt_xent` by rivals, `vicreg` and `barlow`
by moments over the batch. A false negative is a rival that has what the views share in common with them: where there
are 8 timbres, one rival in eight. The moments have no rivals, so nothing is done about them there.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.joint_embedding import barlow_terms, vicreg_terms
from baselines.losses import nt_xent

Form = Literal["nt_xent", "vicreg", "barlow"]

COVARIANCE_SHARE = 1 / 25  # of VICReg's weights, 25, 25 and 1, as shares of the first
REDUNDANCY = 0.005  # lambda of Barlow Twins


def contrast(
    codes: Tensor,
    form: Form,
    temperature: float,
    positive_prior: float = 0.0,
    false_negatives: Tensor | None = None,
) -> Tensor:
    """The contrast of a form, a scalar. codes: [2, example, dimension].

    temperature, positive_prior and false_negatives are those of `debiased_nt_xent`; `vicreg` and `barlow` have none.
    """
    if form == "vicreg":
        return vicreg(codes)
    if form == "barlow":
        return barlow(codes)
    if positive_prior == 0 and false_negatives is None:
        return nt_xent(codes, temperature)
    return debiased_nt_xent(codes, temperature, positive_prior, false_negatives)


def debiased_nt_xent(
    codes: Tensor, temperature: float, positive_prior: float, false_negatives: Tensor | None = None
) -> Tensor:
    """NT-Xent that takes out of the rivals' sum what false negatives are expected to have put in.

    With p = exp(similarity to the other view) and the N rivals' sum S, each row pays -log(p / (p + G)), where
    G = max((S - positive_prior N p) / (1 - positive_prior), N exp(-1 / temperature)).

    codes: [2, example, dimension]. positive_prior: probability that a rival is a false negative, in [0, 1); at 0 this
    is NT-Xent. false_negatives: bool [2 example, 2 example], the first views, then the second; True: known to be one,
    and left out. The other view of an example is never left out. Nats.
    Source: Chuang et al. 2020, "Debiased contrastive learning", equations 7 and 8 with one positive, N negatives.
    """
    n = codes.shape[1]
    clips = torch.arange(2 * n, device=codes.device)
    with torch.autocast(codes.device.type, enabled=False):  # similarities near 1 do not survive 8 bits of mantissa
        unit = F.normalize(codes.flatten(0, 1).float(), dim=1)
        similarity = (unit / temperature) @ unit.T
    positive = similarity[clips, clips.roll(n)]
    rival = torch.ones_like(similarity, dtype=torch.bool)
    if false_negatives is not None:
        rival &= ~false_negatives
    rival[clips, clips] = False
    rival[clips, clips.roll(n)] = False
    rivals = rival.sum(1)
    # Everything is divided by the largest term of its row: at low temperatures the exponentials overflow.
    largest = torch.maximum(similarity.masked_fill(~rival, float("-inf")).amax(1), positive).detach()
    total = (similarity - largest[:, None]).exp().masked_fill(~rival, 0.0).sum(1)
    expected = (total - positive_prior * rivals * (positive - largest).exp()) / (1 - positive_prior)
    least = rivals * (-1 / temperature - largest).exp()
    smallest = torch.finfo(total.dtype).tiny
    return F.softplus(torch.maximum(expected, least).clamp_min(smallest).log() + largest - positive).mean()


def vicreg(codes: Tensor) -> Tensor:
    """Variance, invariance and covariance: views agree, each dimension varies by 1 or more, none follows another.

    The terms of `joint_embedding.vicreg_terms`, with the source's weights, 25, 25 and 1, divided by 25.
    codes: [2, example, dimension], two examples or more. 1 for a collapsed code, but for an epsilon.
    Source: Bardes et al. 2022, equation 6.
    """
    invariance, hinge, covariance = vicreg_terms(codes)
    return invariance + hinge + COVARIANCE_SHARE * covariance


def barlow(codes: Tensor) -> Tensor:
    """Redundancy reduction: the correlation matrix C of one view's dimensions with the other's is the identity.

    (sum_i (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2) / dimensions. codes: [2, example, dimension]; the scale of a
    dimension does not matter. 1 for a collapsed code.
    Source: Zbontar et al. 2021, equations 1 and 2, here a mean over dimensions.
    """
    same, different = barlow_terms(codes)
    return same + REDUNDANCY * different
