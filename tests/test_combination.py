import math
from itertools import product
from typing import get_args

import pytest
import torch
from transparent import BLOCKS, DIMS, learnt, statistics, step, transparent, without_noise

from baselines import registry
from baselines.combination import SWAPS_FROM, Combination
from baselines.contrast import barlow, debiased_nt_xent, vicreg
from baselines.losses import gaussian_info_nce, kl_standard_normal, nt_xent, rbf_cka

WEIGHTS = {
    "own_weight": 0.5,
    "contrast_weight": 0.25,
    "private_contrast_weight": 2.0,
    "across_contrast_weight": 0.75,
    "swap_weight": 1.5,
    "rate_weight": 3.0,
    "independence_weight": 1.25,
}
# A point of the family: what its loss has of contrast.
POINTS = {
    "combined": {"contrast_weight", "swap_weight"},
    "combined_shared": {"contrast_weight"},
    "combined_private": {"private_contrast_weight"},
    "combined_across": {"across_contrast_weight"},
    "combined_all": {"contrast_weight", "private_contrast_weight", "across_contrast_weight"},
    "combined_factors": {"contrast_weight", "swap_weight"},
    "vicreg_ae": {"contrast_weight"},
}


@pytest.fixture
def noiseless(monkeypatch):
    return without_noise(monkeypatch)


def hot(*places):
    """One-hot codes of two groups of two, a row each."""
    return [[float(p == i) for p in pair for i in (0, 1)] for pair in places]


@pytest.mark.parametrize(
    ("reconstruction", "told"),
    [
        ("own", [(0, 0), (1, 1), (1, 0), (0, 1)]),
        ("exchanged", [(1, 0), (0, 1), (0, 0), (1, 1)]),
        ("product", [(0, 0), (1, 1), (0, 0), (1, 1)]),  # 3 against 1 and 1 against 0; 2 against 1, 1 against 1.5
    ],
)
def test_what_each_clip_is_decoded_from(noiseless, reconstruction, told):
    """Of two examples the first views are surer in the first group."""
    logits = torch.tensor([[[3.0, 0, 1, 0], [0, 2, 0, 2]], [[0, 1.0, 1, 0], [1, 0, 0, 1]]])
    given = torch.cat([logits, statistics(2, 2 * DIMS)], dim=2)
    method = transparent(reconstruction=reconstruction)
    terms = step(method, given)
    (codes,) = method.decoder.given
    clips = given.flatten(0, 1)
    assert codes[:, :DIMS].tolist() == hot(*told)
    assert torch.equal(codes[:, DIMS:], clips[:, DIMS : 2 * DIMS])
    decoded = torch.cat([codes, torch.zeros(4, DIMS)], dim=1)
    assert terms["reconstruction"].item() == pytest.approx((decoded - clips).square().mean().item(), rel=1e-6)
    assert terms["loss"].item() == terms["reconstruction"].item()
    assert set(terms) == {"loss", "reconstruction"}


def test_the_product_of_continuous_codes_is_nearer_the_surer_view(noiseless):
    """Means 0 and 3, variances 1 and 1/2: 2, for both."""
    ones = torch.ones(1, 1, DIMS)
    shared = torch.cat([torch.cat([0 * ones, 0 * ones], 2), torch.cat([3 * ones, -math.log(2) * ones], 2)])
    method = transparent(reconstruction="product", shared_groups=0)
    step(method, torch.cat([shared, statistics(1, 2 * DIMS)], dim=2))
    assert torch.allclose(method.decoder.given[0][:, :DIMS], torch.full((2, DIMS), 2.0))


def test_a_second_reconstruction_is_from_ones_own_code(noiseless):
    method, given = transparent(own_weight=0.5), statistics()
    terms = step(method, given)
    exchanged, own = method.decoder.given
    assert torch.equal(own[:6, :DIMS], exchanged[6:, :DIMS])
    assert torch.equal(own[6:, :DIMS], exchanged[:6, :DIMS])
    assert torch.equal(own[:, DIMS:], exchanged[:, DIMS:])
    assert terms["loss"].item() == pytest.approx((terms["reconstruction"] + 0.5 * terms["own"]).item(), rel=1e-6)


def test_the_contrast_of_the_shared_block_is_on_its_probabilities(noiseless):
    given = statistics()
    soft = given[:, :, :DIMS].unflatten(2, (2, 2)).softmax(3).flatten(2)

    def told(**settings):
        return step(transparent(contrast_weight=1.0, temperature=0.3, **settings), given)["contrast"].item()

    assert told() == pytest.approx(nt_xent(soft, 0.3).item(), rel=1e-6)
    debiased = debiased_nt_xent(soft, 0.3, 0.2).item()
    assert told(false_negatives="debiased", positive_prior=0.2) == pytest.approx(debiased, rel=1e-6)
    assert told(false_negatives="kept", positive_prior=0.2) == told() != pytest.approx(debiased, rel=0.01)


@pytest.mark.parametrize(("form", "loss"), [("vicreg", vicreg), ("barlow", barlow)])
def test_moments_are_those_of_logits_and_of_means(noiseless, form, loss):
    given = statistics(width=4 * DIMS)
    for groups, width in ((2, 3 * DIMS), (0, 4 * DIMS)):
        method = transparent(contrast_weight=1.0, form=form, shared_groups=groups)
        told = step(method, given[:, :, :width])["contrast"].item()
        assert told == pytest.approx(loss(given[:, :, :DIMS]).item(), rel=1e-6)
    means = given[:, :, :DIMS]
    continuous = step(transparent(contrast_weight=1.0, shared_groups=0), given)["contrast"].item()
    assert continuous == pytest.approx(nt_xent(means, 0.1).item(), rel=1e-6)


def test_the_private_block_tells_clips_apart_the_other_view_of_an_example_too(noiseless):
    """Four clips of two examples at right angles: each sample meets its like, and six others at cosine 0."""
    private = 5 * torch.eye(4).unflatten(0, (2, 2))
    given = torch.cat([statistics(2, DIMS), private, torch.zeros(2, 2, DIMS)], dim=2)
    terms = step(transparent(private_contrast_weight=1.0, temperature=1.0), given)
    assert terms["private_contrast"].item() == pytest.approx(math.log(1 + 6 / math.e), rel=1e-6)
    assert len(noiseless) == 2  # the second sample is another one
    same = torch.cat([given[:, :, :DIMS], private[:1].expand(2, 2, 4), torch.zeros(2, 2, DIMS)], dim=2)
    terms = step(transparent(private_contrast_weight=1.0, temperature=0.01), same)
    # Views of one private code are rivals: at best a guess between three.
    assert terms["private_contrast"].item() == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize(("form", "loss"), [("vicreg", vicreg), ("barlow", barlow)])
def test_forms_of_the_private_contrast(noiseless, form, loss):
    given = statistics()
    samples = given[:, :, DIMS : 2 * DIMS].flatten(0, 1)
    told = step(transparent(private_contrast_weight=1.0, form=form), given)["private_contrast"].item()
    assert told == pytest.approx(loss(torch.stack([samples, samples])).item(), rel=1e-5)


def test_contrast_across_is_the_critics_and_moves_private_codes_alone(noiseless, seeded):
    """Private codes that hold the shared one, and a critic that has found it."""
    shared = 3 * torch.eye(4)[torch.arange(16) % 4].reshape(2, 8, 4)
    given = torch.cat([shared, shared, torch.zeros(2, 8, DIMS)], dim=2)
    method = transparent(across_contrast_weight=1.0, shared_groups=1)
    optimiser = torch.optim.Adam(method.critic.parameters(), 3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        step(method, given)["critic"].backward()
        optimiser.step()
    given.requires_grad_()
    terms = step(method, given)
    codes = method.embed(given.detach().flatten(0, 1)[:, None])["shared"]
    private = given.detach()[:, :, DIMS : 2 * DIMS].flatten(0, 1)
    assert terms["critic"].item() == pytest.approx(method.critic(codes, private, 0.1).item(), rel=1e-5)
    assert terms["across_contrast"].item() == pytest.approx(math.log(16) - terms["critic"].item(), rel=1e-5)
    assert 0.9 * math.log(4) < terms["across_contrast"].item() < math.log(4) + 1e-4
    (gradient,) = torch.autograd.grad(terms["across_contrast"], given, retain_graph=True)
    assert not gradient[:, :, :DIMS].any()
    assert gradient[:, :, DIMS : 2 * DIMS].any()
    assert torch.autograd.grad(terms["critic"], given, allow_unused=True) == (None,)


def test_the_rate_is_of_continuous_blocks(noiseless):
    given = statistics(width=4 * DIMS)
    clips = given.flatten(0, 1)
    shared, private = ([part[:, :DIMS], part[:, DIMS:]] for part in clips.split(2 * DIMS, dim=1))
    continuous = step(transparent(rate_weight=1.0, shared_groups=0), given)["rate"].item()
    expected = kl_standard_normal(*shared) + kl_standard_normal(*private)
    assert continuous == pytest.approx(expected.item(), rel=1e-6)
    discrete = step(transparent(rate_weight=1.0), given[:, :, DIMS:])["rate"].item()
    assert discrete == pytest.approx(kl_standard_normal(*private).item(), rel=1e-6)


def test_independence_is_of_codes_as_the_decoder_reads_them_and_moves_private_ones_alone(noiseless):
    given = statistics().requires_grad_()
    method = transparent(independence_weight=1.0)
    term = step(method, given)["independence"]
    codes = method.embed(given.detach().flatten(0, 1)[:, None])["shared"]
    private = given.detach()[:, :, DIMS : 2 * DIMS].flatten(0, 1)
    assert term.item() == pytest.approx(rbf_cka(codes, private).item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(term, given)
    assert not gradient[:, :, :DIMS].any()
    assert gradient[:, :, DIMS : 2 * DIMS].any()


def test_a_swap_has_the_private_code_of_a_clip_and_the_shared_code_of_another_example(noiseless, seeded):
    method, given = transparent(swap_weight=1.0), statistics(9).requires_grad_()
    terms = step(method, given, progress=SWAPS_FROM)
    _, swaps = method.decoder.given
    private = given[0, :, DIMS : 2 * DIMS]
    assert torch.equal(swaps[:, DIMS:], private)
    own = method.embed(given[0][:, None])["shared"]
    assert sorted(swaps[:, :DIMS].tolist()) == sorted(own.tolist())
    assert not torch.equal(swaps[:, :DIMS], own)
    # Encoded again, they are Gaussians of variance 1 about the private codes.
    expected = gaussian_info_nce(private, private, torch.zeros(9, DIMS))
    assert terms["swap"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert not swaps.requires_grad
    assert "swap" not in step(method, given, progress=SWAPS_FROM - 0.01)


def test_the_loss_is_the_weighted_sum_of_its_terms(noiseless, seeded):
    terms = step(transparent(**WEIGHTS), statistics())
    weighted = {name.removesuffix("_weight"): weight for name, weight in WEIGHTS.items()}
    weighted |= {"reconstruction": 1.0, "critic": WEIGHTS["across_contrast_weight"]}
    assert set(terms) == {"loss", *weighted}
    expected = sum(weight * terms[name].item() for name, weight in weighted.items())
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_term_of_weight_zero_is_not_there(noiseless, seeded, weight):
    given, name = statistics(), weight.removesuffix("_weight")
    with_it, without = (step(transparent(**{**WEIGHTS, weight: w}), given) for w in (WEIGHTS[weight], 0.0))
    gone = {name, "critic"} if name == "across_contrast" else {name}
    assert set(with_it) - set(without) == gone
    for other in set(without) - {"loss", "swap", "across_contrast", "critic"}:
        assert without[other].item() == with_it[other].item(), other
    assert (transparent(**{**WEIGHTS, weight: 0.0}).critic is None) == (name == "across_contrast")


def test_settings_of_terms_that_are_off_change_nothing(small):
    """To the last digit: neither the loss nor the draws of random numbers."""
    plain, method = learnt(Combination, small)
    others = {"form": "barlow", "temperature": 3.0, "false_negatives": "debiased", "positive_prior": 0.5}
    same, other = learnt(Combination, small, **others)
    assert same == plain
    for one, two in zip(method.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


LITERALS = {
    name: get_args(field.annotation)
    for name, field in Combination.Settings.model_fields.items()
    if get_args(field.annotation)
}


def test_what_there_is_to_choose():
    assert LITERALS == {
        "reconstruction": ("own", "exchanged", "product"),
        "form": ("nt_xent", "vicreg", "barlow"),
        "false_negatives": ("kept", "debiased"),
    }


@pytest.mark.parametrize("groups", [0, 1, 4])
@pytest.mark.parametrize("chosen", list(product(*LITERALS.values())), ids="-".join)
def test_every_combination_trains(small, groups, chosen):
    settings = dict(zip(LITERALS, chosen, strict=True))
    losses, method = learnt(Combination, small, shared_groups=groups, **WEIGHTS, **settings)
    assert all(math.isfinite(value) for row in losses for value in row.values())
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())
    method.eval()
    with torch.no_grad():
        blocks = method.embed(small.clips.features[:5])
        assert {name: codes.shape for name, codes in blocks.items()} == dict.fromkeys(BLOCKS, (5, 8))
        assert method.decode(blocks).shape == small.clips.features[:5].shape


@pytest.mark.parametrize("reconstruction", LITERALS["reconstruction"])
@pytest.mark.parametrize("form", LITERALS["form"])
def test_which_view_comes_first_does_not_matter(noiseless, reconstruction, form):
    settings = {**WEIGHTS, "swap_weight": 0.0, "across_contrast_weight": 0.0, "reconstruction": reconstruction}
    given = statistics()
    one, other = (step(transparent(form=form, **settings), views) for views in (given, given.flip(0)))
    for name, value in one.items():
        assert other[name].item() == pytest.approx(value.item(), rel=1e-5), name


def test_views_that_are_one_clip_need_no_exchange(noiseless):
    given = statistics()[:1].expand(2, -1, -1)
    losses = [step(transparent(reconstruction=how), given)["loss"].item() for how in LITERALS["reconstruction"]]
    assert losses == [losses[0]] * 3


class Knowing(Combination):
    """An oracle: told which clips are of one class."""

    same = None

    def _false_negatives(self, batch):
        return self.same


def test_an_oracle_masks_false_negatives_of_the_shared_block_alone(noiseless):
    given, labels = statistics(4), torch.tensor([0, 1, 0, 2]).repeat(2)
    soft = given[:, :, :DIMS].unflatten(2, (2, 2)).softmax(3).flatten(2)
    method = transparent(cls=Knowing, contrast_weight=1.0, private_contrast_weight=1.0)
    plain = step(method, given)
    assert plain["contrast"].item() == nt_xent(soft, 0.1).item()
    method.same = labels[:, None] == labels
    masked = step(method, given)
    expected = debiased_nt_xent(soft, 0.1, 0.0, method.same).item()
    assert masked["contrast"].item() == pytest.approx(expected, rel=1e-6)
    assert masked["contrast"].item() != pytest.approx(plain["contrast"].item(), rel=0.01)
    assert masked["private_contrast"].item() == plain["private_contrast"].item()


def test_the_embedding_is_of_ones_own_code_whatever_was_decoded_from(noiseless):
    given = statistics().flatten(0, 1)[:, None]
    one, other = (transparent(reconstruction=how).embed(given) for how in ("own", "product"))
    for block in BLOCKS:
        assert torch.equal(one[block], other[block])
    assert one["shared"].sum(1).tolist() == [2.0] * 12


def test_a_continuous_shared_code_is_rounded_as_the_private_one_is(noiseless):
    method, given = transparent(shared_groups=0, resolution=2.0), statistics(width=4 * DIMS)
    blocks = method.embed(given[0][:, None])  # spread 1: to even numbers
    for start, block in ((0, "shared"), (2 * DIMS, "private")):
        assert torch.equal(blocks[block], 2 * torch.round(given[0][:, start : start + DIMS] / 2))


def test_the_members_of_the_family_differ_in_their_contrast_alone():
    contrasts = {name for name in WEIGHTS if "contrast" in name} | {"swap_weight"}
    members = {name for name in registry.names() if issubclass(registry.load(name), Combination)}
    assert members == set(POINTS)
    plain = Combination.Settings().model_dump()
    assert all(plain[name] == 0 for name in contrasts)
    for name, used in POINTS.items():
        settings = registry.load(name).Settings().model_dump()
        assert {weight for weight in contrasts if settings[weight]} == used, name
        differs = {setting for setting in plain if settings[setting] != plain[setting]} - contrasts
        assert differs == ({"form"} if name == "vicreg_ae" else set()), name
    everything = registry.load("combined_all").Settings().model_dump()
    for name in ("combined_shared", "combined_private", "combined_across"):  # alone and together at one weight
        (weight,) = POINTS[name]
        assert registry.load(name).Settings().model_dump()[weight] == everything[weight], name


@pytest.mark.parametrize("name", [name for name in POINTS if name != "combined_factors"])
def test_what_it_declines(name):
    cls = registry.load(name)
    assert cls.declines(BLOCKS, 2) is None
    assert cls.declines((*BLOCKS, "other"), 2) == "it takes 2 blocks and 2 views, not 3 and 2"
    assert cls.declines(BLOCKS, 3) == "it takes 2 blocks and 2 views, not 2 and 3"
    assert cls.declines(("code",), 2) is not None
