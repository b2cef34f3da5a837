"""The command line as a user runs it, in a process of its own, on the preset `tiny`."""

import csv
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import generators
from baselines import registry
from benchmark import results, run
from benchmark.tasks import BENCHMARK_VERSION, PRESETS
from generators.splits import iid

TINY = ("--preset", "tiny", "--device", "cpu")
PNG = b"\x89PNG\r\n\x1a\n"

MINE = '''"""Four band levels and four frame levels."""
from baselines.contract import Method

class Mine(Method):
    def optimisers(self):
        return []

    def embed(self, inputs):
        return {"shared": inputs.mean(1)[:, ::16], "private": inputs.mean(2)[:, ::8]}
'''

DIVERGING = '''"""Its loss has no number from step 30 on."""
import torch
from baselines.contract import Method

class Diverging(Method):
    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(4)
        self.step = 0

    def training_step(self, batch, optimiser_index=0):
        distance = self.encoder(batch.views.flatten(0, 1)).square().mean()
        if self.step == 30:
            distance = distance * float("nan")
        self.step += 1
        return {"loss": distance, "distance": distance}

    def embed(self, inputs):
        return {}
'''

SLOW = '''"""Trains for an hour, and says when it has begun."""
import time
from pathlib import Path
from baselines.contract import Method

class Slow(Method):
    def prepare(self, features):
        self.trunk_encoder = self.trunk.encoder(4)

    def training_step(self, batch, optimiser_index=0):
        Path("begun").touch()
        time.sleep(60)

    def embed(self, inputs):
        return {}
'''


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def started(folder, *arguments):
    """A run that can be interrupted, even where the tests run in the background of a shell, which ignores SIGINT."""
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('benchmark.run', run_name='__main__', alter_sys=True)"
    )
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, command):
    """One folder, three commands: a run beside a plugin; the run again; again by force, beside one that diverges."""
    folder = tmp_path_factory.mktemp("runs")

    def place_of(method):
        return results.path(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", method, 0)

    place = place_of("combined")
    (folder / "mine.py").write_text(MINE)
    (folder / "diverging.py").write_text(DIVERGING)
    first = command("run", "--method", "mine", "combined", "--plugin", "mine.py", *TINY, cwd=folder)
    assert first.returncode == 0, first.stderr
    stored = place.read_bytes()
    again = command("run", "--method", "combined", *TINY, cwd=folder)
    stored_again = place.read_bytes()
    forced = command(
        "run", "--method", "diverging", "combined", "--plugin", "diverging.py", "--force", *TINY, cwd=folder
    )
    return SimpleNamespace(
        folder=folder,
        place_of=place_of,
        place=place,
        artefacts=results.artefact_dir(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "combined", 0),
        first=first,
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
        line.startswith(("  ", "✓ ", "dTones ", "combined on ", "mine on ", "┏", "┃", "┡", "│", "└"))
        for line in lines
        if line
    )


def test_the_seconds_of_the_stages_are_those_of_the_run(runs):
    """The sound is made once; each run counts it as its own, so both together are more than the command took."""
    costs = {"mine": results.read(runs.place_of("mine")).cost, "combined": results.read(runs.place).cost}
    for cost in costs.values():
        assert list(cost.seconds) == ["start", "bank", "features", "train", "embed", "score", "show"]
        assert 0.85 * cost.total_seconds < sum(cost.seconds.values()) <= cost.total_seconds
        assert cost.peak_memory_bytes > 100 * 2**20
    assert costs["mine"].clips_per_second == costs["mine"].wait_share == 0
    assert costs["combined"].clips_per_second > 0
    assert 0 < costs["combined"].wait_share < 1


def test_a_run_leaves_its_pictures_losses_and_embeddings(runs):
    names = ["information.png", "losses.csv", "probe.npz", "swap.png", "test.npz"]
    assert sorted(path.name for path in runs.artefacts.iterdir()) == names
    for name in ("information.png", "swap.png"):
        assert (runs.artefacts / name).read_bytes().startswith(PNG)
    with (runs.artefacts / "losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(PRESETS["tiny"].steps))
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    space = generators.space("phrases")
    for role in ("probe", "test"):
        with np.load(runs.artefacts / f"{role}.npz") as arrays:
            assert set(arrays) == {"levels", "shared", "private"}
            combinations = np.repeat(iid(space)[role], PRESETS["tiny"].clips[role])
            assert np.array_equal(arrays["levels"], space.levels_at(combinations))
            assert len(arrays["shared"]) == len(arrays["private"]) == len(combinations)
            assert arrays["shared"].dtype == np.float16


def test_the_same_command_again_shows_what_is_there_and_computes_nothing(runs):
    assert runs.again.returncode == 0, runs.again.stderr
    assert "combined, seed 0: there already, not computed again (--force does)" in runs.again.stdout
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
    assert runs.first.stderr == ""
    assert sorted(path.name for path in artefacts.iterdir()) == ["information.png", "probe.npz", "test.npz"]


def test_a_loss_that_is_no_number_stops_its_run_alone_and_stores_nothing(runs):
    assert runs.forced.returncode == 1
    assert runs.forced.stderr == "error: diverging, seed 0: step 30: the term 'distance' is nan; nothing was stored\n"
    assert not [name for name in files_in(runs.folder) if "diverging" in name and "." not in name]
    assert "combined on phrases/timbre" in runs.forced.stdout


def test_nothing_but_results_and_artefacts_is_left(runs):
    left = [name for name in files_in(runs.folder) if "__pycache__" not in name]
    assert {name.split("/")[0] for name in left} == {"results", "artefacts", "mine.py", "diverging.py"}
    assert [name for name in left if "/." in name or name.startswith(".") or "tmp" in name] == []
    assert [name for name in left if name.endswith(".json")] == [
        f"results/{BENCHMARK_VERSION}/tiny/phrases/timbre/{method}/seed0.json" for method in ("combined", "mine")
    ]


def test_a_finished_result_says_where_the_code_has_changed_since(runs, tmp_path, capsys):
    stored = json.loads(runs.stored)
    place = results.path(tmp_path, BENCHMARK_VERSION, "tiny", "phrases/timbre", "combined", 0)
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(stored | {"source_hash": "0"}))
    assert run.main(["--method", "combined", *TINY, "--results", str(tmp_path)]) == 0
    assert "not computed again (--force does); the code has changed since\n" in capsys.readouterr().out


BAD = {
    "method": (["--method", "combned"], "no method 'combned'; did you mean 'combined'?"),
    "task": (["--method", "combined", "--task", "phrases/tmbre"], "did you mean 'timbre'?"),
    "preset": (["--method", "combined", "--preset", "quik"], "no preset 'quik'; did you mean 'quick'?"),
    "device": (["--method", "combined", "--device", "cdua"], "no device 'cdua'; did you mean 'cuda'?"),
    "setting": (["--method", "combined", "--set", "temprature=1"], "did you mean 'temperature'?"),
    "range": (
        ["--method", "combined", "--set", "learning_rate=7"],
        "learning_rate is 7; expected a number > 0 and <= 1",
    ),
    "type": (
        ["--method", "combined", "--set", "block_dims=x"],
        "block_dims is 'x'; expected an integer >= 1 and <= 128",
    ),
    "set twice": (
        ["--method", "combined", "--set", "block_dims=4", "--set", "block_dims=8"],
        "gives 'block_dims' twice",
    ),
    "seed": (["--method", "combined", "--seeds", "-1"], "seed -1 is out of range; expected 0 to 4294967295"),
    "seed's type": (["--method", "combined", "--seeds", "one"], "argument --seeds: invalid int value: 'one'"),
    "no method": ([], "the following arguments are required: --method"),
    "option": (["--method", "combined", "--sede", "1"], "unrecognized arguments: --sede 1"),
    "plugin": (["--method", "mine", "--plugin", "mine.py"], "no plugin file 'mine.py'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_gets_one_line_and_status_2_and_leaves_nothing(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, message = BAD[case]
    try:
        status = run.main(arguments)
    except SystemExit as exit:
        status = exit.code
    told = capsys.readouterr().err
    assert status == 2
    assert message in told
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("in_the_way", ["results", "artefacts", f"results/{BENCHMARK_VERSION}/tiny"])
def test_a_folder_that_cannot_be_written_is_found_before_training(in_the_way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    before = files_in(tmp_path)
    assert run.main(["--method", "combined", *TINY]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert told.err.startswith(f"error: cannot write in {in_the_way}/")
    assert "building the note bank" not in told.out
    assert files_in(tmp_path) == before


def test_a_mistake_in_a_process_of_its_own(tmp_path, command):
    failed = command("run", "--method", "combned", cwd=tmp_path)
    assert failed.returncode == 2
    assert re.fullmatch(r"error: no method 'combned'; did you mean 'combined'\?.*\n", failed.stderr)


def test_a_damaged_result_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    place = results.path("results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "combined", 0)
    place.parent.mkdir(parents=True)
    place.write_text("{")
    assert run.main(["--method", "combined", *TINY]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {place}: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.py", "class Mine(\n", "does not run, line 1: SyntaxError"),
        ("mine.py", "x = 1\n", "must define one Method; it defines 0"),
        ("combined.py", MINE, "takes the name of a built-in method: rename the file"),
    ],
)
def test_a_broken_plugin_gets_one_line(name, text, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert run.main(["--plugin", name, "--method", name.removesuffix(".py"), *TINY]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert [file for file in files_in(tmp_path) if "__pycache__" not in file] == [name]


def test_an_interrupt_in_training_ends_in_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    process = started(tmp_path, "--plugin", "slow.py", "--method", "slow", *TINY)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "begun").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (tmp_path / "begun").exists()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert told == "interrupted: nothing of the unfinished run was stored; the same command starts it again\n"
    assert [file for file in files_in(tmp_path) if "__pycache__" not in file] == ["begun", "slow.py"]


def test_an_interrupt_while_libraries_load_ends_in_one_line(tmp_path):
    process = started(tmp_path, "--method", "combined", *TINY)
    try:
        assert process.stdout.readline().startswith("dTones ")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, told.count("\n")) == (130, 1)
    assert told.startswith("interrupted: ")
    assert files_in(tmp_path) == []
