from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.frontend import LogMel
from benchmark import features
from generators.augment import augment
from generators.factors import Factor, FactorSpace
from generators.splits import ROLES, iid, parse

SPACE = FactorSpace(
    tuple(
        Factor(name, "", tuple(map(str, range(n))), True) for name, n in (("pitch", 12), ("timbre", 8), ("loudness", 6))
    )
)
DRAWS = {"train": 3, "validation": 1, "probe": 2, "test": 1}
CPU = torch.device("cpu")
SAMPLES = 1_200


class Humming:
    """A generator whose clip is a wave that tells its levels and its seed apart from any other's."""

    space, sample_rate, n_samples = SPACE, 16_000, SAMPLES

    def __init__(self):
        self.rendered = []

    def render(self, levels, seeds):
        self.rendered.append((levels, seeds))
        numbers = torch.from_numpy(SPACE.combinations(levels) + 0.001 * (seeds % 10**9))
        return (0.3 * torch.sin(numbers[:, None] + torch.arange(SAMPLES) / 7)).float()


def front_end(audio):
    return audio.reshape(len(audio), 10, -1)


def quiet(done, total):
    """A listener that does nothing."""


def made(**how):
    generator = Humming()
    return generator, features.compute(generator, front_end, DRAWS, CPU, quiet, **how)


def test_clips_of_iid_are_those_that_they_always_were():
    generator, data = made()
    assert tuple(data.roles) == ROLES
    for number, (role, combinations) in enumerate(iid(SPACE).items()):
        clips = data.roles[role]
        assert (clips.levels == SPACE.levels_at(combinations).repeat(DRAWS[role], axis=0)).all()
        assert (clips.seeds == number * 10**9 + np.arange(len(combinations) * DRAWS[role])).all()
        expected = front_end(Humming().render(clips.levels, clips.seeds))
        assert torch.allclose(data.decibels(clips.features), expected, atol=1e-5)
    assert data.roles["train"].features.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.roles["train"].features.std().item() == pytest.approx(1, abs=1e-5)
    assert max(len(levels) for levels, _ in generator.rendered) <= features.BATCH


@pytest.mark.parametrize(
    "text", ["heldout(pitch,timbre,0.2)", "extrapolate(pitch,0.25)", "correlated(pitch,timbre,0.9)"]
)
def test_a_split_decides_what_trains_and_validates(text):
    split = parse(text)
    _, data = made(split=split)
    for role, rows in split.rows(SPACE).items():
        clips = data.roles[role]
        assert (SPACE.combinations(clips.levels) == rows.repeat(DRAWS[role])).all()
        assert len(np.unique(clips.seeds)) == len(clips.seeds)  # a row that is there twice gives two clips
    _, plain = made()
    for role in ("probe", "test"):
        assert (data.roles[role].seeds == plain.roles[role].seeds).all()
        assert torch.allclose(
            data.decibels(data.roles[role].features), plain.decibels(plain.roles[role].features), atol=1e-5
        )


def test_training_clips_alone_have_versions():
    _, plain = made()
    _, data = made(versions=4)
    for role in ("validation", "probe", "test"):
        assert (data.roles[role].seeds == plain.roles[role].seeds).all()
        own, other = (one.decibels(one.roles[role].features) for one in (data, plain))
        assert torch.allclose(own, other, atol=1e-5)
    train, before = data.roles["train"], plain.roles["train"]
    assert (train.levels == before.levels.repeat(4, axis=0)).all()
    assert (train.seeds == before.seeds.repeat(4)).all()
    heard = data.decibels(train.features).unflatten(0, (-1, 4))
    assert min((heard[:, a] - heard[:, b]).abs().amax((1, 2)).min().item() for a in range(4) for b in range(a)) > 1e-3
    row = 777
    audio = Humming().render(train.levels[row : row + 1], train.seeds[row : row + 1])
    seed = torch.tensor([int(train.seeds[row]) * 4 + row % 4])
    assert torch.allclose(heard.flatten(0, 1)[row], front_end(augment(audio, seed, 16_000))[0], atol=1e-5)


@pytest.mark.parametrize("versions", [0, 1, 3])
@pytest.mark.parametrize("text", ["iid", "heldout(pitch,timbre,0.2)"])
def test_progress_reaches_the_number_that_was_foretold(versions, text):
    told = []
    split = parse(text)
    features.compute(
        Humming(), front_end, DRAWS, CPU, lambda done, total: told.append((done, total)), split=split, versions=versions
    )
    total = features.n_clips(SimpleNamespace(space=SPACE), DRAWS, split=split, versions=versions)
    rows = {role: len(rows) for role, rows in split.rows(SPACE).items()}
    assert total == rows["train"] * 3 * max(1, versions) + rows["validation"] + 2 * rows["probe"] + rows["test"]
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_features_do_not_depend_on_the_number_of_threads(small, threads):
    """Nor on how many clips are transformed together: what is computed on any machine's share of cores is kept."""
    front_end = LogMel(features.front_end_of("phrases"))
    combinations = {role: rows[:700] for role, rows in iid(small.space).items()}
    split = SimpleNamespace(rows=lambda space: combinations)
    found = []
    for number in (1, 2, 5):
        threads(number)
        data = features.compute(small.generator, front_end, {"train": 1, "test": 1}, CPU, quiet, split=split)
        swaps = features.swaps(small.generator, front_end, data, {"shared": frozenset({"timbre"})})
        found.append((data, swaps["shared"].target))
    (data, target), *others = found
    for other, other_target in others:
        assert (other.mean, other.std) == (data.mean, data.std)
        assert torch.equal(other_target, target)
        for role, clips in data.roles.items():
            assert torch.equal(other.roles[role].features, clips.features)
    clips = data.roles["train"]
    whole = front_end(small.generator.render(clips.levels, clips.seeds))
    assert torch.equal((whole - data.mean) / data.std, clips.features)


def test_precision_and_threads_of_training_are_not_those_of_features(threads):
    before, seen = torch.get_float32_matmul_precision(), []
    threads(3)

    def listening(audio):
        seen.append((torch.get_float32_matmul_precision(), torch.get_num_threads()))
        return front_end(audio)

    torch.set_float32_matmul_precision("medium")
    try:
        features.compute(Humming(), listening, {"train": 1}, CPU, quiet)
        assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == ("medium", 3)
    finally:
        torch.set_float32_matmul_precision(before)
    assert set(seen) == {("highest", 1)}


def test_pairs_differ_inside_and_outside_and_fewer_are_the_first_of_more(small):
    levels, shared = small.clips.levels, frozenset({"timbre", "rhythm"})
    a, b = features.swap_pairs(small.space, levels, shared, 50)
    assert (levels[a][:, [1, 3]] != levels[b][:, [1, 3]]).all()
    assert (levels[a][:, [0, 2]] != levels[b][:, [0, 2]]).any(axis=1).all()
    again = features.swap_pairs(small.space, levels, shared, 7)
    assert np.array_equal(a[:7], again[0])
    assert np.array_equal(b[:7], again[1])


def test_without_test_clips_there_are_no_swaps():
    generator, data = made()
    del data.roles["test"]
    assert features.swaps(generator, front_end, data, {"shared": frozenset({"timbre"})}) == {}


def test_a_role_without_draws_is_not_made():
    data = features.compute(Humming(), front_end, {"train": 1, "probe": 1}, CPU, quiet)
    assert set(data.roles) == {"train", "probe"}


def test_tuning_is_judged_on_validation_clips_by_probes_of_training_clips(small):
    levels = np.repeat(small.space.levels_at(np.arange(10)), 3, axis=0)
    held = small.space.levels_at(np.arange(20, 24))
    clips = {
        role: features.Clips(own, np.arange(len(own)) + start, torch.arange(len(own)).float()[:, None, None])
        for role, own, start in (("train", levels, 0), ("validation", held, 100))
    }
    judged = features.on_validation(features.Features(clips, 1.0, 2.0), small.space)
    assert set(judged.roles) == {"train", "probe", "test"}
    assert judged.roles["test"] is clips["validation"]
    probe = judged.roles["probe"]
    assert probe.seeds.tolist() == [0, 6, 12, 18, 24], "the first of three clips, of every other combination"
    assert np.array_equal(probe.levels, levels[::6])
    assert torch.equal(probe.features, clips["train"].features[::6])
