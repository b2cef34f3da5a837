import pytest
import torch

from baselines.codes import one_hot_groups, rounded


def test_one_hot_by_hand():
    logits = torch.tensor([[0.0, 3.0, 1.0, -1.0], [2.0, 1.0, 0.0, 5.0]])
    code, soft = one_hot_groups(logits, 2)
    assert torch.equal(code.round(), torch.tensor([[0.0, 1, 1, 0], [1, 0, 0, 1]]))
    assert torch.allclose(code, code.round(), atol=1e-6)
    assert torch.allclose(soft[0, :2], torch.softmax(torch.tensor([0.0, 3.0]), 0))
    assert torch.allclose(soft[1, 2:], torch.softmax(torch.tensor([0.0, 5.0]), 0))


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_every_group_holds_one_and_says_no_more(groups):
    logits = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    code, soft = one_hot_groups(logits, groups)
    assert torch.allclose(code.unflatten(1, (groups, -1)).sum(-1), torch.ones(200, groups), atol=1e-6)
    assert torch.allclose(soft.unflatten(1, (groups, -1)).sum(-1), torch.ones(200, groups), atol=1e-6)
    assert len(torch.unique(code.round(), dim=0)) <= (8 // groups) ** groups


def test_the_gradient_is_that_of_the_softmax():
    logits = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weights = torch.arange(30.0).reshape(5, 6)
    through_code = torch.autograd.grad((one_hot_groups(logits, 2)[0] * weights).sum(), logits)[0]
    through_soft = torch.autograd.grad((one_hot_groups(logits, 2)[1] * weights).sum(), logits)[0]
    assert through_code.abs().max() > 0
    assert torch.allclose(through_code, through_soft, atol=1e-6)


def test_rounded_by_hand():
    means = torch.tensor([[0.26, 1.4], [-0.7, 2.6]])
    assert torch.allclose(rounded(means, torch.tensor([0.5, 1.0])), torch.tensor([[0.5, 1.0], [-0.5, 3.0]]))


def test_rounding_moves_by_half_a_step_at_most_and_leaves_nothing_beneath():
    means = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    steps = torch.tensor([0.1, 0.5, 2.0])
    code = rounded(means, steps)
    assert ((code - means).abs() <= steps / 2 + 1e-6).all()
    assert torch.allclose(code / steps, (code / steps).round(), atol=1e-4)
    assert torch.equal(rounded(code, steps), code)


def test_a_discrete_code_is_discrete_to_the_last_bit():
    logits = torch.randn(2_304, 16, generator=torch.Generator().manual_seed(0))
    code, _ = one_hot_groups(logits, groups=4)
    assert set(code.unique().tolist()) == {0.0, 1.0}
