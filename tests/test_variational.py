"""Terms of variational autoencoders: closed forms by hand, and their limits."""

import math

import pytest
import torch

from baselines import variational
from baselines.losses import kl_standard_normal


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_density_of_a_standard_normal_at_its_mean_and_one_deviation_off():
    told = variational.log_normal(torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 0.0, 1.0]), torch.zeros(3))
    assert told.tolist() == pytest.approx([-0.5 * math.log(2 * math.pi) - half for half in (0, 0.5, 2)])
    wide = variational.log_normal(torch.tensor(2.0), torch.tensor(0.0), torch.tensor(math.log(4)))
    assert wide.item() == pytest.approx(-0.5 * math.log(2 * math.pi) - 0.5 - math.log(2))


def posteriors(n, dims, spread, seed=0):
    mean = drawn(n, dims, seed=seed)
    return mean, torch.full_like(mean, math.log(spread))


def test_the_parts_of_the_divergence_by_hand():
    """Two clips, two dimensions, N(m, 1) each: densities written out, up to their common factor, which cancels."""
    mean, codes = torch.tensor([[0.0, 0.0], [2.0, 1.0]]), torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    told = variational.decomposed_kl(codes, mean, torch.zeros(2, 2))
    information = correlation = marginal = 0.0
    for code, own in zip(codes.tolist(), mean.tolist(), strict=True):
        of = [[math.exp(-0.5 * (c - m) ** 2) for c, m in zip(code, clip, strict=True)] for clip in mean.tolist()]
        joint, single = (math.prod(of[0]) + math.prod(of[1])) / 2, [(of[0][k] + of[1][k]) / 2 for k in (0, 1)]
        density = math.prod(math.exp(-0.5 * (c - m) ** 2) for c, m in zip(code, own, strict=True))
        information += math.log(density / joint) / 2
        correlation += math.log(joint / math.prod(single)) / 2
        marginal += math.log(math.prod(single) / math.prod(math.exp(-0.5 * c**2) for c in code)) / 2
    assert told.information.item() == pytest.approx(information, rel=1e-5)
    assert told.correlation.item() == pytest.approx(correlation, rel=1e-5)
    assert told.marginal.item() == pytest.approx(marginal, rel=1e-5)


def test_the_parts_of_the_divergence_are_the_whole():
    """The draw of the codes is the rest of the difference."""
    mean, log_variance = posteriors(2_000, 3, 0.25)
    codes = mean + 0.5 * drawn(2_000, 3, seed=1)
    parts = variational.decomposed_kl(codes, mean, log_variance)
    whole = parts.information + parts.correlation + parts.marginal
    assert whole.item() == pytest.approx(kl_standard_normal(mean, log_variance).item(), rel=0.03)


def test_the_parts_are_those_of_gaussians_that_are_known():
    """Means N(0, 1), posterior variance 1/4: the aggregate is N(0, 5/4), capacity ln(5) / 2 a dimension."""
    mean, log_variance = posteriors(4_000, 2, 0.25)
    parts = variational.decomposed_kl(mean + 0.5 * drawn(4_000, 2, seed=1), mean, log_variance)
    assert parts.information.item() == pytest.approx(2 * math.log(5) / 2, abs=0.06)
    assert parts.correlation.item() == pytest.approx(0, abs=0.02)
    assert parts.marginal.item() == pytest.approx(2 * (1.25 - 1 - math.log(1.25)) / 2, abs=0.05)


def test_identical_dimensions_are_correlated():
    """TC of dimensions x and x + noise of a tenth: that of a Gaussian of correlation r, -ln(1 - r^2) / 2."""
    mean, log_variance = drawn(3_000, 1).repeat(1, 2), torch.full((3_000, 2), math.log(0.01))
    codes = mean + 0.1 * drawn(3_000, 2, seed=1)
    r = 1 / 1.01
    told = variational.decomposed_kl(codes, mean, log_variance).correlation.item()
    assert told == pytest.approx(-0.5 * math.log(1 - r**2), abs=0.1)


def test_a_code_that_ignores_its_clip_tells_nothing_of_it_and_one_that_names_it_ln_n():
    blind = variational.decomposed_kl(drawn(50, 2), torch.zeros(50, 2), torch.zeros(50, 2))
    assert blind.information.item() == pytest.approx(0, abs=1e-5)
    assert blind.correlation.item() == pytest.approx(0, abs=1e-5)
    apart = 100 * torch.eye(50)
    assert variational.decomposed_kl(apart, apart, torch.zeros(50, 50)).information.item() == pytest.approx(
        math.log(50)
    )


def test_densities_too_small_to_count_are_left_out_and_neither_values_nor_gradients_notice():
    """Of narrow posteriors, against the plain formula in twice the precision."""
    mean, log_variance = posteriors(64, 4, math.exp(-9))
    codes = mean + math.exp(-4.5) * drawn(64, 4, seed=1)
    given = [x.clone().requires_grad_() for x in (codes, mean, log_variance)]
    told = variational.decomposed_kl(*given)
    double = [x.double().requires_grad_() for x in (codes, mean, log_variance)]
    pairs = variational.log_normal(double[0][:, None], double[1], double[2])
    assert (pairs < variational.LEAST_LOG_DENSITY).any()
    joint, single = pairs.sum(2).logsumexp(1) - math.log(64), (pairs.logsumexp(1) - math.log(64)).sum(1)
    wanted = (joint - single).mean()
    assert told.correlation.item() == pytest.approx(wanted.item(), abs=1e-4)
    gradients, expected = torch.autograd.grad(told.correlation, given), torch.autograd.grad(wanted, double)
    for gradient, right in zip(gradients, expected, strict=True):
        assert (gradient - right).norm() < 1e-5 * right.norm()


def test_the_parts_are_found_in_float32_whatever_they_are_given():
    mean, log_variance = posteriors(32, 4, math.exp(-6))
    given = [x.bfloat16() for x in (mean + math.exp(-3) * drawn(32, 4, seed=1), mean, log_variance)]
    expected = variational.decomposed_kl(*(x.float() for x in given))
    with torch.autocast("cpu", torch.bfloat16):
        told = variational.decomposed_kl(*given)
    assert told == expected


def test_a_product_of_two_equal_experts_is_twice_as_precise():
    mean, log_variance = posteriors(4, 3, 2.0)
    joint, log_joint = variational.product_of_experts(mean.expand(2, 4, 3), log_variance.expand(2, 4, 3))
    assert torch.allclose(joint, mean)
    assert torch.allclose(log_joint, torch.zeros(4, 3), atol=1e-6)


def test_the_prior_is_an_expert_where_it_is_asked_for():
    """N(4, 2) twice and N(0, 1): precisions 1/2 + 1/2 + 1, mean (2 + 2) / 2."""
    mean, log_variance = torch.full((2, 1, 1), 4.0), torch.full((2, 1, 1), math.log(2))
    joint, log_joint = variational.product_of_experts(mean, log_variance, prior=True)
    assert joint.item() == pytest.approx(2)
    assert log_joint.exp().item() == pytest.approx(0.5)


def test_a_vague_expert_has_no_say_and_a_precise_one_has_it_all():
    means = torch.stack([torch.full((1, 2), 3.0), torch.full((1, 2), -50.0)])
    joint, log_joint = variational.product_of_experts(means, torch.tensor([0.0, 20.0])[:, None, None].expand(2, 1, 2))
    assert joint.flatten().tolist() == pytest.approx([3, 3], abs=1e-4)
    assert log_joint.flatten().tolist() == pytest.approx([0, 0], abs=1e-4)


def test_a_divergence_between_gaussians_by_hand():
    """N(1, 1) from N(0, 4): (1/4 + 1/4 - 1 + ln 4) / 2; of a Gaussian from itself 0."""
    means, logs = torch.tensor([[[1.0, 5.0]], [[0.0, 5.0]]]), torch.tensor([[[0.0, 0.3]], [[math.log(4), 0.3]]])
    assert variational.kl_between(means, logs)[0].tolist() == pytest.approx([(math.log(4) - 0.5) / 2, 0])


def test_shared_dimensions_are_those_under_the_middle():
    found = variational.found_shared(torch.tensor([[0.0, 1.0, 4.9, 5.1, 10.0], [3.0, 3.0, 3.0, 3.0, 3.0]]))
    assert found.tolist() == [[True, True, True, False, False], [False] * 5]


def test_shared_dimensions_get_the_mean_of_means_and_of_variances():
    means = torch.tensor([[[0.0, 1.0]], [[4.0, 5.0]]])
    logs = torch.tensor([[[0.0, 0.0]], [[math.log(3), math.log(3)]]])
    mean, log = variational.averaged(means, logs, torch.tensor([[True, False]]))
    assert mean[:, 0].tolist() == [[2, 1], [2, 5]]
    assert log.exp()[:, 0].flatten().tolist() == pytest.approx([2, 1, 2, 3])


def test_shuffled_codes_keep_their_marginals_and_lose_their_dependence(seeded):
    base = drawn(5_000, 1)
    shuffled = variational.permuted(base.repeat(1, 2))
    assert torch.equal(shuffled.sort(0).values, base.repeat(1, 2).sort(0).values)
    assert abs(torch.corrcoef(shuffled.T)[0, 1].item()) < 0.05


def test_a_nat_weighs_two_variances_a_bin():
    """-log of a Gaussian of variance s over b bins is b mse / 2s: a nat beside it is 2s / b beside the mse."""
    assert variational.rate_unit(1.0, 2_048) == pytest.approx(1 / 1_024)
    assert variational.rate_unit(3.0, 6) == pytest.approx(1.0)
