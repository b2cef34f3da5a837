import subprocess

import numpy as np
import pytest
import torch

from baselines import registry
from benchmark import execution, oracles
from benchmark.features import front_end_of
from benchmark.metrics import table
from benchmark.record import checked_out
from benchmark.score import Codes
from benchmark.scoring import scores_of
from benchmark.source import ROOT
from benchmark.tasks import PRESETS


def test_a_run_knows_the_commit_of_the_checkout():
    described = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    commit = checked_out()
    assert commit is None if described.returncode else commit.rstrip("+") == described.stdout.strip()


def test_where_git_is_missing_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checked_out() is None


@pytest.fixture(scope="module")
def rows(small):
    """(metric, block, factor) -> value of the aligned oracle, on a third of the grid for each role."""
    order = np.random.default_rng(1).permutation(small.space.size)
    one = oracles.oracle("aligned")
    probe, test = (
        Codes(levels, one(levels, small.space.names, small.space.n_levels, small.task.blocks, 0))
        for levels in (small.space.levels_at(order[:2304]), small.space.levels_at(order[2304:4608]))
    )
    scores = scores_of(small.task, small.space, probe, test, torch.device("cpu"), lambda done, total: None)
    found = {(score.metric, score.block, score.factor): score.value for score in scores}
    assert len(found) == len(scores)
    return found


def test_every_score_has_a_name_of_the_table(rows):
    named = {*table.METRICS, *table.BY_FACTOR, *table.BY_BLOCK, *table.BY_DIMENSION}
    assert {metric for metric, _, _ in rows} == named


def test_an_aligned_code_has_what_can_be_known_of_it(rows, small):
    """One standardised number a factor, each in its own block."""
    for factor in small.space.names:
        own, other = ("shared", "private") if factor == "timbre" else ("private", "shared")
        assert rows[table.ABOVE_CHANCE, own, factor] > 0.98
        assert abs(rows[table.ABOVE_CHANCE, other, factor]) < 0.05
        assert 0 <= rows[table.LEAKAGE, own, factor] < 0.1
        assert rows[table.EQUIVARIANCE_CHANGE, "all", factor] > 0.9
    assert {factor for metric, _, factor in rows if metric == table.ORDINAL_R2} == {"pitch", "loudness"}
    assert rows[table.ORDINAL_R2, "all", "pitch"] > 0.99
    for block in ("shared", "private"):
        assert rows[table.INVARIANCE, block, None] > 0.99
    assert rows[table.CKA_EXCESS, None, None] < 0.02
    for metric in (table.DCI_DISENTANGLEMENT, table.DCI_COMPLETENESS, table.MODULARITY, table.INFOM, table.INFOC):
        assert rows[metric, "all", None] > 0.9, metric
    assert rows[table.DCI_INFORMATIVENESS, "all", None] > 0.95
    assert rows[table.MIG, "all", None] > 0.8


def test_the_ranked_rows_are_those_of_the_score_alone(rows):
    for metric in (table.PRESERVATION, table.DISENTANGLEMENT, table.BALANCE):
        assert rows[metric, None, None] == pytest.approx(1.0, abs=0.03)


def run_of(small, method, settings, seed=3):
    label = method.label if settings is None else "combined"
    return execution.Run(small.task, PRESETS["tiny"], label, method, ROOT, settings, seed, torch.device("cpu"))


def test_an_oracle_is_given_the_levels_and_learns_nothing(small):
    one = oracles.oracle("copied")
    run = run_of(small, one, None)
    codes = execution._embedded(run, None, {"test": small.clips}, small.space, lambda *_: None, pytest.fail)["test"]
    expected = one(small.clips.levels, small.space.names, small.space.n_levels, small.task.blocks, 3)
    assert set(codes) == {"shared", "private"}
    for block, values in codes.items():
        assert np.array_equal(values.numpy(), expected[block])
    assert execution.build(run, front_end_of("phrases")) is None


def test_a_method_is_built_from_its_seed_before_there_is_any_sound(small, monkeypatch, seeded):
    monkeypatch.setattr("generators.load", None)
    chosen, shape = registry.load("combined"), front_end_of("phrases")
    one, same, other = (execution.build(run_of(small, chosen, chosen.Settings(), seed), shape) for seed in (3, 3, 4))
    one, same, other = (torch.cat([p.flatten() for p in method.parameters()]) for method in (one, same, other))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    before = torch.random.get_rng_state()
    execution.check_builds([run_of(small, chosen, chosen.Settings())], shape)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_needs_nothing_of_what_keeps_features():
    text = (ROOT / "benchmark" / "execution.py").read_text()
    assert "feature_store" not in text
    assert "generators.load" not in text
