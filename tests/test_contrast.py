import math

import pytest
import torch

from baselines.contrast import barlow, contrast, debiased_nt_xent, vicreg
from baselines.joint_embedding import CORRELATION_EPSILON, VARIANCE_EPSILON
from baselines.losses import nt_xent

FORMS = ("nt_xent", "vicreg", "barlow")
# Unit codes a, b of one view and a', b' of the other: cosines ab 0, aa' .6, ab' 0, ba' .8, bb' 1, a'b' .8.
BY_HAND = torch.tensor([[[5.0, 0.0], [0.0, 0.1]], [[3.0, 4.0], [0.0, 2.0]]])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def looped(codes, temperature, prior, false_negatives=None):
    """The formula of Chuang et al., clip by clip, in Python's floats."""
    clips = [[x / math.hypot(*row) for x in row] for row in codes.flatten(0, 1).tolist()]
    n, losses = len(clips) // 2, []
    for i, clip in enumerate(clips):
        weight = [math.exp(sum(x * y for x, y in zip(clip, other, strict=True)) / temperature) for other in clips]
        partner = (i + n) % (2 * n)
        rivals = [k for k in range(2 * n) if k not in (i, partner)]
        if false_negatives is not None:
            rivals = [k for k in rivals if not false_negatives[i][k]]
        mean = sum(weight[k] for k in rivals) / max(len(rivals), 1)
        g = max((mean - prior * weight[partner]) / (1 - prior), math.exp(-1 / temperature))
        losses.append(-math.log(weight[partner] / (weight[partner] + len(rivals) * g)))
    return sum(losses) / len(losses)


def test_debiased_nt_xent_by_hand():
    """Temperature .5 doubles each cosine; a prior of 1/4 takes away a quarter of two rivals, and divides by 3/4."""
    e = math.exp
    rows = [
        (e(1.2), e(0) + e(0)),
        (e(2), e(0) + e(1.6)),
        (e(1.2), e(1.6) + e(1.6)),
        (e(2), e(0) + e(1.6)),
    ]
    losses = []
    for positive, rivals in rows:
        g = max((rivals - 0.25 * 2 * positive) / 0.75, 2 * e(-2))
        losses.append(math.log(1 + g / positive))
    assert rows[0][1] - 0.5 * rows[0][0] > 0  # the first row is far from the least there can be
    assert debiased_nt_xent(BY_HAND, 0.5, 0.25).item() == pytest.approx(sum(losses) / 4, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("prior", [0.0, 0.125, 0.5, 0.9])
def test_debiased_nt_xent_is_the_formula_clip_by_clip(temperature, prior):
    codes = drawn(2, 7, 5)
    expected = looped(codes.double(), temperature, prior)
    assert debiased_nt_xent(codes, temperature, prior).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0])
def test_without_a_prior_it_is_nt_xent_and_so_is_its_gradient(temperature):
    codes, plain = drawn(2, 9, 4).requires_grad_(), drawn(2, 9, 4).requires_grad_()
    debiased, expected = debiased_nt_xent(codes, temperature, 0.0), nt_xent(plain, temperature)
    debiased.backward()
    expected.backward()
    assert debiased.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(codes.grad, plain.grad, rtol=1e-3, atol=1e-5 * plain.grad.abs().max())


def test_a_prior_makes_rivals_as_near_as_the_other_view_cost_less():
    """Two classes of clips, all clips of a class one code: half of the rivals, but one, are false negatives."""
    codes = torch.eye(2).repeat(8, 1).expand(2, 16, 2)
    costs = [debiased_nt_xent(codes, 0.1, prior).item() for prior in (0.0, 0.25, 14 / 30)]
    assert costs[0] == pytest.approx(math.log(15), rel=1e-3)
    assert costs[0] > costs[1] > costs[2]
    # With the true prior what is left of the rivals is the true ones, at cosine 0, half of 30 over half.
    assert costs[2] == pytest.approx(math.log(1 + 30 * math.exp(-10)), abs=1e-4)


def test_debiased_nt_xent_in_its_limits():
    assert debiased_nt_xent(drawn(2, 8, 4), 1e6, 0.125).item() == pytest.approx(math.log(15), rel=1e-4)
    for prior in (0.0, 0.125, 0.9):  # a collapsed code can only guess
        assert debiased_nt_xent(torch.ones(2, 5, 3), 0.1, prior).item() == pytest.approx(math.log(9), rel=1e-5)
    apart = torch.tensor([[[1.0], [-1.0]]]).expand(2, 2, 1)  # more is expected to be false than there is: the least
    assert debiased_nt_xent(apart, 2.0, 0.5).item() == pytest.approx(math.log(1 + 2 * math.exp(-1)), rel=1e-6)


@pytest.mark.parametrize("prior", [0.0, 0.125])
def test_one_pair_costs_nothing(prior):
    codes = drawn(2, 1, 5).requires_grad_()
    loss = debiased_nt_xent(codes, 0.1, prior)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(codes.grad).all()


def test_the_coldest_temperature_neither_overflows_nor_loses_its_gradient():
    """exp(1 / .01) is more than float32 holds, exp(-2 / .01) less."""
    wrong = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]], [[-1.0, 0.01], [1.0, 0.01]]], requires_grad=True)
    loss = debiased_nt_xent(wrong, 0.01, 0.125)
    loss.backward()
    # Each clip's other view is opposite, its two rivals opposite and equal: 200, and 8/7 for what is expected of each.
    assert loss.item() == pytest.approx(200 + math.log(8 / 7), rel=1e-3)
    assert torch.isfinite(wrong.grad).all()
    assert wrong.grad.any()
    right = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]).repeat(2, 1, 1).requires_grad_()
    loss = debiased_nt_xent(right, 0.01, 0.125)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(right.grad).all()


def classes_of(*classes):
    """Which clips are of one class, over both views: what an oracle knows."""
    labels = torch.tensor(classes).repeat(2)
    return labels[:, None] == labels


def test_masked_false_negatives_are_as_if_they_were_not_there():
    codes, same = drawn(2, 5, 4), classes_of(0, 1, 0, 2, 1)
    for prior in (0.0, 0.2):
        expected = looped(codes.double(), 0.3, prior, same.tolist())
        assert debiased_nt_xent(codes, 0.3, prior, same).item() == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(looped(codes.double(), 0.3, 0.2), rel=0.05)


def test_clips_of_one_class_meet_the_others_alone():
    """Three examples, the first two of one class: these are no rivals, the third meets both."""
    codes, same = drawn(2, 3, 4), classes_of(0, 0, 1)
    unit = torch.nn.functional.normalize(codes.flatten(0, 1), dim=1)
    weight = (unit @ unit.T / 0.3).exp()
    met = {0: (2, 5), 1: (2, 5), 2: (0, 1, 3, 4), 3: (2, 5), 4: (2, 5), 5: (0, 1, 3, 4)}
    rows = [(1 + weight[i, list(rivals)].sum() / weight[i, (i + 3) % 6]).log().item() for i, rivals in met.items()]
    assert debiased_nt_xent(codes, 0.3, 0.0, same).item() == pytest.approx(sum(rows) / 6, rel=1e-5)


def test_where_every_rival_is_masked_there_is_nothing_to_pay():
    codes = drawn(2, 4, 3).requires_grad_()
    loss = debiased_nt_xent(codes, 0.1, 0.125, torch.ones(8, 8, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(codes.grad).all()


def test_vicreg_by_hand():
    """Two dimensions of variance 1, the second view 3 further in the first, one covariance in each view."""
    u = math.sqrt(3) / 2  # of four numbers of this size and mean zero the variance is 1
    one = torch.tensor([[u, u], [u, u], [-u, -u], [-u, -u]])
    other = torch.tensor([[u, u], [u, -u], [-u, u], [-u, -u]])
    assert vicreg(torch.stack([other, other])).item() == pytest.approx(0, abs=1e-6)
    assert vicreg(torch.stack([other, other + torch.tensor([3.0, 0.0])])).item() == pytest.approx(9 / 2, rel=1e-6)
    # Both covariances are 1, twice in each view: 2 * 2 / 2 dimensions, a 25th of it.
    assert vicreg(torch.stack([one, one])).item() == pytest.approx(2 / 25, rel=1e-5)
    half = 0.5 * other  # deviation 1/2
    assert vicreg(torch.stack([half, half])).item() == pytest.approx(1 - math.sqrt(0.25 + VARIANCE_EPSILON), rel=1e-5)


def test_barlow_by_hand():
    one = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    shrink = 1 / (1 + CORRELATION_EPSILON)
    assert barlow(torch.stack([one, one])).item() == pytest.approx((1 - shrink) ** 2, abs=1e-6)
    assert barlow(torch.stack([one, -one])).item() == pytest.approx(4, rel=1e-4)
    flipped = one * torch.tensor([1.0, -1.0])
    assert barlow(torch.stack([one, flipped])).item() == pytest.approx((0 + 4) / 2, rel=1e-4)
    twice = one[:, :1].expand(4, 2)  # every correlation is 1: two of different dimensions, over two dimensions
    assert barlow(torch.stack([twice, twice])).item() == pytest.approx(0.005, rel=1e-3)
    crossed = one.flip(1)  # the first dimension is the other view's second: none is its own
    assert barlow(torch.stack([one, crossed])).item() == pytest.approx((1 + 1 + 0.005 * 2) / 2, rel=1e-4)


def test_barlow_is_that_of_the_correlation_matrix():
    codes = drawn(2, 50, 6)
    codes[1] += codes[0]
    matrix = torch.corrcoef(torch.cat([codes[0], codes[1]], dim=1).T.double())[:6, 6:]
    own = torch.eye(6, dtype=torch.bool)
    expected = ((1 - matrix[own]).square().sum() + 0.005 * matrix[~own].square().sum()) / 6
    assert barlow(codes).item() == pytest.approx(expected.item(), rel=1e-4)
    assert barlow(7 * codes - 3).item() == pytest.approx(expected.item(), rel=1e-4)


def test_vicreg_is_that_of_the_covariance_matrices():
    codes = 0.8 * drawn(2, 50, 6)
    invariance = (codes[0] - codes[1]).square().mean()
    matrices = [torch.cov(view.T) for view in codes]
    variance = sum((1 - (matrix.diagonal() + 1e-4).sqrt()).clamp_min(0).mean() for matrix in matrices) / 2
    covariance = sum((matrix - matrix.diagonal().diag()).square().sum() / 6 for matrix in matrices)
    assert vicreg(codes).item() == pytest.approx((invariance + variance + covariance / 25).item(), rel=1e-5)


@pytest.mark.parametrize(("form", "cost"), [("vicreg", 0.99), ("barlow", 1.0), ("nt_xent", math.log(31))])
def test_a_collapsed_code_costs_what_it_must_and_its_gradient_is_finite(form, cost):
    codes = torch.full((2, 16, 4), 0.3, requires_grad=True)
    loss = contrast(codes, form, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(cost, rel=1e-3)
    assert torch.isfinite(codes.grad).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prior", [0.0, 0.125])
def test_no_form_knows_the_order_of_views_or_examples(form, prior):
    codes = drawn(2, 12, 4)
    expected = contrast(codes, form, 0.2, prior).item()
    assert contrast(codes.flip(0), form, 0.2, prior).item() == pytest.approx(expected, rel=1e-5)
    assert contrast(codes[:, [3, 11, 0, 7, 1, 10, 4, 2, 9, 5, 8, 6]], form, 0.2, prior).item() == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_likes_views_that_agree(form):
    one = drawn(40, 6)
    costs = [contrast(torch.stack([one, one + noise * drawn(40, 6, seed=1)]), form, 0.2) for noise in (0.0, 0.3, 2.0)]
    assert costs[0] < costs[1] < costs[2]


def test_a_form_is_what_its_name_says():
    codes, same = drawn(2, 6, 4), classes_of(0, 0, 1, 1, 2, 2)
    assert contrast(codes, "nt_xent", 0.2).item() == nt_xent(codes, 0.2).item()
    assert contrast(codes, "nt_xent", 0.2, 0.125).item() == debiased_nt_xent(codes, 0.2, 0.125).item()
    assert contrast(codes, "nt_xent", 0.2, 0.0, same).item() == debiased_nt_xent(codes, 0.2, 0.0, same).item()
    assert contrast(codes, "vicreg", 0.2, 0.125, same).item() == vicreg(codes).item()
    assert contrast(codes, "barlow", 0.2, 0.125, same).item() == barlow(codes).item()


@pytest.mark.parametrize("form", FORMS)
def test_among_low_precision_it_is_that_of_float32(form):
    codes = drawn(2, 32, 8)
    expected = contrast(codes, form, 0.1, 0.125)
    with torch.autocast("cpu", torch.bfloat16):
        told = contrast(codes, form, 0.1, 0.125)
    assert (told.dtype, told.item()) == (torch.float32, expected.item())
