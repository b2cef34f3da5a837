"""The README's commands and examples, as printed."""

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import generators
from benchmark import leaderboard, results, run
from benchmark import list as listing
from benchmark.plan import plan
from benchmark.run_options import requests
from benchmark.submit import __main__ as submit
from benchmark.tasks import BOARD
from benchmark.version import BENCHMARK_VERSION

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_method_runs_as_printed(tmp_path):
    [example] = [block for block in PYTHON_BLOCKS if "class MyMethod" in block]
    (tmp_path / "my_method.py").write_text(example, encoding="utf-8")
    [command] = re.findall(
        r"^    python (-m benchmark.run --plugin my_method.py .*--preset tiny)$", README, re.MULTILINE
    )
    done = subprocess.run(
        [sys.executable, *shlex.split(command)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "P 0." in done.stdout
    assert list(tmp_path.glob("results/*/tiny/phrases/timbre/my_method/seed0.json"))


def test_the_example_encoder_is_scored_as_printed_within_a_minute(tmp_path):
    [example] = [block for block in PYTHON_BLOCKS if "sample_rate = 22_050" in block]
    (tmp_path / "my_encoder.py").write_text(example, encoding="utf-8")
    [command] = re.findall(r"^    python (-m benchmark.run --plugin my_encoder.py .*)$", README, re.MULTILINE)
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *shlex.split(command)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    assert done.returncode == 0, done.stderr
    [file] = tmp_path.glob("results/*/quick/phrases/timbre/my_encoder/seed0.json")
    result = results.read(file)
    assert set(result.ranked()) == {"preservation"}
    assert result.value("information", "all", "timbre") > 0.9  # bands tell timbres apart,
    assert result.value("information", "all", "rhythm") < 0.1  # and nothing of when
    assert seconds < 180  # under 60 on two idle cores; a test may share them


def test_the_submission_shown_is_one_that_the_suite_takes(tmp_path, monkeypatch, capsys):
    """As printed, but that it runs nothing: the runs are there already, or none is asked for."""
    [example] = [block for block in PYTHON_BLOCKS if "sample_rate = 22_050" in block]
    (tmp_path / "my_encoder.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr("benchmark.batch.carried_out", lambda requests, *_: (asked.extend(requests), ([], 1))[1])
    [command] = re.findall(r"^    python -m benchmark.submit (my_encoder.py .*)$", README, re.MULTILINE)
    assert submit.main(shlex.split(command)) == 1
    assert "my_encoder keeps what a plugin promises; now the runs" in capsys.readouterr().out
    assert (asked[0].seeds, asked[0].task) == ([0, 1, 2, 3, 4], list(BOARD))


def test_the_example_of_sound_runs_as_printed():
    [example] = [block for block in PYTHON_BLOCKS if "generators.load" in block]
    names: dict = {}
    exec(example, names)
    assert tuple(names["audio"].shape) == (4, 32_000)
    assert names["levels"].dtype == np.int64
    assert len(names["score"].instruments[0].notes) == 4
    assert tuple(names["clip"].shape) == (32_000,)
    assert tuple(names["views"].shape) == (2, 32_000)
    timbres = names["their_levels"][:, 1].tolist()
    assert timbres[0] == timbres[1]


def test_every_run_command_is_one_that_the_suite_takes(monkeypatch):
    monkeypatch.chdir(ROOT)
    commands = re.findall(r"^    python -m benchmark\.run ([^#\n]*)", README, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        options = run.arguments(shlex.split(command))
        if options.plugin is None and not options.rescore:
            assert plan(requests(options), Path(options.results)).runs


def section(title):
    [text] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return text


def test_the_table_is_the_board_s():
    board = leaderboard.build(ROOT / "results")
    rows = [line for line in section("The board").splitlines() if line.startswith("|")]
    assert len(rows) >= 7
    for row in rows:
        assert row in board.splitlines(), row


def test_the_table_of_methods_is_the_registry_s():
    assert listing.methods_table() in section("The methods")


def test_the_run_shown_is_a_committed_one():
    [shown] = re.findall(r"^    +P (0\.\d{3}) preservation.*\n.*D (0\.\d{3}).*\n.*B (0\.\d{3})", README, re.MULTILINE)
    result = results.read(ROOT / "results" / BENCHMARK_VERSION / "quick/phrases/timbre/combined/seed0.json")
    metrics = ("preservation", "disentanglement", "balance")
    assert shown == tuple(f"{result.value(metric):.3f}" for metric in metrics)


def test_the_board_is_fresh():
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.leaderboard", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("space", generators.SPACES)
def test_the_sound_table_is_what_was_measured(space):
    measured = json.loads((ROOT / "results" / "sound" / f"{space}.json").read_text(encoding="utf-8"))
    found = {one["quantity"]: one for one in measured["read_back"]}
    rhythm = found.get("rhythm")
    cells = [
        f"`{space}`",
        f"{measured['clips']:,}",
        f"{found['pitch']['worst']:.2g} cents",
        str(found["timbre"]["wrong"]),
        f"{found['loudness']['worst']:.2g} LU",
        "—" if rhythm is None else f"{rhythm['mean_f']:.3f}, {rhythm['wrong']}",
        f"{max(one['bits'] for one in measured['information']):.2g}",
        "yes" if measured["reached"] else "no",
    ]
    assert f"| {' | '.join(cells)} |" in section("The sound").splitlines()
    assert (ROOT / "results" / "sound" / f"{space}.png").is_file()
    assert f"results/sound/{space}.png" in section("The sound")
