"""What an encoder says of a block: a posterior over its codes, discrete or continuous.

Both kinds take their statistics as the encoder gives them, [clip, width]; the first `dims` are logits or means. What is
embedded is of limited precision in both: see `baselines/codes.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.codes import one_hot_groups, rounded
from baselines.losses import kl_standard_normal, sample_gaussian
from baselines.variational import moments, product_of_experts

MEMORY = 0.99  # of the running mean of the posterior variance


class Categorical(nn.Module):
    """One-hot codes in groups of equal size; the statistics are logits."""

    def __init__(self, dims: int, groups: int) -> None:
        super().__init__()
        self.width, self.groups = dims, groups

    def draw(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """The most probable code (straight through), and the probabilities that it is the argmax of: [clip, dims]."""
        return one_hot_groups(statistics, self.groups)

    def product(self, statistics: Tensor) -> Tensor:
        """The product of each clip's experts, normalised: [expert, clip, width] -> [clip, width]. Logits add up."""
        return statistics.sum(0)

    def rate(self, statistics: Tensor) -> Tensor:
        """None: the number of its codes is limit enough. A scalar."""
        return statistics.new_zeros(())

    def follow(self, statistics: Tensor) -> None:
        """Nothing to keep."""

    def embedded(self, statistics: Tensor) -> Tensor:
        """The most probable code, [clip, dims]."""
        return one_hot_groups(statistics, self.groups)[0]


class Gaussian(nn.Module):
    """Diagonal Gaussians; the statistics are means and log-variances, side by side."""

    spread: Tensor

    def __init__(self, dims: int, resolution: float) -> None:
        """resolution: the step that means are rounded to in the embedding, in mean posterior deviations."""
        super().__init__()
        self.width, self.resolution = 2 * dims, resolution
        self.register_buffer("spread", torch.ones(dims))  # mean posterior variance of each dimension

    def moments(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances, [clip, dims] each."""
        return moments(statistics)

    def draw(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """A sample, differentiable, and the mean: [clip, dims]."""
        mean, log_variance = self.moments(statistics)
        return sample_gaussian(mean, log_variance), mean

    def product(self, statistics: Tensor) -> Tensor:
        """The product of each clip's experts, normalised: [expert, clip, width] -> [clip, width]. Precisions add up.

        After Hinton 2002; with no expert for the prior, so that one clip's product is its own posterior.
        """
        means, log_variances = zip(*map(self.moments, statistics), strict=True)
        return torch.cat(product_of_experts(torch.stack(means), torch.stack(log_variances)), dim=1)

    def rate(self, statistics: Tensor) -> Tensor:
        """KL divergence from the standard normal, nats, mean over clips: a scalar."""
        return kl_standard_normal(*self.moments(statistics))

    def follow(self, statistics: Tensor) -> None:
        """Keep the running mean of the variance: once a training step."""
        _, log_variance = self.moments(statistics)
        self.spread.lerp_(log_variance.detach().exp().mean(0), 1 - MEMORY)

    def embedded(self, statistics: Tensor) -> Tensor:
        """The mean, rounded, [clip, dims]."""
        mean, _ = self.moments(statistics)
        return rounded(mean, self.resolution * self.spread.sqrt())
