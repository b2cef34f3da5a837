"""Terms of variational autoencoders: closed forms by hand, and their limits."""

import math

import pytest
import torch

from baselines import registry, variational
from baselines.contract import Batch
from baselines.losses import kl_standard_normal
from baselines.networks import Trunk

TRUNK = Trunk(n_frames=8, n_mels=16, width=24, depth=1)
BLOCKS = ("shared", "private")


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


def test_the_parts_of_the_divergence_are_the_whole():
    """With the whole data set in the batch; the draw of the codes is the rest of the difference."""
    mean, log_variance = posteriors(2_000, 3, 0.25)
    codes = mean + 0.5 * drawn(2_000, 3, seed=1)
    parts = variational.decomposed_kl(codes, mean, log_variance, 2_000)
    # The estimator's weight, n N for n posteriors, is 1/N too small where the batch is all clips: ln N once a density.
    whole = parts.information + parts.correlation + parts.marginal
    assert whole.item() == pytest.approx(kl_standard_normal(mean, log_variance).item(), rel=0.03)


def test_identical_dimensions_are_correlated_and_independent_ones_are_not():
    """TC of dimensions x and x + noise of a tenth: that of a Gaussian of correlation r, -ln(1 - r^2) / 2."""
    base = drawn(3_000, 1)
    log_variance = torch.full((3_000, 2), math.log(0.01))
    weight = math.log(3_000 * 3_000) - math.log(3_000)  # see above: of two single densities against one joint

    def correlation(mean, seed):
        codes = mean + 0.1 * drawn(*mean.shape, seed=seed)
        return variational.decomposed_kl(codes, mean, log_variance, 3_000).correlation.item() - weight

    same = correlation(base.repeat(1, 2), 1)
    r = 1 / 1.01
    assert same == pytest.approx(-0.5 * math.log(1 - r**2), abs=0.25)
    assert correlation(drawn(3_000, 2, seed=5), 2) == pytest.approx(0, abs=0.25)


def test_a_code_that_ignores_its_clip_tells_nothing_of_it():
    mean, log_variance = torch.zeros(500, 2), torch.zeros(500, 2)
    parts = variational.decomposed_kl(drawn(500, 2), mean, log_variance, 500)
    assert parts.information.item() == pytest.approx(math.log(500), abs=1e-3), "but the weight of 500 posteriors"


def test_a_product_of_two_equal_experts_is_twice_as_precise():
    mean, log_variance = posteriors(4, 3, 2.0)
    joint, log_joint = variational.product_of_experts(mean.expand(2, 4, 3), log_variance.expand(2, 4, 3))
    assert torch.allclose(joint, mean)
    assert torch.allclose(log_joint, torch.zeros(4, 3), atol=1e-6)


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


def test_patches_are_whole_and_as_many_as_it_says(seeded):
    hidden = variational.masked_patches(50, 8, 16, (4, 8), 0.75, torch.device("cpu"))
    patches = hidden.unfold(1, 4, 4).unfold(2, 8, 8).flatten(3)
    assert torch.equal(patches.all(3), patches.any(3))
    assert (patches.all(3).flatten(1).sum(1) == 3).all()
    assert not torch.equal(hidden[0], hidden[1]) or not torch.equal(hidden[1], hidden[2])
    most = variational.masked_patches(3, 8, 16, (4, 8), 0.99, torch.device("cpu"))
    assert (~most).flatten(1).any(1).all(), "one is left to see"


def test_a_nat_weighs_two_variances_a_bin():
    """-log of a Gaussian of variance s over b bins is b mse / 2s: a nat beside it is 2s / b beside the mse."""
    assert variational.rate_unit(1.0, 2_048) == pytest.approx(1 / 1_024)
    assert variational.rate_unit(3.0, 6) == pytest.approx(1.0)


def made(name, **settings):
    cls = registry.load(name)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        blocks = ("code",) if cls.one_block else BLOCKS
        method = cls(TRUNK, blocks, cls.Settings(block_dims=4, **settings))
        method.prepare(drawn(100, 8, 16))
        return method


def step(method, views=None, index=0, seed=1):
    views = drawn(6, 2, 8, 16, seed=9) if views is None else views
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


@pytest.mark.parametrize("weight", ["alpha", "beta", "gamma"])
def test_the_forerunner_s_weights_are_of_the_parts_that_it_names(weight):
    zero = {"alpha": 0.0, "beta": 0.0, "gamma": 0.0}
    without, told = step(made("poe_vae", **zero)), step(made("poe_vae", **{**zero, weight: 2.0}))
    part = {"alpha": "information", "beta": "correlation", "gamma": "marginal"}[weight]
    rates = told[f"shared_{part}"] + told[f"private_{part}"]
    assert without["loss"].item() == without["reconstruction"].item()
    assert told["loss"].item() == pytest.approx((told["reconstruction"] + 2 * rates * 2 / 128).item())


def test_what_both_views_give_is_decoded_with_what_each_gives():
    """With views exchanged the joint shared posterior is the same, so the error is, draws aside."""
    method = made("poe_vae")
    views = drawn(6, 2, 8, 16, seed=9)
    (one, _), (other, _) = method._posteriors(views[:, 0]), method._posteriors(views[:, 1])
    there = variational.product_of_experts(*(torch.stack(pair) for pair in zip(one, other, strict=True)))
    back = variational.product_of_experts(*(torch.stack(pair) for pair in zip(other, one, strict=True)))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(there, back, strict=True))


def test_errors_of_no_weight_are_not_computed():
    told = step(made("dmvae", own_weight=0.0, joint_weight=0.0, cross_weight=1.0, beta=0.0))
    assert set(told) == {"loss", "cross", "rate"}
    assert told["loss"].item() == told["cross"].item()


def test_identical_views_cross_to_themselves():
    clip = drawn(6, 1, 8, 16, seed=9).expand(6, 2, 8, 16)
    method = made("dmvae")
    codes = method.embed(clip[:, 0])
    assert torch.equal(method.embed(clip[:, 1])["shared"], codes["shared"])


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


def test_what_is_seen_of_a_clip_is_not_asked_for(monkeypatch):
    method = made("masked_ae")
    hidden = torch.zeros(12, 8, 16, dtype=torch.bool)
    hidden[:, :4] = True
    monkeypatch.setattr("baselines.methods.masked_ae.masked_patches", lambda *_: hidden)
    seen = watched(method, "encoder", lambda x: torch.zeros(len(x), 8))
    views = drawn(6, 2, 8, 16, seed=9)
    loss = step(method, views)["loss"]
    assert torch.equal(seen[0][:, 4:], views.flatten(0, 1)[:, 4:])
    assert not seen[0][:, :4].any(), "the learnt value, which begins at 0"
    changed = views.clone()
    changed[:, :, 4:] += 100
    assert step(method, changed)["loss"].item() == pytest.approx(loss.item())
    changed[:, :, :4] += 100
    assert step(method, changed)["loss"].item() > 1_000


def test_dimensions_are_dealt_by_how_often_they_are_shared_and_decoded_in_their_places():
    method = made("ada_gvae")
    method.share.copy_(torch.tensor([0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6]))
    told = [part.tolist() for part in method._dealt()]
    assert told == [[1, 3, 5, 7], [0, 2, 4, 6]]
    clips = drawn(5, 8, 16)
    mean, _ = variational.moments(method.encoder(clips))
    given = watched(method, "decoder", lambda codes: codes)
    method.decode(method.embed(clips))
    assert torch.equal(given[0], mean)


def test_views_that_are_one_share_every_dimension_or_none():
    """All divergences are 0: none is under the middle, and nothing is averaged."""
    method = made("ada_gvae")
    before = method.share.clone()
    step(method, drawn(6, 1, 8, 16, seed=9).expand(6, 2, 8, 16))
    assert torch.equal(method.share, before)
