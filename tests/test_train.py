import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from watching import BLOCKS, SHORT, Watching, quiet, sparse, trained

from baselines import registry
from baselines.contract import Method
from benchmark.features import Clips
from benchmark.tasks import load_task
from benchmark.train import CHECK_EVERY, ContractError, DivergedError, check_able, rate, train


def test_the_schedule_by_hand():
    """20 steps: two of warm-up, then half a cosine over eighteen."""
    assert rate(0, 20) == 0.5
    assert rate(1, 20) == 1
    assert rate(2, 20) == 1
    assert rate(11, 20) == pytest.approx(0.5)
    assert rate(8, 20) == pytest.approx(0.5 * (1 + math.cos(math.pi / 3)))
    assert rate(20, 20) == pytest.approx(0)
    assert [rate(step, 1) for step in range(2)] == [1, 1]  # a single step is all warm-up


def test_the_rate_of_the_schedule_reaches_the_optimiser(small):
    rates = []

    class Noting(Watching):
        def optimisers(self):
            self.held = torch.optim.SGD(self.parameters(), 0.5)
            return [self.held]

        def after_step(self):
            rates.append(self.held.param_groups[0]["lr"])

    trained(Noting, small, replace(SHORT, steps=20))
    assert rates == pytest.approx([0.5 * rate(step, 20) for step in range(20)])


def test_the_budget_is_what_the_preset_says(small):
    method, training = trained(Watching, small)
    assert len(method.seen) == SHORT.steps == len(training.history)
    assert all(batch.views.shape[:2] == (SHORT.examples, 2) for batch in method.seen)
    assert training.clips == SHORT.steps * SHORT.examples * 2
    assert [row["step"] for row in training.history] == list(range(SHORT.steps))
    assert [batch.progress for batch in method.seen] == [step / SHORT.steps for step in range(SHORT.steps)]
    assert method.calls == ["prepare"] + ["step 0", "after"] * SHORT.steps
    assert 0 < training.waiting < training.seconds


def test_views_of_an_example_share_their_timbre_and_nothing_else(small):
    method, _ = trained(Watching, small)
    views = torch.cat([batch.views for batch in method.seen]).flatten(2)
    pool = small.clips.features.flatten(1)
    rows = torch.cdist(views[:, :, ::37].flatten(0, 1), pool[:, ::37]).argmin(1)
    assert torch.equal(pool[rows].reshape(views.shape), views)  # every view is a training clip as it is
    levels = small.clips.levels[rows.reshape(views.shape[:2]).numpy()]
    same = (levels[:, 0] == levels[:, 1]).mean(0)
    by_chance = [((np.bincount(column) / len(column)) ** 2).sum() for column in small.clips.levels.T]
    for factor, share, chance in zip(small.space.names, same, by_chance, strict=True):
        assert share == (1 if factor == "timbre" else pytest.approx(chance, abs=0.06)), factor
    assert {batch.pairing for batch in method.seen} == {"shared"}


def levels_seen(small, batches, clips=None):
    """Levels of every view, [example, view, factor], and its clip's row, [example, view]."""
    clips = small.clips if clips is None else clips
    views = torch.cat([batch.views for batch in batches]).flatten(2)[:, :, ::37]
    rows = torch.cdist(views.flatten(0, 1), clips.features.flatten(1)[:, ::37]).argmin(1).reshape(views.shape[:2])
    return clips.levels[rows.numpy()], rows.numpy()


def watched(small, task, clips=None, preset=SHORT):
    method = Watching(small.trunk, tuple(task.blocks), Method.Settings())
    training = train(method, task, small.space, small.clips if clips is None else clips, preset, 0, quiet)
    return method, training


@pytest.mark.parametrize("views", [3, 4])
def test_an_example_has_as_many_views_as_the_task_says(views, small):
    method, training = watched(small, replace(small.task, views=views))
    assert all(batch.views.shape[:2] == (SHORT.examples, views) for batch in method.seen)
    assert training.clips == SHORT.steps * SHORT.examples * views
    levels, rows = levels_seen(small, method.seen)
    assert (levels[:, :, 1] == levels[:, :1, 1]).all()
    assert len(np.unique(rows)) > 200


def test_several_pairings_take_turns_and_the_batch_says_which(small):
    task = load_task("phrases/timbre,rhythm")
    method, _ = watched(small, task)
    assert [batch.pairing for batch in method.seen] == ["shared_1", "shared_2"] * (SHORT.steps // 2)
    for block, column in (("shared_1", 1), ("shared_2", 3)):
        levels, _ = levels_seen(small, [batch for batch in method.seen if batch.pairing == block])
        same = (levels[:, 0] == levels[:, 1]).mean(0)
        assert same[column] == 1
        assert max(np.delete(same, column)) < 0.35


def test_views_of_the_diagnostics(small):
    method, _ = watched(small, load_task("phrases/identical"))
    assert all(torch.equal(batch.views[:, 0], batch.views[:, 1]) for batch in method.seen)
    method, _ = watched(small, load_task("phrases/independent"))
    levels, rows = levels_seen(small, method.seen)
    assert (rows[:, 0] == rows[:, 1]).mean() < 0.02
    assert (levels[:, 0] == levels[:, 1]).mean(0).max() < 0.25


def test_views_of_augment_are_versions_of_one_clip(small):
    """Versions: the clip and the same a little louder. The pool knows them by the seed."""
    features = torch.stack([small.clips.features, small.clips.features + 0.01], dim=1).flatten(0, 1)
    clips = Clips(small.clips.levels.repeat(2, axis=0), small.clips.seeds.repeat(2), features)
    method, _ = watched(small, load_task("phrases/augment"), clips)
    for batch in method.seen:
        apart = (batch.views[:, 0] - batch.views[:, 1]).abs()
        assert torch.allclose(apart, torch.tensor(0.01), atol=1e-4)


class Picky(Watching):
    """A method for two blocks and two views."""

    @classmethod
    def declines(cls, blocks, views):
        return None if (len(blocks), views) == (2, 2) else f"two of each, not {len(blocks)} and {views}"


def test_a_method_may_decline_a_task_before_anything_happens(small):
    three = replace(small.task, views=3)
    with pytest.raises(ContractError, match=r"^Picky cannot do phrases/timbre: two of each, not 2 and 3$"):
        check_able(Picky, three)
    with pytest.raises(ContractError, match=r"^Picky cannot do phrases/timbre,rhythm: two of each, not 3 and 2$"):
        check_able(Picky, load_task("phrases/timbre,rhythm"))
    check_able(Picky, small.task)
    check_able(Watching, three)
    method = Picky(small.trunk, BLOCKS, Method.Settings())
    with pytest.raises(ContractError, match=r"^Picky cannot do"):
        train(method, three, small.space, small.clips, SHORT, 0, quiet)
    assert method.calls == []


def test_terms_of_some_steps_alone_stand_in_the_rows_of_those_steps(small):
    class Sometimes(Watching):
        def training_step(self, batch, optimiser_index=0):
            terms = super().training_step(batch)
            number = len(self.seen) - 1
            return terms | {"third": torch.tensor(float(number))} if number % 3 == 0 else terms

    _, training = trained(Sometimes, small)
    for step, row in enumerate(training.history):
        assert list(row) == ["step", "loss", "part"] + ["third"] * (step % 3 == 0)
        assert row["step"] == step
        assert row.get("third", step) == step


def test_a_term_of_one_step_that_is_not_finite_is_found(small):
    class Breaking(Watching):
        def training_step(self, batch, optimiser_index=0):
            terms = super().training_step(batch)
            return terms | {"odd": torch.tensor(math.nan)} if len(self.seen) == 31 else terms

    with pytest.raises(DivergedError, match=r"^step 30: the term 'odd' is nan; nothing was stored$"):
        trained(Breaking, small)


@pytest.mark.parametrize("name", ["combined", "contrastive"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(name, small):
    cls = registry.load(name)
    (one, first), (two, second), (three, third) = (trained(cls, small, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert first.history == second.history
    assert not any(torch.equal(a, b) for a, b in zip(one.parameters(), three.parameters(), strict=True) if a.ndim > 1)
    assert first.history != third.history


@pytest.mark.parametrize("step", [0, CHECK_EVERY - 1, CHECK_EVERY, CHECK_EVERY + 6, SHORT.steps - 1])
@pytest.mark.parametrize(("value", "said"), [(float("nan"), "nan"), (float("inf"), "inf")])
def test_a_term_that_is_not_finite_stops_it_naming_step_and_term(small, step, value, said):
    class Breaking(Watching):
        def training_step(self, batch, optimiser_index=0):
            terms = super().training_step(batch)
            if len(self.seen) >= step + 1:
                terms["part"] = torch.tensor(value)
                terms["loss"] = terms["loss"] + value
            return terms

    with pytest.raises(DivergedError, match=f"^step {step}: the term 'part' is {said}; nothing was stored$"):
        trained(Breaking, small)


def test_a_loss_that_alone_is_not_finite_is_named_loss(small):
    class Breaking(Watching):
        def training_step(self, batch, optimiser_index=0):
            return {"loss": self.number / 0, "part": torch.ones(())}

    with pytest.raises(DivergedError, match="step 0: the term 'loss' is inf"):
        trained(Breaking, small)


@pytest.mark.parametrize("terms", [{}, {"error": torch.ones(())}, {"loss": torch.ones(3)}])
def test_a_step_without_a_scalar_loss_is_told_what_is_expected(small, terms):
    class Careless(Watching):
        def training_step(self, batch, optimiser_index=0):
            return terms

    with pytest.raises(ContractError, match='must return scalars, "loss" among them; got the shapes'):
        trained(Careless, small)


def test_several_optimisers_each_take_their_step_and_move_only_what_is_theirs(small):
    class Two(Watching):
        def __init__(self, trunk, blocks, settings):
            super().__init__(trunk, blocks, settings)
            self.other = nn.Parameter(torch.ones(()))

        def optimisers(self):
            return [torch.optim.SGD([self.number], 0.1), torch.optim.SGD([self.other], 0.0)]

        def training_step(self, batch, optimiser_index=0):
            self.calls.append(f"step {optimiser_index}")
            return {"loss": self.number.square() + self.other.square()}

    method, training = trained(Two, small, replace(SHORT, steps=5))
    assert method.calls == ["prepare"] + ["step 0", "step 1", "after"] * 5
    assert method.number.item() < 1
    assert method.other.item() == 1
    assert set(training.history[0]) == {"step", "loss", "loss_1"}


@pytest.mark.parametrize("name", ["untrained", "logmel"])
def test_a_method_without_an_optimiser_is_prepared_and_left_alone(name, small):
    frames, clips, trunk = sparse(small)
    cls = registry.load(name)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        method = cls(trunk, BLOCKS, cls.Settings())
    method.prepare(frames)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    training = train(method, small.task, small.space, clips, SHORT, 0, quiet)
    assert training.history == []
    assert (training.clips, training.seconds) == (0, 0)
    after = method.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_gradients_are_clipped_to_a_norm_of_one(small):
    class Steep(Watching):
        def optimisers(self):
            return [torch.optim.SGD(self.parameters(), 1.0)]

        def training_step(self, batch, optimiser_index=0):
            return {"loss": 1e6 * self.number}

    method, _ = trained(Steep, small, replace(SHORT, steps=1))
    assert method.number.item() == pytest.approx(0, abs=1e-4)  # from 1, by a step of 1


def test_progress_is_told_to_its_end(small):
    told = []
    method = Watching(small.trunk, BLOCKS, Method.Settings())
    train(method, small.task, small.space, small.clips, SHORT, 0, lambda done, total: told.append((done, total)))
    assert told == [(25, 40), (40, 40)]


def test_training_tells_how_idle_its_processor_was(small):
    class Sleeping(Watching):
        def after_step(self):
            time.sleep(0.01)

    _, training = trained(Sleeping, small)
    assert 0.7 < training.idle_share <= 1


@pytest.mark.parametrize(
    ("name", "falls"),
    [("combined", {"reconstruction": 0.5, "contrast": 0.8}), ("contrastive", {"shared": 0.8, "private": 0.92})],
)
def test_training_makes_the_terms_fall(name, falls, small):
    """Term: the share of its start that it has to be under at the end, after 200 steps on 320 clips."""
    _, training = trained(registry.load(name), small, replace(SHORT, steps=200, examples=32))
    for term, share in falls.items():
        start = np.mean([row[term] for row in training.history[:5]])
        end = np.mean([row[term] for row in training.history[-20:]])
        assert end < share * start, f"{term}: {start:.3f} to {end:.3f}"
