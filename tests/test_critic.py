import math

import pytest
import torch

from baselines.critic import Critic

N = 128


@pytest.fixture
def critic(seeded):
    return Critic(4, 3)


def codes(classes, seed=0):
    """Classes, one-hot, and noise that knows nothing of them."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (N,), generator=generator)
    return torch.eye(4)[labels], torch.randn(N, 3, generator=generator)


def trained(critic, batches):
    optimiser = torch.optim.Adam(critic.parameters(), 3e-3)
    for a, b in batches:
        optimiser.zero_grad()
        critic(a, b, 0.1).backward()
        optimiser.step()
    return critic


def test_its_cross_entropy_is_that_of_the_cosines_in_its_space(critic):
    a, b = codes(4)
    ours = torch.nn.functional.normalize(critic.project_a(a), dim=1)
    theirs = torch.nn.functional.normalize(critic.project_b(b), dim=1)
    rows = torch.log_softmax(torch.stack([(ours * their).sum(1) / 0.1 for their in theirs]), dim=1)
    assert critic(a, b, 0.1).item() == pytest.approx(-rows.diagonal().mean().item(), rel=1e-5)


def test_of_codes_that_are_all_one_it_knows_nothing(critic):
    a, b = codes(4)
    still = a[:1].expand(N, 4)
    assert critic(still, b, 0.1).item() == pytest.approx(math.log(N), rel=1e-5)
    assert critic.advantage(still, b, 0.1).item() == pytest.approx(0, abs=1e-5)
    assert critic(a, b[:1].expand(N, 3), 0.1) >= math.log(N) - 1e-5
    assert critic.advantage(a[:1], b[:1], 0.1).item() == pytest.approx(0, abs=1e-6)  # nor of one clip


def test_a_trained_one_finds_dependence_and_never_more_than_there_is(critic):
    """b holds a's class: log 4 nats to be known, less what the batch's uneven classes cost."""

    def dependent(seed):
        a, noise = codes(4, seed)
        return a, torch.cat([a.argmax(1, keepdim=True) - 1.5, noise[:, 1:]], dim=1)

    trained(critic, (dependent(seed) for seed in range(300)))
    known = [critic.advantage(*dependent(seed), 0.1).item() for seed in range(1_000, 1_010)]
    assert 0.9 * math.log(4) < sum(known) / 10 < math.log(4) + 0.02


def test_a_trained_one_finds_none_where_there_is_none(critic):
    trained(critic, (codes(4, seed) for seed in range(300)))
    known = [critic.advantage(*codes(4, seed), 0.1).item() for seed in range(1_000, 1_010)]
    assert sum(known) / 10 < 0.02


def test_its_advantage_moves_the_codes_and_not_itself(critic):
    a, b = codes(4)
    b = torch.cat([a.argmax(1, keepdim=True) - 1.5, b[:, 1:]], dim=1).requires_grad_()
    trained(critic, ((a, b.detach()) for _ in range(100)))
    critic.zero_grad()
    advantage = critic.advantage(a, b, 0.1)
    assert advantage.item() == pytest.approx(math.log(N) - critic(a, b, 0.1).item(), rel=1e-5)
    advantage.backward()
    assert all(parameter.grad is None for parameter in critic.parameters())
    after = critic.advantage(a, (b - 0.1 * b.grad / b.grad.norm()).detach(), 0.1)
    assert after < advantage


def test_to_mislead_it_gains_nothing(critic):
    """Codes of the next class along: it picks wrongly, does worse than a guess, and is left alone."""
    a, noise = codes(4)
    b = torch.cat([a.argmax(1, keepdim=True) - 1.5, noise[:, 1:]], dim=1)
    trained(critic, ((a, b) for _ in range(200)))
    false = b.clone()
    false[:, 0] = -false[:, 0]
    false.requires_grad_()
    assert critic(a, false, 0.1) > math.log(N)
    advantage = critic.advantage(a, false, 0.1)
    advantage.backward()
    assert advantage.item() == 0
    assert not false.grad.any()
