import math

import pytest
import torch

from baselines.losses import kl_standard_normal
from baselines.posteriors import Categorical, Gaussian
from baselines.variational import LOG_VARIANCE


def gaussians(*pairs):
    """Statistics of one clip of one dimension: [expert, clip, mean and log-variance]."""
    return torch.tensor([[[mean, math.log(variance)]] for mean, variance in pairs])


def test_the_product_of_two_equal_categoricals_is_their_square():
    """Of (3/4, 1/4) and itself: 9 to 1."""
    logits = torch.tensor([[3 / 4, 1 / 4]]).log()
    posterior = Categorical(2, 1)
    _, soft = posterior.draw(posterior.product(torch.stack([logits, logits])))
    assert soft.tolist() == [pytest.approx([0.9, 0.1])]


def test_the_product_of_categoricals_is_normalised_in_each_group():
    """One group of (1/2, 1/3, 1/6) by (1/6, 2/3, 1/6): 1/12, 2/9, 1/36; one of what is even and what is not."""
    one = torch.tensor([[1 / 2, 1 / 3, 1 / 6, 1 / 3, 1 / 3, 1 / 3]]).log()
    other = torch.tensor([[1 / 6, 2 / 3, 1 / 6, 0.2, 0.1, 0.7]]).log() + 5  # logits know no constant
    posterior = Categorical(6, 2)
    code, soft = posterior.draw(posterior.product(torch.stack([one, other])))
    assert soft.tolist() == [pytest.approx([0.25, 2 / 3, 1 / 12, 0.2, 0.1, 0.7])]
    assert code.tolist() == [[0, 1, 0, 0, 0, 1]]


def test_a_categorical_has_no_rate_and_embeds_its_most_probable_code():
    posterior, logits = Categorical(4, 2), torch.tensor([[0.0, 3.0, 2.0, 1.0], [1.0, 0.0, -1.0, -0.5]])
    assert posterior.rate(logits).item() == 0
    assert posterior.embedded(logits).tolist() == [[0, 1, 1, 0], [1, 0, 0, 1]]
    assert posterior.width == 4


@pytest.mark.parametrize(
    ("one", "other", "mean", "variance"),
    [
        ((0, 1), (2, 1), 1, 0.5),  # two of one width: half the variance
        ((1, 1), (1, 1), 1, 0.5),
        ((0, 1), (3, 0.5), 2, 1 / 3),  # precisions 1 and 2
        ((-1, 0.25), (50, 50.0), (-4 + 1) / 4.02, 1 / 4.02),  # a vague expert has little to say
    ],
)
def test_the_product_of_gaussians_by_hand(one, other, mean, variance):
    posterior = Gaussian(1, 3.0)
    told = posterior.moments(posterior.product(gaussians(one, other)))
    assert told[0].item() == pytest.approx(mean, rel=1e-5)
    assert told[1].exp().item() == pytest.approx(variance, rel=1e-5)


def test_the_product_of_gaussians_is_that_of_their_densities():
    statistics = torch.tensor([[[0.3, -1.0, 0.2, -0.7]], [[1.2, 0.5, -0.4, 0.6]]])  # two dimensions
    product = Gaussian(2, 3.0).product(statistics)

    def log_density(parameters, at):
        mean, log_variance = parameters[0, :2], parameters[0, 2:]
        return -0.5 * ((at - mean).square() / log_variance.exp()).sum()

    places = [torch.tensor(place) for place in ([0.0, 0.0], [1.0, -1.0], [-2.0, 0.5])]
    gaps = [log_density(statistics[0], x) + log_density(statistics[1], x) - log_density(product, x) for x in places]
    assert gaps[0].item() == pytest.approx(gaps[1].item(), abs=1e-5)
    assert gaps[0].item() == pytest.approx(gaps[2].item(), abs=1e-5)


def test_what_a_gaussian_embeds_is_rounded_to_its_spread():
    """Variances of 4, followed for long: steps of three deviations, 6."""
    posterior = Gaussian(1, 3.0)
    statistics = torch.tensor([[7.0, math.log(4)], [10.0, math.log(4)]])
    posterior.follow(statistics)
    assert posterior.spread.item() == pytest.approx(0.99 + 0.04)
    for _ in range(3_000):
        posterior.follow(statistics)
    assert posterior.spread.item() == pytest.approx(4, rel=1e-5)
    assert posterior.embedded(statistics).flatten().tolist() == pytest.approx([6.0, 12.0], rel=1e-4)


def test_a_gaussian_draws_about_its_mean_and_pays_for_what_it_says(seeded):
    posterior = Gaussian(2, 3.0)
    statistics = torch.tensor([[3.0, -1.0, math.log(0.25), 9.0]]).expand(100_000, 4)
    sample, mean = posterior.draw(statistics)
    assert mean[0].tolist() == [3.0, -1.0]
    assert sample.mean(0).tolist() == pytest.approx([3.0, -1.0], abs=0.1)
    assert sample.std(0).tolist() == pytest.approx([0.5, math.exp(LOG_VARIANCE[1] / 2)], rel=0.01)
    expected = kl_standard_normal(mean[:1], torch.tensor([[math.log(0.25), LOG_VARIANCE[1]]]))
    assert posterior.rate(statistics[:1]).item() == pytest.approx(expected.item())
