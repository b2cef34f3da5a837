"""What is computed: whatever has changed, and nothing else; by as many threads as a run has."""

import re
import shutil
import subprocess
import sys

import pytest
from faults import (
    ALONE,
    LEARNER,
    SEEDS,
    TWO,
    assert_as,
    assert_clean,
    counted,
    finish,
    learner,
    place,
    run,
    start,
    undisturbed,
    write_learner,
)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return undisturbed(tmp_path_factory.getbasetemp())


def test_each_run_of_a_command_is_computed_once(expected):
    assert counted(expected / "count") == [f"dtones_plugin_learner {seed}" for seed in SEEDS]


def test_each_of_two_workers_uses_one_thread(expected):
    """Torch's, and those of the libraries of numpy and scikit-learn; in the first run of a worker and in later ones."""
    rows = [line.split(maxsplit=3) for line in counted(expected / "threads")]
    assert len(rows) == len(SEEDS)
    assert len({process for process, *_ in rows}) == 2
    for _, of_torch, most, libraries in rows:
        assert (of_torch, most) == ("1", "1"), libraries


def test_what_has_changed_is_computed_and_nothing_else(expected, tmp_path):
    """The plugin's source, a setting, the preset: each is another run; where none of them changed, it is there."""
    folder, count = tmp_path / "runs", tmp_path / "count"
    shutil.copytree(expected, folder)
    command = (*learner(0), *ALONE)
    again = run(folder, *command, COUNT=str(count))
    assert (again.status, counted(count)) == (0, []), again.all
    assert "learner on phrases/timbre, seed 0: there already, not computed again" in again.said

    quick = run(folder, "--preset", "quick", *command, "--dry-run")
    assert quick.said.splitlines()[1].startswith("1 run; 1 to do, about "), quick.all

    before = place(folder).read_bytes()
    (folder / "learner.py").write_text(LEARNER.replace("pass", "self.encoder.weight.data *= 0.9"))
    settings = ("--set", "block_dims=16,8")
    changed = run(folder, *command, *settings, COUNT=str(count))
    assert changed.status == 0, changed.all
    assert changed.said.splitlines()[1].startswith("2 runs; 1 made by other code, to be made anew; 2 to do, ")
    assert counted(count) == ["dtones_plugin_learner 0"] * 2
    assert place(folder).read_bytes() != before
    assert place(folder, method="learner,block_dims=8").exists()
    assert all(place(folder, seed).read_bytes() == place(expected, seed).read_bytes() for seed in SEEDS[1:])

    again = run(folder, *command, *settings, COUNT=str(count))
    assert (again.status, len(counted(count))) == (0, 2), again.all


HASTY = """
import sys
from pathlib import Path
from benchmark.workplace import Workplace
for _ in range(300):
    with Workplace(Path(sys.argv[1]), "one").locked(wait=True) as mine:
        assert mine
        (Path(sys.argv[1]) / "alone").mkdir()
        (Path(sys.argv[1]) / "alone").rmdir()
"""


def test_who_waits_for_a_run_is_alone_with_it_though_its_folder_comes_and_goes(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    line = [sys.executable, "-c", HASTY, str(folder)]
    both = [subprocess.Popen(line, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=100)[1] for process in both] == ["", ""]


def test_the_same_runs_started_twice_at_once_are_done_once(expected, tmp_path):
    folder, count = write_learner(tmp_path / "runs"), tmp_path / "count"
    command = [start(folder, *learner(*SEEDS), *how, COUNT=str(count), FAULT="slow 0.02") for how in (TWO, ALONE)]
    both = [finish(process) for process in command]
    for one in both:
        assert (one.status, one.told) == (0, ""), one.all
        (row,) = [line for line in one.said.splitlines() if line.startswith("│") and " learner " in line]
        assert row.split()[-4] == "4", row
        assert len(re.findall(r"^\[[1-4]/4\] learner on ", one.said, re.MULTILINE)) == 4
    assert counted(count) == [f"dtones_plugin_learner {seed}" for seed in SEEDS]
    assert sum(one.said.count("; by another process") for one in both) == 4
    for seed in SEEDS:
        assert_as(expected, folder, seed)
    assert_clean(folder)
