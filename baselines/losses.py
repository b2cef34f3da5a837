"""Loss terms: pure functions of codes, each a scalar unless it says otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def nt_xent(codes: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy: each view finds the other view of its example among all others.

    codes: [2, example, dimension], at least one example. Nats; log(2n - 1) where all codes are one.
    Source: Chen et al. 2020 (SimCLR), equation 1.
    """
    n = codes.shape[1]
    with torch.autocast(codes.device.type, enabled=False):  # similarities near 1 do not survive 8 bits of mantissa
        unit = F.normalize(codes.flatten(0, 1).float(), dim=1)
        similarity = unit @ unit.T / temperature
    self_pairs = torch.eye(2 * n, dtype=torch.bool, device=codes.device)
    partner = torch.arange(2 * n, device=codes.device).roll(n)
    return F.cross_entropy(similarity.masked_fill(self_pairs, float("-inf")), partner)


def kl_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of diagonal Gaussians from the standard normal, nats, summed over dimensions, mean over rows.

    mean, log_variance: [n, dimension]. Source: Kingma & Welling 2014, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def gaussian_info_nce(codes: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Cross-entropy of finding, among n diagonal Gaussians, the one that belongs to each of n codes, by its density.

    codes, means, log_variances: [n, dimension]; row i of each belongs together. Nats; log(n) where all are alike.
    Source: van den Oord et al. 2018, equation 4, with the density as the critic.
    """
    with torch.autocast(codes.device.type, enabled=False):  # differences of large squares do not survive 8 bits
        codes, means, precisions = codes.float(), means.float(), (-log_variances.float()).exp()
        squared = (
            codes.square() @ precisions.T - 2 * codes @ (means * precisions).T + (means.square() * precisions).sum(1)
        )
        log_densities = -0.5 * (squared + log_variances.float().sum(1))  # up to a constant
    return F.cross_entropy(log_densities, torch.arange(len(codes), device=codes.device))


def sample_gaussian(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw from each diagonal Gaussian, differentiable (Kingma & Welling 2014, section 2.4). Shapes as `mean`."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def rbf_cka(a: Tensor, b: Tensor, more_a: Tensor | None = None, more_b: Tensor | None = None) -> Tensor:
    """Dependence of two codes: centred kernel alignment, in [0, 1] up to sampling; 0 where they are independent.

    a, b: [n, dimension], n > 1, rows that belong together. more_a, more_b: [m, dimension], further such rows to compare
    with, which get no gradient: n independent rows alone still read about 1 / sqrt(n), and their gradient is noise.
    Kernels are sums of two Gaussians, whose widths follow the mean squared distance, so that scale does not matter.
    Source: Gretton et al. 2005 (HSIC); Cortes et al. 2012 and Kornblith et al. 2019 for the normalisation.
    """
    with torch.autocast(a.device.type, enabled=False):  # nor do differences of large squares
        kernel_a, kernel_b = _centred_kernel(a.float(), more_a), _centred_kernel(b.float(), more_b)
    scale = kernel_a.norm() * kernel_b.norm()
    return (kernel_a * kernel_b).sum() / scale.clamp_min(torch.finfo(scale.dtype).tiny)


def _centred_kernel(x: Tensor, more: Tensor | None) -> Tensor:
    """Kernel of each row with every row, and with more of them; rows and columns centred: [n, n + m]."""
    others = x if more is None else torch.cat([x, more.detach().float()])
    squared = (x.square().sum(1)[:, None] + others.square().sum(1) - 2 * x @ others.T).clamp_min(0)
    mean = squared.detach().mean().clamp_min(torch.finfo(x.dtype).tiny)
    narrow = torch.exp(squared * (-2 / mean))
    kernel = narrow + narrow.square().square()  # the fourth power is the Gaussian of half the width
    return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()
