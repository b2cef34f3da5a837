"""Losses of joint-embedding methods: worked out by hand, and at their limits."""

import math

import pytest
import torch
from torch import nn

from baselines import heads, positives
from baselines.contrast import barlow, vicreg
from baselines.joint_embedding import (
    alignment,
    barlow_terms,
    info_nce_with_queue,
    negative_cosine,
    uniformity,
    vicreg_terms,
)

EAST, NORTH, WEST = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_queue_contrast_by_hand():
    """Query east, key north, rivals east and west, temperature 1/2: logits 0, 2, -2."""
    loss = info_nce_with_queue(5 * EAST[None], 3 * NORTH[None], torch.stack([2 * EAST, WEST]), 0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2) + math.exp(-2)))


def test_queue_contrast_at_its_limits():
    one = EAST.expand(4, 2)
    assert info_nce_with_queue(one, one, one[:3], 0.2).item() == pytest.approx(math.log(1 + 3)), "all codes are one"
    queries, rivals = drawn(5, 3), drawn(7, 3, seed=1)
    assert info_nce_with_queue(queries, queries, rivals, 1e-3).item() == pytest.approx(0, abs=1e-4)
    assert info_nce_with_queue(queries, -queries, rivals, 1e6).item() == pytest.approx(math.log(8), abs=1e-4)


def test_keys_get_no_gradient():
    queries, keys, rivals = (drawn(4, 3, seed=s).requires_grad_() for s in range(3))
    info_nce_with_queue(queries, keys, rivals.detach(), 0.2).backward()
    assert queries.grad.any()
    assert keys.grad is None


def test_alignment_by_hand():
    """East and north are the root of 2 apart, east and west 2: squares 2 and 4, fourth powers 4 and 16."""
    pairs = torch.stack([torch.stack([EAST, EAST]), torch.stack([7 * NORTH, WEST])])
    assert alignment(pairs).item() == pytest.approx(3)
    assert alignment(pairs, alpha=4).item() == pytest.approx(10)
    same = drawn(3, 4).expand(2, 3, 4).clone().requires_grad_()
    alignment(same).backward()
    assert alignment(same).item() == 0
    assert not same.grad.any(), "at identical views there is nothing to gain, and no NaN"


def test_uniformity_by_hand():
    """Squared distances of east, north and west: 2, 4, 2."""
    potential = (2 * math.exp(-2 * 2) + math.exp(-2 * 4)) / 3
    assert uniformity(torch.stack([EAST, 3 * NORTH, WEST])).item() == pytest.approx(math.log(potential))
    assert uniformity(EAST.expand(5, 2)).item() == pytest.approx(0, abs=1e-6)
    assert uniformity(torch.stack([EAST, WEST]), t=3).item() == pytest.approx(-12), "the least there is: opposite"


def test_negative_cosine_by_hand():
    assert negative_cosine(torch.stack([2 * EAST, EAST]), torch.stack([EAST, NORTH])).item() == pytest.approx(-0.5)
    told, wanted = drawn(4, 3).requires_grad_(), drawn(4, 3, seed=1).requires_grad_()
    loss = negative_cosine(told, wanted)
    loss.backward()
    assert wanted.grad is None
    squared = (heads.unit(told) - heads.unit(wanted)).square().sum(1).mean()
    assert squared.item() == pytest.approx(2 + 2 * loss.item())


def test_vicreg_by_hand():
    """Views (+-1, +-1) in step and (+-3, 0): invariance (4 + 1)/2; deviations with n - 1 = 1: roots of 2, 2, 18, 0."""
    one, other = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), torch.tensor([[3.0, 0.0], [-3.0, 0.0]])
    invariance, variance, covariance = vicreg_terms(torch.stack([one, other]))
    assert invariance.item() == pytest.approx(2.5)
    assert variance.item() == pytest.approx((1 - 0.01) / 4), "of four deviations one is 0, up to epsilon"
    assert covariance.item() == pytest.approx((2 * 2**2) / 2), "covariance 2 in one view, on both sides of its diagonal"


def test_vicreg_at_its_limits():
    collapsed = vicreg_terms(torch.ones(2, 8, 4))
    assert [term.item() for term in collapsed] == pytest.approx([0, 0.99, 0])
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert [term.item() for term in vicreg_terms(torch.stack([signs, signs]))] == pytest.approx([0, 0, 0])


def test_barlow_by_hand():
    """The other view has its dimensions exchanged: C is (0 1; 1 0)."""
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    same, redundancy = barlow_terms(torch.stack([signs, 5 * signs.flip(1) + 3]))
    assert (same.item(), redundancy.item()) == pytest.approx((1, 1), abs=1e-4)
    same, redundancy = barlow_terms(torch.stack([signs, -signs]))
    assert (same.item(), redundancy.item()) == pytest.approx((4, 0), abs=1e-4)
    assert [term.item() for term in barlow_terms(torch.ones(2, 8, 4))] == [1, 0], "a collapsed code"


def test_they_are_the_terms_of_the_combined_family_s_forms():
    codes = drawn(2, 30, 5)
    invariance, variance, covariance = vicreg_terms(codes)
    assert vicreg(codes).item() == pytest.approx((invariance + variance + covariance / 25).item())
    same, redundancy = barlow_terms(codes)
    assert barlow(codes).item() == pytest.approx((same + 0.005 * redundancy).item())


@pytest.mark.parametrize(
    "loss", [alignment, uniformity, lambda c: sum(vicreg_terms(c)), lambda c: sum(barlow_terms(c))]
)
def test_losses_are_in_float32_whatever_the_codes(loss):
    codes = drawn(2, 20, 6)
    codes = codes[0] if loss is uniformity else codes
    with torch.autocast("cpu", torch.bfloat16):
        told = loss(codes)
    assert told.dtype == torch.float32
    assert told.item() == loss(codes).item()


def test_a_slow_twin_follows_by_its_momentum():
    module = nn.Linear(1, 1, bias=False)
    slow = heads.twin(module)
    nn.init.constant_(module.weight, 1.0)
    nn.init.constant_(slow.weight, 0.0)
    told = []
    for _ in range(3):
        heads.follow(slow, module, 0.9)
        told.append(slow.weight.item())
    assert told == pytest.approx([0.1, 0.19, 0.271])
    assert not slow.weight.requires_grad
    assert module.weight.item() == 1


def test_the_momentum_rises_from_its_base_to_one():
    told = [heads.rising_momentum(0.9, progress) for progress in (0, 1 / 3, 0.5, 1)]
    assert told == pytest.approx([0.9, 1 - 0.1 * 0.75, 0.95, 1])


def test_pairs_are_views_across_copies_and_copies_of_clips():
    views = torch.arange(6.0).reshape(3, 2, 1, 1)  # [example, view]: 0 1, 2 3, 4 5
    copies = positives.noisy_copies(views, 0.0)
    codes = copies[..., 0]
    codes[1] += 100  # the second copy
    first, second = positives.pairs_of_views(codes)
    assert first.flatten().tolist() == [0, 2, 4]
    assert second.flatten().tolist() == [101, 103, 105]
    one, other = positives.pairs_of_copies(codes)
    assert sorted(one.flatten().tolist()) == [0, 1, 2, 3, 4, 5]
    assert torch.equal(other, one + 100)


def test_the_noise_of_copies_is_their_own_and_as_large_as_it_says(seeded):
    copies = positives.noisy_copies(torch.zeros(50, 2, 10, 10), 0.2)
    assert copies.std().item() == pytest.approx(0.2, rel=0.02)
    assert torch.corrcoef(copies.flatten(1))[0, 1].abs() < 0.03
