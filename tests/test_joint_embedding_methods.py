"""Joint-embedding methods: which pairs, which weights, what stands still; and that they learn without collapsing."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines import heads, registry
from baselines.contract import Batch
from baselines.methods.byol import BYOL
from baselines.methods.moco import MoCo
from baselines.networks import Trunk
from benchmark.collapse import ranks
from benchmark.tasks import PRESETS
from benchmark.train import train

BLOCKS = ("shared", "private")
NAMES = ("simclr", "moco", "align_uniform", "byol", "simsiam", "barlow_twins", "vicreg")


def batch(seed=0):
    return Batch(torch.randn(4, 2, 6, 12, generator=torch.Generator().manual_seed(seed)), "shared", 0.5)


def made(cls, **settings):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return cls(Trunk(6, 12, 16, 1), BLOCKS, cls.Settings(**settings))


def terms_of(name, views, **settings):
    """Those of the first step, as numbers, always with the same noise."""
    method = made(registry.load(name), **settings)
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return {term: value.item() for term, value in method.training_step(replace(batch(), views=views)).items()}


def test_the_newest_keys_enter_the_queue_and_the_oldest_leave(seeded):
    method = made(MoCo, queue=20)
    assert method.queues.norm(dim=2) == pytest.approx(torch.ones(2, 20))
    before = method.queues.clone()
    method.training_step(batch())
    assert torch.equal(method.queues[0, 8:], before[0, :12]), "8 keys of 4 pairs of views came in"
    assert torch.equal(method.queues[1, 16:], before[1, :4]), "16 keys of 8 pairs of copies came in"
    assert method.queues.norm(dim=2) == pytest.approx(torch.ones(2, 20))
    assert not method.queues.requires_grad


def test_a_queue_shorter_than_a_step_s_keys_holds_some_of_them(seeded):
    method = made(MoCo, queue=3)
    before = method.queues.clone()
    method.training_step(batch())
    assert method.queues.shape == (2, 3, 64)
    assert not any(torch.equal(new, old) for new, old in zip(method.queues[0], before[0], strict=True))


@pytest.mark.parametrize("cls", [MoCo, BYOL])
def test_the_slow_network_gets_no_gradient_and_moves_after_the_step(cls, seeded):
    method = made(cls, momentum=0.5)
    method.training_step(batch())["loss"].backward()
    followed = [*method.encoder.parameters(), *method.projectors.parameters()]
    slow = [*method.slow_encoder.parameters(), *method.slow_projectors.parameters()]
    assert all(p.grad is None for p in slow)
    before = [p.clone() for p in slow]
    (optimiser,) = method.optimisers()
    optimiser.step()
    for old, p, fast in zip(before, slow, followed, strict=True):
        assert torch.equal(p, old), "the optimiser leaves it, its weight decay too"
        assert not torch.equal(fast, old)
    moved = [p.detach().clone() for p in followed]
    method.after_step()
    momentum = 0.5 if cls is MoCo else heads.rising_momentum(0.5, 0.5)
    for old, p, fast, now in zip(before, slow, moved, followed, strict=True):
        assert p.detach() == pytest.approx(momentum * old + (1 - momentum) * fast, abs=1e-6)
        assert torch.equal(now, fast)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_has_no_order(name):
    views = batch().views
    assert terms_of(name, views, noise=0.0) == pytest.approx(terms_of(name, views.flip(1), noise=0.0), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_other_partners_change_the_shared_block_s_terms_and_not_the_private_one_s(name):
    """The same clips, each with another for its other view; without noise, or that would change too."""
    views = batch().views
    told = terms_of(name, views, noise=0.0)
    exchanged = terms_of(name, torch.stack([views[:, 0], views[:, 1].roll(1, 0)], dim=1), noise=0.0)
    private = [term for term in told if term.startswith("private")]
    assert [exchanged[term] for term in private] == pytest.approx([told[term] for term in private], abs=1e-3)
    assert sum(abs(exchanged[term] - told[term]) for term in told if term.startswith("shared")) > 0.005


@pytest.mark.parametrize(("name", "rivals"), [("simclr", (6, 14)), ("moco", (9, 9))])
def test_at_a_high_temperature_all_rivals_are_alike_in_both_blocks(name, rivals):
    """SimCLR: of 4 pairs of views, 8 of copies, the others; MoCo: what is in its queue."""
    settings = {"queue": 9} if name == "moco" else {}
    told = terms_of(name, batch().views, temperature=10.0, **settings)
    assert [told[block] for block in BLOCKS] == pytest.approx([math.log(1 + n) for n in rivals], abs=0.15)
    lower = terms_of(name, batch().views, temperature=1.0, **settings)
    assert min(abs(lower[block] - told[block]) for block in BLOCKS) > 0.01


# What a term reads where the two of a pair are one.
ALIKE = [("align_uniform", "alignment"), ("barlow_twins", "same"), ("vicreg", "invariance")]


@pytest.mark.parametrize(("name", "term"), ALIKE)
def test_views_are_the_pairs_of_the_shared_block_and_copies_those_of_the_private(name, term):
    views = batch().views
    told = terms_of(name, views, noise=0.0)
    assert told[f"private_{term}"] == pytest.approx(0, abs=1e-3), "copies without noise are one"
    assert told[f"shared_{term}"] > 0.01, "views are not"
    told = terms_of(name, views[:, :1].expand_as(views), noise=0.0)
    assert told[f"shared_{term}"] == pytest.approx(0, abs=1e-3), "views that are one clip are"
    noisy = terms_of(name, views[:, :1].expand_as(views), noise=1.0)
    assert min(noisy[f"private_{term}"], noisy[f"shared_{term}"]) > 0.01, "both see the noise"


@pytest.mark.parametrize("name", NAMES)
def test_the_private_block_counts_as_its_weight_says(name):
    none, one, three = (terms_of(name, batch().views, private_weight=weight) for weight in (0.0, 1.0, 3.0))
    assert three["loss"] - none["loss"] == pytest.approx(3 * (one["loss"] - none["loss"]), rel=1e-4)
    assert one["loss"] != pytest.approx(none["loss"], abs=1e-3)
    if "shared" in none:
        assert none["loss"] == pytest.approx(none["shared"])
        assert one["loss"] == pytest.approx(one["shared"] + one["private"])


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("align_uniform", {"alignment": ("align_weight", 3.0), "uniformity": ("uniform_weight", 0.7)}),
        ("barlow_twins", {"same": (None, 1.0), "redundancy": ("redundancy_weight", 0.3)}),
        (
            "vicreg",
            {
                "invariance": ("invariance_weight", 2.0),
                "variance": ("variance_weight", 5.0),
                "covariance": ("covariance_weight", 0.5),
            },
        ),
    ],
)
def test_the_loss_is_the_weighted_sum_of_its_terms(name, weights):
    settings = {setting: weight for setting, weight in weights.values() if setting}
    told = terms_of(name, batch().views, private_weight=0.4, **settings)
    shared, private = (
        sum(weight * told[f"{block}_{term}"] for term, (_, weight) in weights.items()) for block in BLOCKS
    )
    assert told["loss"] == pytest.approx(shared + 0.4 * private, rel=1e-5)


@pytest.mark.parametrize("name", ["byol", "simsiam"])
def test_the_target_of_a_guess_stands_still(name, seeded):
    """Without a predictor's gradient nothing reaches the encoder: not by way of the targets either."""
    method = made(registry.load(name))
    for predictor in method.predictors:
        torch.nn.init.zeros_(predictor[-1].weight)  # its guess is its bias, whatever it is given
    method.training_step(batch())["loss"].backward()
    assert not any(p.grad.any() for p in method.encoder.parameters())
    assert all(predictor[-1].bias.grad.any() for predictor in method.predictors)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_and_no_block_collapses(name, small, seeded):
    """300 steps on 320 clips; of 16 dimensions a block keeps the use of several."""
    cls = registry.load(name)
    method = cls(small.trunk, BLOCKS, cls.Settings())
    preset = replace(PRESETS["tiny"], steps=300, examples=32)
    history = train(method, small.task, small.space, small.clips, preset, 0, lambda *_: None).history
    start, end = (np.mean([row["loss"] for row in rows]) for rows in (history[:10], history[-20:]))
    found = ranks(method, small.clips.features)
    assert end < start
    assert min(found.values()) > 3
