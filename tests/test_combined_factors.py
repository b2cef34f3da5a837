import pytest
import torch
from transparent import DIMS, batch_of, drawn, learnt, transparent, without_noise

from baselines import registry
from baselines.losses import nt_xent, rbf_cka
from benchmark.tasks import load_task

CombinedFactors = registry.load("combined_factors")
BLOCKS = ("first", "second", "private")
WIDTH = 4 * DIMS  # two shared blocks' logits, private means and log-variances


@pytest.fixture
def noiseless(monkeypatch):
    return without_noise(monkeypatch)


def made(**settings):
    return transparent(BLOCKS, CombinedFactors, **settings)


def soft_of(logits):
    return logits.unflatten(-1, (2, 2)).softmax(-1).flatten(-2)


@pytest.mark.parametrize("pairing", ["first", "second"])
@pytest.mark.parametrize("reconstruction", ["own", "exchanged", "product"])
def test_the_paired_block_alone_comes_from_both_views(noiseless, pairing, reconstruction):
    given = drawn(2, 7, WIDTH)
    method = made(reconstruction=reconstruction)
    method.training_step(batch_of(given, pairing))
    (codes,) = method.decoder.given
    own = method.embed(given.flatten(0, 1)[:, None])
    logits = {"first": given[:, :, :DIMS], "second": given[:, :, DIMS : 2 * DIMS]}[pairing]
    joint = soft_of(logits.sum(0)).unflatten(1, (2, 2))
    both = torch.nn.functional.one_hot(joint.argmax(2), 2).flatten(1).float().repeat(2, 1)
    told = {"own": own[pairing], "exchanged": own[pairing].roll(7, 0), "product": both}[reconstruction]
    for place, block in enumerate(("first", "second")):
        expected = told if block == pairing else own[block]
        assert torch.equal(codes[:, place * DIMS : (place + 1) * DIMS], expected), block
    assert torch.equal(codes[:, 2 * DIMS :], given[:, :, 2 * DIMS : 3 * DIMS].flatten(0, 1))


@pytest.mark.parametrize(("pairing", "start"), [("first", 0), ("second", DIMS)])
def test_contrast_is_of_the_paired_block_and_moves_it_alone(noiseless, pairing, start):
    given = drawn(2, 7, WIDTH).requires_grad_()
    term = made(contrast_weight=1.0).training_step(batch_of(given, pairing))["contrast"]
    assert term.item() == pytest.approx(nt_xent(soft_of(given[:, :, start : start + DIMS]), 0.1).item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(term, given)
    moved = gradient.flatten(0, 1).any(0)
    assert moved.tolist() == [start <= place < start + DIMS for place in range(WIDTH)]


def test_independence_is_the_sum_of_every_shared_block_with_the_private_one(noiseless):
    given = drawn(2, 7, WIDTH)
    method = made(independence_weight=1.0)
    told = method.training_step(batch_of(given, "second"))["independence"].item()
    codes = method.embed(given.flatten(0, 1)[:, None])
    private = given[:, :, 2 * DIMS : 3 * DIMS].flatten(0, 1)
    expected = rbf_cka(codes["first"], private) + rbf_cka(codes["second"], private)
    assert told == pytest.approx(expected.item(), rel=1e-5)


def test_a_swap_takes_all_shared_codes_of_another_example(noiseless, seeded):
    given = drawn(2, 9, WIDTH)
    method = made(swap_weight=1.0)
    method.training_step(batch_of(given, "first"))
    _, swaps = method.decoder.given
    own = method.embed(given[0][:, None])
    together = torch.cat([own["first"], own["second"]], dim=1)
    assert torch.equal(swaps[:, 2 * DIMS :], given[0, :, 2 * DIMS : 3 * DIMS])
    assert sorted(swaps[:, : 2 * DIMS].tolist()) == sorted(together.tolist())
    assert not torch.equal(swaps[:, : 2 * DIMS], together)


def test_blocks_are_decoded_in_the_order_of_the_task():
    method = made()
    blocks = {"private": torch.full((1, DIMS), 3.0), "second": torch.ones(1, DIMS), "first": torch.zeros(1, DIMS)}
    method.decode(blocks)
    assert method.decoder.given[0].tolist() == [[0.0] * DIMS + [1.0] * DIMS + [3.0] * DIMS]


def test_with_one_pairing_it_is_combined(small):
    one, other = (learnt(registry.load(name), small, 5)[0] for name in ("combined", "combined_factors"))
    assert one == other


def test_what_it_declines():
    assert CombinedFactors.declines(BLOCKS, 2) is None
    assert CombinedFactors.declines(("a", "b", "c", "private"), 2) is None
    assert CombinedFactors.declines(BLOCKS, 3) == "it takes 2 blocks or more and 2 views, not 3 and 3"
    assert CombinedFactors.declines(("code",), 2) == "it takes 2 blocks or more and 2 views, not 1 and 2"


def test_a_task_of_several_pairings_has_a_block_for_each(small):
    task = load_task("phrases/timbre,rhythm")
    settings = CombinedFactors.Settings(block_dims=8)
    method = CombinedFactors(small.trunk, tuple(task.blocks), settings)
    assert set(task.pairings) == set(method.shared)
    assert {name: codes.shape[1] for name, codes in method.embed(small.clips.features[:3]).items()} == dict.fromkeys(
        task.blocks, 8
    )
