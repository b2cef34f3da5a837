"""The command line as a user runs it, in a process of its own, on the preset `tiny`."""

import csv
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from plugins import DIVERGING, MINE, TINY, files_in

import generators
from baselines import registry
from benchmark import oracles, results
from benchmark.metrics import table
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.tasks import PRESETS
from benchmark.version import BENCHMARK_VERSION
from generators.splits import iid

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory, command):
    """One folder, three commands: a run beside a plugin; the run again; again by force, beside one that diverges."""
    folder = tmp_path_factory.mktemp("runs")

    def place_of(method):
        return results.path(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", method, 0)

    place = place_of("combined")
    (folder / "mine.py").write_text(MINE)
    (folder / "diverging.py").write_text(DIVERGING)
    first = command("run", "--method", "combined", *TINY, cwd=folder)
    assert first.returncode == 0, first.stderr
    stored = place.read_bytes()
    many = command("run", "--method", "mine", "oracle.copied", "combined", "--plugin", "mine.py", *TINY, cwd=folder)
    assert many.returncode == 0, many.stderr
    again = command("run", "--method", "combined", *TINY, cwd=folder)
    stored_again = place.read_bytes()
    forced = command(
        "run", "--method", "diverging", "combined", "--plugin", "diverging.py", "--force", *TINY, cwd=folder
    )
    before = place_of("oracle.copied").read_bytes()
    rescored = command("run", "--rescore", "--method", "oracle.copied", "--device", "cpu", cwd=folder)
    return SimpleNamespace(
        rescored=rescored,
        unchanged=before == place_of("oracle.copied").read_bytes(),
        folder=folder,
        place_of=place_of,
        place=place,
        artefacts=results.artefact_dir(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "combined", 0),
        first=first,
        many=many,
        stored=stored,
        again=again,
        stored_again=stored_again,
        forced=forced,
    )


def test_help_is_there_within_a_second_and_needs_no_torch(command, tmp_path):
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        helped = command("run", "--help", cwd=tmp_path)
        seconds.append(time.perf_counter() - begun)
    assert helped.returncode == 0
    for option in (
        "--method",
        "--task",
        "--preset",
        "--seeds",
        "--device",
        "--set",
        "--plugin",
        "--results",
        "--force",
        "--rescore",
        "--runs",
        "--dry-run",
        "--engine",
        "--workers",
        "--address",
        "--time-limit",
        "--memory-limit",
    ):
        assert option in helped.stdout
    assert statistics.median(seconds) < 1.5  # a second on a quiet machine
    code = (
        "import sys; from benchmark import run\n"
        "try: run.main(['--help'])\n"
        "except SystemExit: print([name for name in ('torch', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    inside = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert inside.stdout.splitlines()[-1] == "[]"


def test_a_run_writes_its_result_and_shows_it(runs):
    result = results.read(runs.place)
    assert (result.method, result.task, result.preset, result.seed) == ("combined", "phrases/timbre", "tiny", 0)
    assert result.family == "combined"
    assert result.blocks == {"shared": ["timbre"], "private": ["pitch", "loudness", "rhythm"]}
    assert result.settings == registry.load("combined").Settings().model_dump()
    shown = runs.first.stdout[runs.first.stdout.index("combined on phrases/timbre, preset tiny, seed 0") :]
    for letter, metric in (("P", "preservation"), ("D", "disentanglement"), ("B", "balance")):
        assert re.search(rf"^  {letter} {result.value(metric):.3f} ", shown, re.MULTILINE), metric
    for factor in ("timbre", "pitch", "loudness", "rhythm"):
        cells = [result.value("accuracy", block, factor) for block in ("shared", "private", "all")]
        line = next(line for line in shown.splitlines() if factor in line and "│" in line)
        assert re.findall(r"0\.\d{3}|1\.000", line) == [
            f"{cell:.3f}" for cell in [*cells, result.value("chance", factor=factor)]
        ]
    assert str(runs.place.relative_to(runs.folder)) in shown
    assert str((runs.artefacts / "swap.png").relative_to(runs.folder)) in shown
    assert runs.first.stderr == ""


def test_lines_of_output_that_is_no_terminal_are_not_broken(runs):
    lines = runs.first.stdout.splitlines()
    assert any(line.startswith("  seconds ") and " total " in line for line in lines)
    assert all(
        line.startswith(("  ", "✓ ", "dTones ", "combined on ", "┏", "┃", "┡", "│", "└")) for line in lines if line
    )


def test_the_seconds_of_the_stages_are_those_of_the_run(runs):
    costs = {"mine": results.read(runs.place_of("mine")).cost, "combined": results.read(runs.place).cost}
    for cost in costs.values():
        stages = ["start", "features", "train", "embed", "decode", "score", "show"]
        assert [stage for stage in cost.seconds if stage != "bank"] == stages
        assert 0.85 * cost.total_seconds < sum(cost.seconds.values()) <= cost.total_seconds
        assert cost.peak_memory_bytes > 100 * 2**20
    assert costs["mine"].clips_per_second == costs["mine"].wait_share == 0
    assert costs["mine"].device_idle_share is None
    assert costs["combined"].clips_per_second > 0
    assert 0 < costs["combined"].wait_share < 1
    assert 0 <= costs["combined"].device_idle_share < 1


def test_many_runs_are_told_line_by_line_and_as_a_table(runs):
    """The plan; a line for each that ends; a table of all, those that were there among them."""
    lines = runs.many.stdout.splitlines()
    assert re.fullmatch(r"3 runs; 1 there already; 2 to do, about \d+ s(, 2 at once)?", lines[1])
    for method in ("mine", "oracle.copied"):
        told = [line for line in lines if re.match(rf"\[[12]/2\] {method} on phrases/timbre, seed 0: P ", line)]
        assert len(told) == 1
        result = results.read(runs.place_of(method))
        assert f"B {result.value('balance'):.3f}" in told[0]
    for method in ("mine", "oracle.copied", "combined"):
        (row,) = [line for line in lines if line.startswith("│") and f" {method} " in line]
        result = results.read(runs.place_of(method))
        for metric in ("preservation", "disentanglement", "balance"):
            assert f"{result.value(metric):.3f}" in row
    assert runs.many.stderr == ""


def test_the_plan_alone(runs, command):
    before = files_in(runs.folder)
    told = command("run", "--method", "combined", "--seeds", "0", "1", *TINY, "--dry-run", cwd=runs.folder)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[1].startswith("2 runs; 1 there already; 1 to do, about ")
    stored = results.read(runs.place).id
    assert lines[2] == f"  {stored[:12]}  combined on phrases/timbre, seed 0, tiny: there"
    assert re.fullmatch(r"  [0-9a-f]{12}  combined on phrases/timbre, seed 1, tiny: to do, about \d+ s", lines[3])
    assert files_in(runs.folder) == before


def test_a_run_leaves_its_pictures_losses_and_embeddings(runs):
    names = ["decoded.npz", "information.png", "losses.csv", "probe.npz", "swap.png", "test.npz"]
    assert sorted(path.name for path in runs.artefacts.iterdir()) == names
    for name in ("information.png", "swap.png"):
        assert (runs.artefacts / name).read_bytes().startswith(PNG)
    with (runs.artefacts / "losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(PRESETS["tiny"].steps))
    # A term that a step did not log is empty; the loss is always there.
    assert all(np.isfinite(float(value)) for row in rows for value in row.values() if value)
    assert all(row["loss"] for row in rows)
    space = generators.space("phrases")
    for role in ("probe", "test"):
        with np.load(runs.artefacts / f"{role}.npz") as arrays:
            assert set(arrays) == {"levels", "shared", "private"}
            combinations = np.repeat(iid(space)[role], PRESETS["tiny"].clips[role])
            assert np.array_equal(arrays["levels"], space.levels_at(combinations))
            assert len(arrays["shared"]) == len(arrays["private"]) == len(combinations)
            assert arrays["shared"].dtype == np.float32  # as they were scored


def test_the_same_command_again_shows_what_is_there_and_computes_nothing(runs):
    assert runs.again.returncode == 0, runs.again.stderr
    assert "combined on phrases/timbre, seed 0: there already, not computed again (--force does)" in runs.again.stdout
    assert runs.stored_again == runs.stored
    assert "training" not in runs.again.stdout.split("there already")[0]
    table = runs.first.stdout[runs.first.stdout.rindex("  P ") :]
    assert table == runs.again.stdout[runs.again.stdout.index("  P ") :]


def test_by_force_it_is_computed_again_to_the_last_digit(runs):
    before, after = json.loads(runs.stored), json.loads(runs.place.read_bytes())
    assert before["cost"] != after["cost"]  # it was computed
    assert before["scores"] == after["scores"]


def test_a_plugin_runs_beside_the_others(runs):
    result = results.read(runs.place_of("mine"))
    assert result.family == "other"
    assert result.cost.parameters == 0
    # Levels by band tell timbre, levels by frame tell rhythm: what is in neither block is near chance.
    assert result.value("information", "private", "rhythm") > 0.5 > result.value("information", "shared", "rhythm")
    assert result.value("information", "shared", "timbre") > result.value("information", "private", "timbre")
    artefacts = results.artefact_dir(runs.folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "mine", 0)
    assert sorted(path.name for path in artefacts.iterdir()) == ["information.png", "probe.npz", "test.npz"]


def test_an_oracle_runs_as_methods_do(runs):
    result = results.read(runs.place_of("oracle.copied"))
    assert (result.family, result.settings, result.cost.parameters) == ("oracle", {}, 0)
    expected = oracles.oracle("copied").expected(result.blocks)
    found = tuple(result.value(metric) for metric in ("preservation", "disentanglement", "balance"))
    assert found == pytest.approx(expected, abs=0.03)
    assert "train" not in result.cost.seconds
    # Everything that is measured of a method without a decoder is measured of it.
    mine = results.read(runs.place_of("mine"))
    assert [(s.metric, s.block, s.factor) for s in result.scores] == [
        (s.metric, s.block, s.factor) for s in mine.scores
    ]


def test_what_is_measured_with_a_decoder(runs):
    result = results.read(runs.place)
    for metric in table.FROM_THE_MODEL:
        assert result.value(metric) <= 1
    mine = {score.metric for score in results.read(runs.place_of("mine")).scores}
    assert mine & set(table.FROM_THE_MODEL) == {"standard_decoder_r2"}


def test_kept_embeddings_are_scored_to_the_same_last_digit(runs):
    assert runs.rescored.returncode == 0, runs.rescored.stderr
    assert runs.rescored.stdout.splitlines()[-1] == (
        "oracle.copied on phrases/timbre, tiny, seed 0: the same to the last digit"
    )
    assert runs.unchanged
    assert "✓ training" not in runs.rescored.stdout


def test_a_loss_that_is_no_number_stops_its_run_alone_and_stores_nothing(runs):
    assert runs.forced.returncode == 1
    said = "diverging on phrases/timbre, seed 0: step 30: the term 'distance' is nan; nothing was stored"
    assert (
        f"1 failed; the same command tries them again, and goes on where they stopped:\n  {said}" in runs.forced.stdout
    )
    log = re.search(r"^    log: (.*)$", runs.forced.stdout, re.MULTILINE)[1]
    assert "DivergedError: step 30" in Path(log).read_text()
    assert not [name for name in files_in(runs.folder) if "/diverging" in name]
    assert "combined on phrases/timbre, seed 0: P " in runs.forced.stdout


def test_nothing_but_results_and_artefacts_is_left(runs):
    left = [name for name in files_in(runs.folder) if "__pycache__" not in name]
    assert {name.split("/")[0] for name in left} == {"results", "artefacts", "mine.py", "diverging.py"}
    unfinished = "artefacts/.unfinished"  # of the one that failed
    assert len([name for name in left if name.startswith(unfinished) and name.endswith("/log.txt")]) == 1
    left = [name for name in left if not name.startswith(unfinished)]
    assert [name for name in left if "/." in name or name.startswith(".") or "tmp" in name] == []
    assert [name for name in left if name.endswith(".json")] == [
        f"results/{BENCHMARK_VERSION}/tiny/phrases/timbre/{method}/seed0.json"
        for method in ("combined", "mine", "oracle.copied")
    ]


def test_a_result_of_other_code_is_made_anew(runs, tmp_path):
    """Neither reused nor counted: its id is not that of today's run."""
    stored = results.read(runs.place)
    fields = stored.model_dump(include=set(results.DECISIVE)) | {"source_hash": "of other code"}
    old = stored.model_copy(update={"source_hash": "of other code", "id": results.identity(fields)})
    results.write(old, tmp_path)
    again = plan([Request(method="combined", preset="tiny")], tmp_path)
    assert (len(again.stale), len(again.todo), again.there) == (1, 1, {})
