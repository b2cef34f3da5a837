"""Oracles that learn: they are given factors, nobody else is, and what they learn is what they must."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines import registry
from baselines.contract import Batch, Method
from benchmark import learners, options
from benchmark.features import Clips
from benchmark.tasks import PRESETS
from benchmark.train import LabelledBatch, train

BLOCKS = ("shared", "private")


def trained(small, cls, steps=150):
    preset = replace(PRESETS["tiny"], steps=steps, examples=32)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        method = cls(small.trunk, BLOCKS, cls.Settings())
        train(method, small.task, small.space, small.clips, preset, 0, lambda *_: None, labelled=True)
    return method.eval()


def test_they_are_found_by_folder_and_asked_for_as_oracles():
    assert learners.names() == ["oracle.masked", "oracle.supervised"]
    chosen = options.chosen_methods(["oracles"], None)
    for name in learners.names():
        cls, source = chosen[name]
        assert cls is learners.load(name)
        assert cls.family == "oracle"
        assert source == learners.path_of(name)
        assert learners.is_one(source)
        assert registry.summary(source).endswith(".")


def test_nothing_else_is_given_factors(tmp_path):
    assert not any(learners.is_one(registry.path_of(name)) for name in registry.names())
    assert not learners.is_one(tmp_path / "supervised.py")
    link = tmp_path / "link.py"
    link.symlink_to(Path(registry.__file__))
    assert not learners.is_one(link)


class Watching(Method):
    """Notes its batches."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def told(self, task, space):
        self.owned = task.blocks

    def training_step(self, batch, optimiser_index=0):
        self.seen.append(batch)
        return {"loss": self.layer(torch.ones(1)).sum()}


def test_the_levels_of_a_batch_are_those_of_its_views(small):
    marked = Clips(small.clips.levels, small.clips.seeds, torch.from_numpy(small.clips.levels[:, None]).float())
    method, preset = Watching(small.trunk, BLOCKS, Method.Settings()), replace(PRESETS["tiny"], steps=3, examples=8)
    train(method, small.task, small.space, marked, preset, 0, lambda *_: None, labelled=True)
    for batch in method.seen:
        assert isinstance(batch, LabelledBatch)
        assert torch.equal(batch.levels, batch.views[:, :, 0].long())
    plain = Watching(small.trunk, BLOCKS, Method.Settings())
    train(plain, small.task, small.space, marked, preset, 0, lambda *_: None)
    assert {type(batch) for batch in plain.seen} == {Batch}
    assert not hasattr(plain, "owned")


def test_supervised_writes_its_answers_into_the_blocks_that_own_the_factors(small):
    method = trained(small, learners.load("oracle.supervised"))
    with torch.no_grad():
        codes = method.embed(small.clips.features)
    assert {block: code.shape[1] for block, code in codes.items()} == {"shared": 8, "private": 24 + 6 + 8}
    told, known = codes["shared"].argmax(1).numpy(), small.clips.levels[:, small.space.column("timbre")]
    assert set(np.unique(codes["shared"])) == {0.0, 1.0}
    assert (told == known).mean() > 0.9


def test_a_factor_of_many_levels_is_one_number(small):
    cls = learners.load("oracle.supervised")
    method = cls(small.trunk, BLOCKS, cls.Settings())
    method.owned, method.n_levels = {"shared": (0,), "private": (1,)}, (400, 32)
    method.heads = torch.nn.ModuleList([torch.nn.Linear(256, 400), torch.nn.Linear(256, 32)])
    with torch.no_grad():
        codes = method.embed(small.clips.features[:5])
    assert [code.shape[1] for code in codes.values()] == [1, 32]
    assert ((codes["shared"] >= 0) & (codes["shared"] < 1)).all()


def test_masked_knows_clips_that_agree_in_what_is_shared(small):
    cls = learners.load("oracle.masked")
    method = cls(small.trunk, BLOCKS, cls.Settings())
    method.told(small.task, small.space)
    column = small.space.column("timbre")
    levels = torch.zeros(2, 2, 4, dtype=torch.long)
    levels[:, :, column] = torch.tensor([[3, 3], [5, 5]])
    levels[:, :, 0] = torch.arange(4).reshape(2, 2)  # what else they are does not matter
    found = method._false_negatives(LabelledBatch(torch.zeros(2, 2, 1, 1), "shared", 0.0, levels))
    one = torch.tensor([[True, False], [False, True]])  # of two examples: each with itself
    assert torch.equal(found, one.repeat(2, 2))


@pytest.mark.parametrize("name", learners.names())
def test_they_run_from_the_command_line(command, tmp_path, name):
    done = command("run", "--method", name, "--preset", "tiny", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{name} on phrases/timbre" in done.stdout
