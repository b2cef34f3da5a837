"""Terms of variational autoencoders: pure functions of diagonal Gaussian posteriors, in nats and in float32.

KL from the standard normal and draws are in `losses.py`. All methods here share one convention: the decoder is a
Gaussian of one variance for every bin of the standardised features, so that the negative evidence bound, divided by the
constant (bins / (2 variance)) and up to one, is

    mean squared error + (2 variance / bins) * KL
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOG_VARIANCE = (-10.0, 4.0)  # outside, the exponential leaves float32's comfortable range
LEAST_LOG_DENSITY = -40.0  # what is less adds nothing to a sum, but its subnormal exponentials triple the time


def moments(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """Means and log-variances, [n, d] each, of an encoder's output [n, 2 d], in float32."""
    mean, log_variance = statistics.float().chunk(2, dim=1)
    return mean, log_variance.clamp(*LOG_VARIANCE)


def rate_unit(variance: float, bins: int) -> float:
    """What a nat weighs beside the mean squared error over so many bins, where the decoder has this variance."""
    return 2 * variance / bins


@dataclass(frozen=True)
class Decomposed:
    """KL(q(z|x) || N(0, 1)), averaged over clips, in three: scalars, nats. Their sum is the whole, in expectation.

    information: of clip and code. correlation: total correlation of the code's dimensions. marginal: of each
    dimension's aggregate from the standard normal, summed.
    """

    information: Tensor
    correlation: Tensor
    marginal: Tensor


def decomposed_kl(codes: Tensor, mean: Tensor, log_variance: Tensor) -> Decomposed:
    """The three parts of the KL divergence, by minibatch weighted sampling.

    codes: [n, d], one draw from each posterior; mean, log_variance: [n, d].
    Aggregates are those of the n posteriors, each with the weight 1 / n: the source's weight, 1 / (n N) for N training
    clips, adds constants that have no gradient, and with which independent dimensions read (d - 1) ln N. Biased on a
    batch: information is at most ln n.
    Source: Chen et al. 2018, equation 2, and appendix C.1 for the estimator.
    """
    with torch.autocast(codes.device.type, enabled=False):
        codes, mean, log_variance = codes.float(), mean.float(), log_variance.float()
        own = log_normal(codes, mean, log_variance).sum(1)
        prior = log_normal(codes, torch.zeros_like(codes), torch.zeros_like(codes)).sum(1)
        pairs = log_normal(codes[:, None], mean[None], log_variance[None])  # [code, posterior, d]
        pairs = pairs.clamp_min(LEAST_LOG_DENSITY)
        joint = pairs.sum(2).logsumexp(1) - math.log(len(codes))
        single = (pairs.logsumexp(1) - math.log(len(codes))).sum(1)
        return Decomposed((own - joint).mean(), (joint - single).mean(), (single - prior).mean())


def log_normal(codes: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-density of each number under its own Gaussian, shapes broadcast."""
    return -0.5 * ((codes - mean).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi))


def product_of_experts(means: Tensor, log_variances: Tensor, prior: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and log-variance, [n, d], of the normalised product of Gaussians [expert, n, d]: precisions add up.

    prior: the standard normal is one more expert; without it the product of one expert is itself.
    Source: Hinton 2002; Wu & Goodman 2018, section 2.2 (with the prior).
    """
    precisions = (-log_variances).exp()
    total = precisions.sum(0) + int(prior)  # its precision is 1, and at its mean, 0, it adds nothing to the other sum
    return (precisions * means).sum(0) / total, -total.log()


def kl_between(means: Tensor, log_variances: Tensor) -> Tensor:
    """KL divergence of the first of two Gaussians from the second, number by number: [2, n, d] -> [n, d], nats."""
    (one, other), (log_one, log_other) = means, log_variances
    return 0.5 * ((log_one - log_other).exp() + (one - other).square() * (-log_other).exp() - 1 + log_other - log_one)


def found_shared(divergences: Tensor) -> Tensor:
    """Which dimensions the two views of each example share: bool [n, d]; those under the middle of least and largest.

    divergences: [n, d], of the views' posteriors. Where all are alike, none is under it and none is shared.
    Source: Locatello et al. 2020, section 4.1 (adaptive group).
    """
    least, largest = divergences.aminmax(dim=1, keepdim=True)
    return divergences < (least + largest) / 2


def averaged(means: Tensor, log_variances: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
    """Posteriors of two views, [2, n, d], with the mean of both, and of both variances, in the shared dimensions.

    Source: Locatello et al. 2020, section 4.1 (Ada-GVAE, after Hosoya 2019).
    """
    mean = means.mean(0, keepdim=True).expand_as(means)
    log_variance = log_variances.exp().mean(0, keepdim=True).log().expand_as(log_variances)
    return torch.where(shared, mean, means), torch.where(shared, log_variance, log_variances)


def permuted(codes: Tensor) -> Tensor:
    """Codes whose dimensions are shuffled over clips, each by itself: [n, d]. Marginals stay, dependence goes.

    Draws from torch's own generator. Source: Kim & Mnih 2018 (FactorVAE), algorithm 1.
    """
    order = torch.rand_like(codes, dtype=torch.float32).argsort(dim=0)
    return codes.gather(0, order)
