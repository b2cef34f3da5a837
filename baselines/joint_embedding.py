"""Losses of joint-embedding methods: pure functions of codes, each a scalar. NT-Xent is in `losses.py`.

All compute in float32, whatever precision the codes were made in.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.heads import unit

VARIANCE_EPSILON = 1e-4  # VICReg's: a finite slope at a constant dimension
CORRELATION_EPSILON = 1e-5  # the normalisation's in Barlow Twins, likewise


def info_nce_with_queue(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each query's key among it and the keys of a queue, by cosine. Nats.

    queries, keys: [n, d], row i of each belongs together; keys get no gradient. queue: [m, d], rivals of every query.
    log(1 + m) where all codes are one. Source: He et al. 2020 (MoCo), equation 1.
    """
    with torch.autocast(queries.device.type, enabled=False):
        q, k, rivals = unit(queries), unit(keys.detach()), unit(queue)
        positive = (q * k).sum(1, keepdim=True)
        logits = torch.cat([positive, q @ rivals.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))


def alignment(codes: Tensor, alpha: float = 2.0) -> Tensor:
    """Mean distance of positive pairs on the unit sphere, to the power alpha: from 0 to 2^alpha.

    codes: [2, n, d]. Source: Wang & Isola 2020, section 4.1.
    """
    with torch.autocast(codes.device.type, enabled=False):
        one, other = unit(codes)
        return (one - other).norm(dim=1).pow(alpha).mean()


def uniformity(codes: Tensor, t: float = 2.0) -> Tensor:
    """Logarithm of the mean Gaussian potential between different codes on the unit sphere: from -4t to 0, all one.

    codes: [n, d], n > 1. Source: Wang & Isola 2020, section 4.2.
    """
    with torch.autocast(codes.device.type, enabled=False):
        squared = (2 - 2 * unit(codes) @ unit(codes).T).clamp_min(0)
        rows, columns = torch.triu_indices(len(codes), len(codes), 1, device=codes.device)
        return squared[rows, columns].mul(-t).exp().mean().log()


def negative_cosine(predictions: Tensor, targets: Tensor) -> Tensor:
    """Minus the mean cosine of predictions and targets, [n, d] each, from -1 to 1; no gradient to the targets.

    Source: Chen & He 2021 (SimSiam), equation 1. BYOL's squared distance (Grill et al. 2020, equation 2) is 2 + 2 times
    it.
    """
    with torch.autocast(predictions.device.type, enabled=False):
        return -(unit(predictions) * unit(targets.detach())).sum(1).mean()


def vicreg_terms(codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Invariance, variance and covariance of two views, each from 0.

    codes: [2, n, d], n > 1. Invariance: mean squared difference of the views, over examples and dimensions. Variance:
    mean over dimensions and views of max(0, 1 - standard deviation). Covariance: squared covariances of different
    dimensions, their sum over both views divided by d. Source: Bardes et al. 2022, equations 1 to 5; the first two as
    means over dimensions and views, as in its code.
    """
    with torch.autocast(codes.device.type, enabled=False):
        codes = codes.float()
        centred = codes - codes.mean(1, keepdim=True)
        covariances = centred.mT @ centred / (codes.shape[1] - 1)
        variances = covariances.diagonal(dim1=1, dim2=2)
        hinge = F.relu(1 - (variances + VARIANCE_EPSILON).sqrt()).mean()
        others = (covariances.square().sum() - variances.square().sum()) / codes.shape[2]
        return F.mse_loss(codes[0], codes[1]), hinge, others


def barlow_terms(codes: Tensor) -> tuple[Tensor, Tensor]:
    """How far the correlations of two views are from the identity: on its diagonal, and off it.

    codes: [2, n, d], n > 1. (sum_i (1 - C_ii)^2, sum_{i != j} C_ij^2) / d, C the correlations of one view's dimensions
    with the other's. The scale of a dimension does not matter. Source: Zbontar et al. 2021, equations 1 and 2.
    """
    with torch.autocast(codes.device.type, enabled=False):
        codes = codes.float()
        centred = codes - codes.mean(1, keepdim=True)
        one, other = centred * (centred.square().mean(1, keepdim=True) + CORRELATION_EPSILON).rsqrt()
        correlations = one.T @ other / codes.shape[1]
        same = correlations.diagonal()
        different = correlations.square().sum() - same.square().sum()
        return (1 - same).square().sum() / codes.shape[2], different / codes.shape[2]
