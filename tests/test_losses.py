import math

import pytest
import torch

from baselines.independence import Independence
from baselines.losses import gaussian_info_nce, kl_standard_normal, nt_xent, rbf_cka, sample_gaussian


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_nt_xent_by_hand():
    """Unit codes a, b of one view and a', b' of the other, cosines ab 0, aa' .6, ab' 0, ba' .8, bb' 1, a'b' .8."""
    codes = torch.tensor([[[5.0, 0.0], [0.0, 0.1]], [[3.0, 4.0], [0.0, 2.0]]])
    e = math.exp
    rows = [  # temperature .5 doubles each cosine
        math.log(e(1.2) + e(0) + e(0)) - 1.2,
        math.log(e(2) + e(0) + e(1.6)) - 2,
        math.log(e(1.2) + e(1.6) + e(1.6)) - 1.2,
        math.log(e(2) + e(0) + e(1.6)) - 2,
    ]
    assert nt_xent(codes, 0.5).item() == pytest.approx(sum(rows) / 4, rel=1e-6)


def test_nt_xent_of_identical_orthogonal_views():
    view = torch.eye(4)
    assert nt_xent(torch.stack([view, view]), 1.0).item() == pytest.approx(math.log(1 + 6 / math.e), rel=1e-6)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_nt_xent_of_a_collapsed_code_is_that_of_a_guess(n):
    assert nt_xent(torch.ones(2, n, 3), 0.1).item() == pytest.approx(math.log(2 * n - 1), rel=1e-5)


def test_nt_xent_of_one_pair_is_zero_for_there_is_nothing_to_confuse_it_with():
    codes = drawn(2, 1, 5).requires_grad_()
    loss = nt_xent(codes, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(codes.grad).all()


def test_nt_xent_in_the_limits_of_temperature():
    codes = drawn(2, 8, 4)
    assert nt_xent(codes, 1e6).item() == pytest.approx(math.log(15), rel=1e-4)
    near = torch.eye(8).expand(2, 8, 8) + 0.01 * drawn(2, 8, 8)
    assert nt_xent(near, 0.01).item() == pytest.approx(0, abs=1e-6)
    # Cold and wrong: each row pays the cosine by which its best rival beats its partner, over the temperature.
    unit = torch.nn.functional.normalize(codes.flatten(0, 1), dim=1)
    cosines = (unit @ unit.T).fill_diagonal_(-2)
    partner = cosines[torch.arange(16), torch.arange(16).roll(8)]
    expected = (cosines.max(1).values - partner).mean().item()
    assert 1e-3 * nt_xent(codes, 1e-3).item() == pytest.approx(expected, rel=0.02)


def test_nt_xent_ignores_the_length_of_codes_and_the_order_of_examples():
    codes = drawn(2, 6, 4)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert nt_xent(7 * codes[:, order], 0.3).item() == pytest.approx(nt_xent(codes, 0.3).item(), rel=1e-5)


def test_gaussian_info_nce_by_hand():
    """Codes 0 and 3; Gaussians N(0, 1) and N(2, 4): the densities of a code under both, up to one constant."""
    codes, means = torch.tensor([[0.0], [3.0]]), torch.tensor([[0.0], [2.0]])
    log_variances = torch.tensor([[0.0], [math.log(4)]])
    under_0 = [1.0, math.exp(-0.5) / 2]  # code 0: exp(0) / 1 and exp(-2**2 / 8) / 2
    under_3 = [math.exp(-4.5), math.exp(-0.125) / 2]
    expected = -(math.log(under_0[0] / sum(under_0)) + math.log(under_3[1] / sum(under_3))) / 2
    assert gaussian_info_nce(codes, means, log_variances).item() == pytest.approx(expected, rel=1e-6)


def test_gaussian_info_nce_of_gaussians_that_are_all_alike_is_that_of_a_guess():
    assert gaussian_info_nce(drawn(9, 4), torch.ones(9, 4), torch.zeros(9, 4)).item() == pytest.approx(math.log(9))


def test_gaussian_info_nce_of_codes_far_apart_is_zero():
    codes = 100 * torch.eye(6)
    assert gaussian_info_nce(codes, codes, torch.zeros(6, 6)).item() == pytest.approx(0, abs=1e-6)
    assert gaussian_info_nce(codes.roll(1, 0), codes, torch.zeros(6, 6)).item() == pytest.approx(10_000)


def test_kl_by_hand():
    mean = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    log_variance = torch.tensor([[0.0, math.log(4.0)], [0.0, 0.0]])
    first = 0.5 * (1.0 + (4 - 1 - math.log(4)))
    second = 0.5 * 4.0
    assert kl_standard_normal(mean, log_variance).item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_kl_is_zero_at_the_standard_normal_alone():
    zero = torch.zeros(3, 2)
    assert kl_standard_normal(zero, zero).item() == 0
    assert kl_standard_normal(zero, zero + 0.1).item() > 0
    assert kl_standard_normal(zero, zero - 0.1).item() > 0


def test_samples_have_the_moments_asked_for(seeded):
    mean, log_variance = torch.tensor([3.0, -1.0]), torch.tensor([math.log(0.25), math.log(4.0)])
    n = 200_000
    sampled = sample_gaussian(mean.expand(n, 2), log_variance.expand(n, 2))
    assert sampled.mean(0).tolist() == pytest.approx([3.0, -1.0], abs=0.02)
    assert sampled.std(0).tolist() == pytest.approx([0.5, 2.0], rel=0.01)
    assert torch.corrcoef(sampled.T)[0, 1].abs() < 0.01


def test_samples_pass_gradients_to_mean_and_spread(seeded):
    mean, log_variance = torch.zeros(1000, 1, requires_grad=True), torch.zeros(1000, 1, requires_grad=True)
    sampled = sample_gaussian(mean, log_variance)
    sampled.square().sum().backward()
    assert torch.allclose(mean.grad, 2 * sampled.detach())
    assert torch.allclose(log_variance.grad, sampled.detach().square(), atol=1e-5)


def test_cka_of_a_code_with_itself_is_one():
    assert rbf_cka(drawn(64, 3), drawn(64, 3)).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("n", [64, 256, 1024])
def test_cka_of_independent_codes_falls_with_the_root_of_their_number(n):
    values = [rbf_cka(drawn(n, 2, seed=s), drawn(n, 2, seed=100 + s)).item() for s in range(5)]
    assert 0.2 / math.sqrt(n) < sum(values) / 5 < 3 / math.sqrt(n)


def test_cka_sees_what_correlation_misses():
    x = torch.linspace(-1, 1, 501)[:, None]
    y = x.square()
    assert torch.corrcoef(torch.cat([x, y], dim=1).T)[0, 1].abs() < 1e-5
    shuffled = y[torch.randperm(501, generator=torch.Generator().manual_seed(0))]
    assert rbf_cka(x, y) > 0.3
    assert rbf_cka(x, y) > 5 * rbf_cka(x, shuffled)


def test_cka_ignores_scale_place_and_rotation():
    a, b = drawn(100, 3), drawn(100, 3, seed=1)
    b = b + a
    rotation = torch.linalg.qr(drawn(3, 3, seed=2)).Q
    expected = rbf_cka(a, b).item()
    assert rbf_cka(50 * a, b).item() == pytest.approx(expected, rel=1e-4)
    assert rbf_cka(a + 3, b - 2).item() == pytest.approx(expected, rel=1e-3)
    assert rbf_cka(a @ rotation, b).item() == pytest.approx(expected, rel=1e-4)
    assert rbf_cka(b, a).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3, -123.456])
def test_cka_of_a_constant_code_is_zero_with_a_finite_gradient(value):
    a, b = drawn(32, 4), torch.full((32, 4), value, requires_grad=True)
    cka = rbf_cka(a, b)
    cka.backward()
    assert cka.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(b.grad).all()


def plain_cka(a, b, more_a, more_b):
    """The formula as it is written, by autograd, in the precision of its arguments."""

    def centred(x, more):
        squared = (x[:, None] - torch.cat([x, more])).square().sum(2)
        mean = squared.detach().mean()
        kernel = torch.exp(-2 * squared / mean) + torch.exp(-8 * squared / mean)
        return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()

    one, other = centred(a, more_a), centred(b, more_b)
    return (one * other).sum() / (one.norm() * other.norm())


def coupled(n, more, dtype=torch.float64):
    """Two codes, the second partly the first, and further rows of both."""
    a, b = drawn(n + more, 4, seed=1).to(dtype), drawn(n + more, 4, seed=2).to(dtype)
    b = 3 + 0.1 * (b + a.square())
    return a[:n].clone().requires_grad_(), b[:n].clone().requires_grad_(), a[n:], b[n:]


@pytest.mark.parametrize("more", [0, 40])
def test_cka_and_its_gradients_are_those_of_the_formula(more):
    a, b, more_a, more_b = coupled(24, more)
    expected = plain_cka(a, b, more_a, more_b)
    told = rbf_cka(a, b, more_a, more_b)
    assert told.item() == pytest.approx(expected.item(), rel=1e-10)
    assert 0.05 < told.item() < 0.95
    for gradient, wanted in zip(torch.autograd.grad(told, (a, b)), torch.autograd.grad(expected, (a, b)), strict=True):
        assert torch.allclose(gradient, wanted, rtol=1e-8, atol=1e-12)


def test_cka_in_float32_is_that_of_float64_to_its_rounding():
    a, b, more_a, more_b = coupled(64, 500)
    expected = torch.autograd.grad(plain_cka(a, b, more_a, more_b), b)[0]
    single = [x.detach().float() for x in (a, b, more_a, more_b)]
    single[1].requires_grad_()
    told = rbf_cka(*single)
    (gradient,) = torch.autograd.grad(told, single[1])
    assert told.item() == pytest.approx(plain_cka(a, b, more_a, more_b).item(), rel=1e-5)
    assert (gradient - expected).norm() < 1e-4 * expected.norm()


def test_the_gradient_of_cka_is_that_of_small_differences_where_the_widths_hold_still():
    """It takes the widths as constants; so they are, to first order, along what leaves the mean distance."""
    a, b, more_a, more_b = coupled(12, 6)
    (gradient,) = torch.autograd.grad(rbf_cka(a, b, more_a, more_b), b)
    widening = torch.autograd.grad((b[:, None] - torch.cat([b, more_b])).square().sum(), b)[0]
    direction = drawn(12, 4, seed=5).double()
    direction -= (direction * widening).sum() / widening.square().sum() * widening
    ahead, behind = (rbf_cka(a, b + step * direction, more_a, more_b).item() for step in (1e-5, -1e-5))
    assert (ahead - behind) / 2e-5 == pytest.approx((gradient * direction).sum().item(), rel=1e-5)


def test_cka_gives_a_gradient_to_what_asks_for_one_alone():
    a, b, more_a, more_b = coupled(16, 8)
    (2.5 * rbf_cka(a.detach(), b, more_a, more_b.requires_grad_())).backward()
    assert a.grad is None
    assert more_b.grad is None
    assert torch.allclose(b.grad, 2.5 * torch.autograd.grad(rbf_cka(a, b, more_a, more_b), b)[0])
    with torch.no_grad():
        assert not rbf_cka(a, b).requires_grad


def test_cka_among_low_precision_is_that_of_float32():
    a, b, more_a, more_b = (x.detach().float() for x in coupled(32, 64))
    b.requires_grad_()
    expected = rbf_cka(a, b, more_a, more_b)
    with torch.autocast("cpu", torch.bfloat16):
        told = rbf_cka(a, b, more_a, more_b)
    assert (told.dtype, told.item()) == (torch.float32, expected.item())
    half = b.detach().bfloat16().requires_grad_()
    rbf_cka(a, half, more_a, more_b.bfloat16()).backward()
    assert half.grad.dtype == torch.bfloat16
    assert rbf_cka(a, half, more_a, more_b).item() == pytest.approx(expected.item(), abs=0.02)


def test_cka_of_a_code_that_stayed_constant_for_long_is_zero_and_pulls_nowhere():
    """Whatever the constant is: the mean of equal numbers is not always that number."""
    places = [*(torch.full((1, 4), value) for value in (0.0, -123.456, 1e30)), *10 * drawn(100, 1, 4, seed=3)]
    for place in places:
        b = place.expand(32, 4).clone().requires_grad_()
        cka = rbf_cka(drawn(32, 4), b, drawn(70, 4, seed=1), place.expand(70, 4))
        cka.backward()
        assert cka.item() == 0
        assert not b.grad.any()


def test_the_independence_term_is_that_of_a_batch_among_recent_ones():
    """The first batch meets itself alone, the third itself, the second, and half of the first: 40 rows are kept."""
    term, batches = Independence(4, 4, 40), [coupled(16 * 3, 0, torch.float32)[:2]]
    batches = [(a.detach(), b.detach()) for a, b in zip(*(x.split(16) for x in batches[0]), strict=True)]
    told = [term(a, b) for a, b in batches]
    assert told[0].item() == rbf_cka(*batches[0]).item()
    past = [torch.cat([batches[1][side], batches[0][side]]) for side in (0, 1)]
    assert told[2].item() == pytest.approx(rbf_cka(*batches[2], *past).item(), rel=1e-6)
    assert len(term.recent_a) == len(term.recent_b) == 40
