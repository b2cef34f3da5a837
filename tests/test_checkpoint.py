"""A training that is killed goes on to the same numbers, to the last bit, whatever its method keeps."""

import json
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from trainings import PLUGINS, PRESET, SPACE, TASK, KilledError, Plugin, Scripted, clips, named, trained
from upath import UPath

from benchmark.checkpoint import Checkpoints
from generators.pairs import ViewSampler

# Methods that keep what they know in different ways; the contract test resumes every one, once.
METHODS = ("combined", "combined_across", "contrastive", "moco", "byol", "ada_gvae", "factor_vae", "untrained")
EVERY = [*METHODS, *PLUGINS]


@pytest.fixture(scope="module")
def undisturbed():
    """name -> what 40 steps come to."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = trained(named(name))
        return known[name]

    return of


@pytest.fixture
def place(tmp_path):
    return tmp_path / "run" / "checkpoint.safetensors"


def killed(name, place, at, later):
    with pytest.raises(KilledError):
        trained(named(name), Scripted(place, (at,), at + later))


@pytest.mark.parametrize("third", range(3))
@pytest.mark.parametrize("name", EVERY)
def test_killed_and_resumed_it_ends_with_the_same_bits(name, third, place, undisturbed):
    draw = random.Random(f"{name} {third}")
    at = draw.randint(1, PRESET.steps // 3 - 1) + third * PRESET.steps // 3
    if undisturbed(name).training.parameters:
        killed(name, place, at, draw.randint(1, PRESET.steps - 1 - at))
    checkpoints = Scripted(place)
    again = trained(named(name), checkpoints)
    again.same_as(undisturbed(name))
    if again.training.parameters:
        assert checkpoints.lines == [f"training goes on from step {at}, by the checkpoint {place}"]


@pytest.mark.parametrize("name", EVERY)
def test_checkpoints_do_not_change_what_is_trained(name, place, undisturbed):
    trained(named(name), Scripted(place, range(0, 40, 3))).same_as(undisturbed(name))


def test_it_may_be_killed_again_and_again(place, undisturbed):
    for step in (1, 2, 11, 24, 25, 26, 38):
        killed("combined", place, step, 1)
    trained(named("combined"), Scripted(place)).same_as(undisturbed("combined"))


def test_the_rates_of_the_schedule_go_on(place):
    rates = []

    class Noting(Plugin):
        def optimisers(self):
            self.held = torch.optim.Adam(
                [{"params": self.encoder[1][0].parameters()}, {"params": self.encoder[1][1:].parameters(), "lr": 0.02}]
            )
            return [self.held]

        def after_step(self):
            rates.append([group["lr"] for group in self.held.param_groups])

    whole = trained(Noting)
    undisturbed, rates[:] = rates[:], []
    with pytest.raises(KilledError):
        trained(Noting, Scripted(place, (13,), 17))
    rates[:] = rates[:13]
    trained(Noting, Scripted(place)).same_as(whole)
    assert rates == undisturbed


def test_a_finished_training_is_not_done_again(place, undisturbed, monkeypatch):
    trained(named("combined"), Scripted(place))
    monkeypatch.setattr(named("combined"), "training_step", None)
    told = []
    checkpoints = Scripted(place)
    again = trained(named("combined"), checkpoints, progress=lambda done, total: told.append((done, total)))
    again.same_as(undisturbed("combined"))
    assert told == [(40, 40)]
    assert checkpoints.lines == [f"training goes on from step 40, by the checkpoint {place}"]


def test_progress_goes_on_where_it_was(place):
    killed("Numbers", place, 30, 1)
    told = []
    trained(named("Numbers"), Scripted(place), progress=lambda done, total: told.append((done, total)))
    assert told == [(30, 40), (40, 40)]


def test_time_and_clips_of_all_sittings_are_added_up(place):
    killed("Numbers", place, 30, 1)
    with safe_open(place, "pt") as file:
        sums = json.loads(file.metadata()["state"])["sums"]
    assert sums["clips"] == 30 * PRESET.examples * 2
    assert 0 < sums["waiting"] < sums["seconds"]
    assert 0 <= sums["idle_share"] <= 1
    training = trained(named("Numbers"), Scripted(place)).training
    assert training.clips == PRESET.steps * PRESET.examples * 2
    assert training.seconds > sums["seconds"]
    assert training.waiting > sums["waiting"]


def test_the_time_between_checkpoints_is_that_of_a_clock_that_runs_on(place, monkeypatch):
    """A step takes a second of this clock; after every seven there is a checkpoint, and there is one at the end."""
    seconds, written = [0.0], []

    class Clocked(Checkpoints):
        def write(self, log):
            written.append(log.step)
            super().write(log)

    class Slow(Plugin):
        def after_step(self):
            seconds[0] += 1

    monkeypatch.setattr("benchmark.checkpoint.time.monotonic", lambda: seconds[0])
    trained(Slow, Clocked(place, "run", 7, print))
    assert written == [7, 14, 21, 28, 35, 40]


def test_any_place_will_do(undisturbed):
    place = UPath("memory://runs/one/checkpoint.safetensors")
    killed("combined", place, 21, 4)
    trained(named("combined"), Scripted(place)).same_as(undisturbed("combined"))
    Scripted(place).remove()
    assert not place.exists()


def test_removing_it_leaves_nothing_and_may_be_repeated(place):
    trained(named("Numbers"), checkpoints := Scripted(place))
    place.with_name(f".{place.name}.0123.tmp").write_bytes(b"half")
    checkpoints.remove()
    checkpoints.remove()
    assert list(place.parent.iterdir()) == []


def test_the_file_is_tensors_and_standard_json_and_no_pickle_is_read(place, undisturbed, monkeypatch):
    killed("Queue", place, 17, 2)

    def refuse(*_, **__):
        raise AssertionError("a pickle is read")

    with safe_open(place, "pt") as file:
        metadata, names = file.metadata(), set(file.keys())
        assert file.get_tensor("encoder.1.0.weight").shape == (24, 72)
        history = file.get_tensor("/history")
    assert set(metadata) == {"format", "identity", "state", "sha256"}
    state = json.loads(metadata["state"], parse_constant=refuse)
    assert (state["step"], metadata["identity"]) == (17, "run")
    assert {"encoder.1.0.weight", "queue"} < names
    # The step, two terms, and the rank of each block where it was looked at.
    assert (history.dtype, history.shape) == (torch.float64, (17, 5))
    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    trained(named("Queue"), Scripted(place)).same_as(undisturbed("Queue"))


def test_terms_of_some_steps_alone_are_logged_as_they_were(place):
    class Sometimes(Plugin):
        def training_step(self, batch, optimiser_index=0):
            terms = super().training_step(batch)
            return terms | {"third": terms["loss"].detach()} if round(batch.progress * PRESET.steps) % 3 == 0 else terms

    whole = trained(Sometimes)
    with pytest.raises(KilledError):
        trained(Sometimes, Scripted(place, (8,), 9))
    trained(Sometimes, Scripted(place)).same_as(whole)


def test_what_did_not_change_is_not_stored(place):
    class Remembering(Plugin):
        def prepare(self, features):
            self.features, self.window = features, features[3:90]

    trained(Remembering, Scripted(place))
    with safe_open(place, "pt") as file:
        assert not [name for name in file.keys() if "features" in name or "window" in name]  # noqa: SIM118


def test_a_small_view_of_something_large_is_stored_as_it_is_seen(place):
    class Glimpse(Plugin):
        def weight(self, codes):
            self.glimpse = torch.zeros(1_000_000)[500_000:500_010]
            return 1.0

    trained(Glimpse, Scripted(place))
    assert place.stat().st_size < 200_000


def test_the_samplers_of_views_have_no_state_to_keep():
    held = clips()
    for pairing in TASK.pairings.values():
        sampler = ViewSampler(pairing, SPACE, held.levels, held.seeds)
        before = pickle.dumps(vars(sampler))
        sampler.draw(32, 2, np.random.default_rng(0))
        assert pickle.dumps(vars(sampler)) == before


def test_other_conditions_are_not_gone_on_from(place):
    killed("Numbers", place, 9, 1)
    checkpoints = Scripted(place)
    trained(named("Numbers"), checkpoints, preset=replace(PRESET, steps=39))
    assert len(checkpoints.lines) == 1
    assert "is not used, training begins anew: it was written under {'steps': 40" in checkpoints.lines[0]
