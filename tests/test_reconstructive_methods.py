"""Reconstructive methods: what each decodes, and what its loss is made of, by hand."""

import math

import pytest
import torch

from baselines import registry, variational
from baselines.contract import Batch
from baselines.losses import kl_standard_normal
from baselines.methods.masked_ae import hidden_bins
from baselines.networks import Trunk

TRUNK = Trunk(n_frames=8, n_mels=16, width=24, depth=1)
BLOCKS = ("shared", "private")
UNIT = 2 / (8 * 16)  # of a nat, where the decoder's variance is 1


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


VIEWS = drawn(6, 2, 8, 16, seed=9)


def made(name, **settings):
    cls = registry.load(name)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        blocks = ("code",) if cls.one_block else BLOCKS
        return cls(TRUNK, blocks, cls.Settings(block_dims=4, **settings))


def step(method, views=VIEWS, index=0, seed=1):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return method.training_step(Batch(views, "shared", 0.5), index)


def watched(method, name, answer):
    """Put a function in a network's place; returns the list of what it is given."""
    given = []

    class Watched(torch.nn.Module):
        def forward(self, inputs):
            given.append(inputs.detach().clone())
            return answer(inputs)

    setattr(method, name, Watched())
    return given


def test_beta_of_one_is_the_plain_bound():
    plain, one, four = step(made("vae")), step(made("beta_vae", beta=1.0)), step(made("beta_vae", beta=4.0))
    assert one["loss"].item() == plain["loss"].item()
    extra = 3 * variational.rate_unit(1.0, 8 * 16) * plain["rate"]
    assert four["loss"].item() == pytest.approx((plain["loss"] + extra).item())


def test_a_total_correlation_weighed_by_one_leaves_the_sum_of_the_parts():
    told = step(made("beta_tcvae", beta=1.0))
    parts = told["information"] + told["correlation"] + told["marginal"]
    assert told["loss"].item() == pytest.approx((told["reconstruction"] + parts * 2 / 128).item())


def test_beta_of_the_total_correlation_weighs_it_alone():
    one, four = step(made("beta_tcvae", beta=1.0)), step(made("beta_tcvae", beta=4.0))
    assert abs(one["correlation"].item()) > 0.01
    assert four["loss"].item() == pytest.approx((one["loss"] + 3 * UNIT * one["correlation"]).item(), rel=1e-6)


@pytest.mark.parametrize("weight", ["alpha", "beta", "gamma"])
def test_the_forerunner_s_weights_are_of_the_parts_that_it_names(weight):
    zero = {"alpha": 0.0, "beta": 0.0, "gamma": 0.0, "decoder_variance": 1.0}
    without, told = step(made("poe_vae", **zero)), step(made("poe_vae", **{**zero, weight: 2.0}))
    part = {"alpha": "information", "beta": "correlation", "gamma": "marginal"}[weight]
    rates = told[f"shared_{part}"] + told[f"private_{part}"]
    assert without["loss"].item() == without["reconstruction"].item()
    assert told["loss"].item() == pytest.approx((told["reconstruction"] + 2 * rates * 2 / 128).item())


@pytest.fixture
def still(monkeypatch):
    """Posteriors are drawn at their means."""
    for name in ("poe_vae", "dmvae", "ada_gvae", "factor_vae"):
        monkeypatch.setattr(f"baselines.methods.{name}.sample_gaussian", lambda mean, log_variance: mean)


def halves(method):
    """Means and variances of the shared and of the private half: what an encoder's output is, cut by hand, [n, 4]."""
    told = [method.encoder(VIEWS[:, view]).detach() for view in (0, 1)]
    cut = [[x[:, 4 * i : 4 * i + 4] for i in range(4)] for x in told]
    return [(shared, log_s.exp(), private, log_p.exp()) for shared, log_s, private, log_p in cut]


def test_the_forerunner_decodes_the_joint_shared_code_with_each_view_s_private_one(still):
    method = made("poe_vae")
    (s1, v1, p1, _), (s2, v2, p2, _) = halves(method)
    joint = (s1 / v1 + s2 / v2) / (1 / v1 + 1 / v2)
    given = watched(method, "decoder", lambda codes: torch.zeros(len(codes), 8, 16))
    told = step(method)
    assert len(given) == 1
    wanted = torch.cat([torch.cat([joint, p1], dim=1), torch.cat([joint, p2], dim=1)])
    assert torch.allclose(given[0], wanted, atol=1e-6)
    assert told["reconstruction"].item() == pytest.approx(VIEWS.square().mean().item())


def test_dmvae_decodes_each_private_code_with_one_s_own_the_other_s_and_the_joint_shared_code(still):
    method = made("dmvae")
    (s1, v1, p1, _), (s2, v2, p2, _) = halves(method)
    joint = (s1 / v1 + s2 / v2) / (1 / v1 + 1 / v2 + 1)  # with the prior
    given = watched(method, "decoder", lambda codes: torch.zeros(len(codes), 8, 16))
    step(method)
    for told, (one, other) in zip(given, ((s1, s2), (s2, s1), (joint, joint)), strict=True):
        wanted = torch.cat([torch.cat([one, p1], dim=1), torch.cat([other, p2], dim=1)])
        assert torch.allclose(told, wanted, atol=1e-6)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.5, 3.0)])
def test_dmvae_s_bounds_have_the_rates_of_the_codes_that_they_decode(weights):
    names = ("own", "cross", "joint")
    chosen = {f"{name}_weight": w for name, w in zip(names, weights, strict=True)}
    method = made("dmvae", **chosen, decoder_variance=1.0, beta=3.0, private_beta=7.0)
    told = step(method)
    assert {name for name in names if name in told} == {n for n, w in zip(names, weights, strict=True) if w}
    (s1, v1, p1, w1), (s2, v2, p2, w2) = halves(method)
    v = 1 / (1 / v1 + 1 / v2 + 1)
    joint = kl_standard_normal(v * (s1 / v1 + s2 / v2), v.log())
    shared = (kl_standard_normal(s1, v1.log()) + kl_standard_normal(s2, v2.log())) / 2
    private = (kl_standard_normal(p1, w1.log()) + kl_standard_normal(p2, w2.log())) / 2
    expected = sum(
        weight * (told[name] + UNIT * (7 * private + 3 * rate))
        for name, weight, rate in zip(names, weights, (shared, shared, joint), strict=True)
        if weight
    )
    assert told["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_dmvae_of_no_weight_is_refused():
    with pytest.raises(ValueError, match="own_weight, cross_weight and joint_weight are 0; expected one of them above"):
        made("dmvae", own_weight=0.0, cross_weight=0.0, joint_weight=0.0)


def test_the_discriminator_s_step_moves_it_alone_and_the_autoencoder_s_the_rest():
    method = made("factor_vae")
    step(method, index=0)["loss"].backward()
    assert all(p.grad is None for p in method.discriminator.parameters())
    assert all(p.grad is not None for p in method.encoder.parameters())
    method.zero_grad()
    step(method, index=1)["loss"].backward()
    assert all(p.grad is None for p in [*method.encoder.parameters(), *method.decoder.parameters()])
    assert all(p.grad is not None for p in method.discriminator.parameters())


def test_a_discriminator_that_cannot_tell_pays_ln_2_and_says_nothing_of_correlation():
    method = made("factor_vae")
    for parameter in method.discriminator.parameters():
        torch.nn.init.zeros_(parameter)
    assert step(method, index=1)["loss"].item() == pytest.approx(math.log(2))
    assert step(method)["correlation"].item() == 0


def test_the_discriminator_is_shown_codes_first_and_then_shuffled_ones_of_the_rest(still):
    method = made("factor_vae")
    codes = method.encoder(VIEWS.flatten(0, 1)).detach()[:, :8]
    sure = torch.cat([torch.tensor([[9.0, -9.0]]).expand(6, 2), torch.tensor([[-9.0, 9.0]]).expand(6, 2)])
    given = watched(method, "discriminator", lambda _: sure)
    assert step(method, index=1)["loss"].item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(given[0][:6], codes[::2], atol=1e-6)
    shuffled, rest = given[0][6:], codes[1::2]
    assert torch.allclose(shuffled.sort(0).values, rest.sort(0).values, atol=1e-6)
    assert not torch.allclose(shuffled, rest)


def test_the_autoencoder_pays_gamma_for_logits_that_know_its_codes():
    method = made("factor_vae", gamma=5.0)
    torch.nn.init.zeros_(method.discriminator[-1].weight)
    method.discriminator[-1].bias.data.copy_(torch.tensor([0.75, -0.25]))
    told = step(method)
    assert told["correlation"].item() == pytest.approx(1)
    assert told["loss"].item() == pytest.approx((told["reconstruction"] + UNIT * (told["rate"] + 5)).item())


def test_patches_are_whole_and_their_share_is_even_up_to_the_largest(seeded):
    """Of 16 patches at most 12: each number from 1 to 12 as often as any other, and each patch as often."""
    hidden = hidden_bins(12_000, 16, 32, (4, 8), 0.75, torch.device("cpu"))
    patches = hidden.unfold(1, 4, 4).unfold(2, 8, 8).flatten(3)
    assert torch.equal(patches.all(3), patches.any(3))
    counts = patches.all(3).flatten(1).sum(1).bincount()
    assert counts.tolist() == pytest.approx([0] + [1_000] * 12, abs=150)
    assert patches.all(3).float().mean(0).flatten().tolist() == pytest.approx([6.5 / 16] * 16, abs=0.02)


def test_a_patch_is_hidden_and_one_is_left_to_see_whatever_the_share(seeded):
    for most in (1e-9, 1 - 1e-9):
        patches = hidden_bins(200, 8, 8, (4, 8), most, torch.device("cpu"))[:, ::4, 0]
        assert (patches.sum(1) == 1).all()


def test_what_is_seen_of_a_clip_is_not_asked_for(monkeypatch):
    method = made("masked_ae")
    hidden = torch.zeros(12, 8, 16, dtype=torch.bool)
    hidden[:, :4] = True
    monkeypatch.setattr("baselines.methods.masked_ae.hidden_bins", lambda *_: hidden)
    seen = watched(method, "encoder", lambda x: torch.zeros(len(x), 8))
    loss = step(method)["loss"]
    assert torch.equal(seen[0][:, 4:], VIEWS.flatten(0, 1)[:, 4:])
    assert not seen[0][:, :4].any(), "the learnt value, which begins at 0"
    changed = VIEWS.clone()
    changed[:, :, 4:] += 100
    assert step(method, changed)["loss"].item() == pytest.approx(loss.item())
    changed[:, :, :4] += 100
    assert step(method, changed)["loss"].item() > 1_000


def test_dimensions_are_dealt_by_how_often_they_are_shared_and_decoded_in_their_places():
    method = made("ada_gvae")
    method.share.copy_(torch.tensor([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6]))
    told = [part.tolist() for part in method._dealt()]
    assert told == [[1, 3, 5, 7], [0, 2, 4, 6]]
    clips = VIEWS[:, 0]
    mean, _ = variational.moments(method.encoder(clips))
    given = watched(method, "decoder", lambda codes: codes)
    method.decode(method.embed(clips))
    assert torch.equal(given[0], mean)


def test_what_differs_least_between_views_is_averaged_before_it_is_decoded(still):
    """By the paper's formula, written out: KL of the first view's posterior from the second's, and its middle."""
    method = made("ada_gvae")
    told = [method.encoder(VIEWS[:, view]).detach() for view in (0, 1)]
    (m1, v1), (m2, v2) = ((x[:, :8], x[:, 8:].exp()) for x in told)
    divergence = (v1 / v2 + (m1 - m2) ** 2 / v2 - 1 + (v2 / v1).log()) / 2
    least, largest = divergence.min(1, keepdim=True).values, divergence.max(1, keepdim=True).values
    shared = divergence < (least + largest) / 2
    assert shared.any()
    assert not shared.all()
    mean = [torch.where(shared, (m1 + m2) / 2, m) for m in (m1, m2)]
    variance = [torch.where(shared, (v1 + v2) / 2, v) for v in (v1, v2)]
    given = watched(method, "decoder", lambda codes: torch.zeros(len(codes), 8, 16))
    step_told = step(method)
    assert torch.allclose(given[0], torch.cat(mean), atol=1e-6)
    rate = kl_standard_normal(torch.cat(mean), torch.cat(variance).log())
    assert step_told["rate"].item() == pytest.approx(rate.item(), rel=1e-5)
    assert step_told["loss"].item() == pytest.approx((step_told["reconstruction"] + UNIT * rate).item(), rel=1e-5)
    assert torch.allclose(method.share, 0.01 * shared.float().mean(0)), "one step of the running mean"


def test_views_that_are_one_share_every_dimension_or_none():
    """All divergences are 0: none is under the middle, and nothing is averaged."""
    method = made("ada_gvae")
    before = method.share.clone()
    step(method, VIEWS[:, :1].expand(6, 2, 8, 16))
    assert torch.equal(method.share, before)
