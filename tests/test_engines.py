import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmark import engines, oracles
from benchmark.metrics import table
from benchmark.score import Codes
from benchmark.stages import Stages
from benchmark.tasks import PRESETS, load_task


def test_the_environment_names_the_commit_of_the_checkout():
    described = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=engines.ROOT, capture_output=True, text=True, check=False
    )
    commit = engines.environment(torch.device("cpu")).commit
    assert commit is None if described.returncode else commit.rstrip("+") == described.stdout.strip()


def test_where_git_is_missing_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.environment(torch.device("cpu")).commit is None


@pytest.fixture(scope="module")
def rows(small):
    """(metric, block, factor) -> value of the aligned oracle, on a third of the grid for each role."""
    order = np.random.default_rng(1).permutation(small.space.size)
    one = oracles.oracle("aligned")
    probe, test = (
        Codes(levels, one(levels, small.space.names, small.space.n_levels, small.task.blocks, 0))
        for levels in (small.space.levels_at(order[:2304]), small.space.levels_at(order[2304:4608]))
    )
    scores = engines.scores_of(small.task, small.space, probe, test, torch.device("cpu"), lambda done, total: None)
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


def test_an_oracle_is_given_the_levels_and_learns_nothing(small):
    one = oracles.oracle("copied")
    run = engines.Run(
        small.task, None, one.label, one, None, "", None, 3, torch.device("cpu"), None
    )  # what is stored where does not matter here
    codes = engines._embedded(run, None, small.clips, small.space)
    expected = one(small.clips.levels, small.space.names, small.space.n_levels, small.task.blocks, 3)
    assert set(codes) == {"shared", "private"}
    for block, values in codes.items():
        assert np.array_equal(values.numpy(), expected[block])
    assert engines.build(run, None) is None


def test_features_follow_the_split_and_the_versions_of_the_task(monkeypatch, small):
    seen = {}
    monkeypatch.setattr(engines.features, "compute", lambda *given, **named: seen.update(named))
    task = load_task("phrases@heldout(pitch,timbre,0.2)/timbre")
    preset = replace(PRESETS["tiny"], clips={})
    stages = Stages(Console(quiet=True))
    engines.features_of((small.generator, None), task, preset, torch.device("cpu"), stages)
    assert seen == {"split": task.split, "versions": 0}
