"""Loss terms: pure functions of codes, each a scalar unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def nt_xent(codes: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy: each view finds the other view of its example among all others.

    codes: [2, example, dimension], at least one example. Nats; log(2n - 1) where all codes are one.
    Source: Chen et al. 2020 (SimCLR), equation 1.
    """
    n = codes.shape[1]
    with torch.autocast(codes.device.type, enabled=False):  # similarities near 1 do not survive 8 bits of mantissa
        unit = F.normalize(codes.flatten(0, 1).float(), dim=1)
        similarity = (unit / temperature) @ unit.T
    similarity = similarity.fill_diagonal_(float("-inf"))  # nothing is its own rival
    partner = torch.arange(2 * n, device=codes.device).roll(n)
    return F.cross_entropy(similarity, partner)


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
    Kernels are sums of two Gaussians, whose widths follow the mean squared distance, so that scale does not matter; for
    the gradient the widths are constants.
    Source: Gretton et al. 2005 (HSIC); Cortes et al. 2012 and Kornblith et al. 2019 for the normalisation.
    """
    return _Alignment.apply(a, b, more_a, more_b)


class _Alignment(torch.autograd.Function):
    """<A, B> / (|A| |B|) of the centred kernels A and B, [n, n + m].

    Its gradient is written out: autograd would pass over arrays of that size, which do not stay in a core's cache,
    three times as often.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, more_a: Tensor | None, more_b: Tensor | None) -> Tensor:
        """A scalar. The gradients are found at once, while the kernels are at hand."""
        needs_a, needs_b = ctx.needs_input_grad[:2]
        with torch.autocast(a.device.type, enabled=False):  # nor do differences of large squares
            one, other = _kernel(a, more_a, needs_a), _kernel(b, more_b, needs_b)
            norm_one, norm_other = one.centred.norm(), other.centred.norm()
            norms = norm_one * norm_other
            inverse = torch.where(norms > 0, norms.reciprocal(), 0.0)  # a constant code is aligned with nothing
            value = inverse * torch.dot(one.centred.view(-1), other.centred.view(-1))
            ctx.save_for_backward(
                inverse * _gradient(one, other.centred, value * inverse * norm_other.square()) if needs_a else None,
                inverse * _gradient(other, one.centred, value * inverse * norm_one.square()) if needs_b else None,
            )
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """To a and b alone."""
        return *(None if gradient is None else upstream * gradient for gradient in ctx.saved_tensors), None, None


@dataclass(frozen=True)
class _Kernel:
    """k = e + e^4 with e = exp(scale |x - y|^2): the fourth power is the Gaussian of half the width.

    centred: rows and columns centred, [n, n + m]. slope: a quarter of dk / d(log e), None where no gradient
    is asked for. codes: the n rows and m more, about their mean, [n + m, dimension].
    """

    centred: Tensor
    slope: Tensor | None
    codes: Tensor
    scale: Tensor


def _kernel(x: Tensor, more: Tensor | None, sloped: bool) -> _Kernel:
    n, codes = len(x), (x if more is None else torch.cat([x, more])).detach()
    codes = codes.to(torch.promote_types(codes.dtype, torch.float32))
    codes = codes - codes[0]  # first, so that a constant code becomes zero to the last digit
    codes = codes - codes.mean(0)
    lengths = codes.square().sum(1, keepdim=True)
    mean = lengths[:n].mean() + lengths.mean()  # of the squared distances, as the codes' own mean is zero
    scale = -2 / mean.clamp_min(torch.finfo(codes.dtype).tiny)
    ones = torch.ones_like(lengths)
    left = torch.cat([codes, lengths, ones], dim=1)[:n] * scale
    right = torch.cat([-2 * codes, ones, lengths], dim=1)
    narrow = (left @ right.T).exp_()
    kernel = narrow.square()
    torch.addcmul(narrow, kernel, kernel, out=kernel)
    slope = narrow.mul_(-0.75).add_(kernel) if sloped else None
    columns = kernel.mean(0)
    kernel -= kernel.mean(1, keepdim=True) - columns.mean()
    kernel -= columns
    return _Kernel(kernel, slope, codes, scale)


def _gradient(kernel: _Kernel, other: Tensor, shrink: Tensor) -> Tensor:
    """Gradient to the n codes of a kernel K when that to K is L - shrink K, L the other kernel: [n, dimension].

    K and L are centred, so that centring, a projection, leaves their difference as it is. A code is a row of the kernel
    and, being among those that it is compared with, a column too.
    """
    if kernel.slope is None:
        raise ValueError("the kernel was made without its slope")
    pull = torch.sub(other, kernel.centred * shrink).mul_(kernel.slope)
    n, codes = len(pull), kernel.codes
    own, mutual = codes[:n], pull[:, :n]
    total = (pull.sum(1) + mutual.sum(0))[:, None]
    pulled = 8 * (total * own - pull @ codes - mutual.T @ own)
    return kernel.scale * pulled  # in this order: of a constant code the scale is near the largest number, this is zero
