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
from benchmark import oracles, results, run
from benchmark.metrics import table
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
    first = command("run", "--method", "mine", "oracle.copied", "combined", "--plugin", "mine.py", *TINY, cwd=folder)
    assert first.returncode == 0, first.stderr
    stored = place.read_bytes()
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
        line.startswith(
            ("  ", "✓ ", "dTones ", "combined on ", "mine on ", "oracle.copied on ", "┏", "┃", "┡", "│", "└")
        )
        for line in lines
        if line
    )


def test_the_seconds_of_the_stages_are_those_of_the_run(runs):
    """The sound is made once; each run counts it as its own, so both together are more than the command took."""
    costs = {"mine": results.read(runs.place_of("mine")).cost, "combined": results.read(runs.place).cost}
    for cost in costs.values():
        stages = ["start", "bank", "features", "train", "embed", "score", "decode", "show"]
        assert list(cost.seconds) == stages
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
    assert runs.forced.stderr == "error: diverging, seed 0: step 30: the term 'distance' is nan; nothing was stored\n"
    assert not [name for name in files_in(runs.folder) if "diverging" in name and "." not in name]
    assert "combined on phrases/timbre" in runs.forced.stdout


def test_nothing_but_results_and_artefacts_is_left(runs):
    left = [name for name in files_in(runs.folder) if "__pycache__" not in name]
    assert {name.split("/")[0] for name in left} == {"results", "artefacts", "mine.py", "diverging.py"}
    assert [name for name in left if "/." in name or name.startswith(".") or "tmp" in name] == []
    assert [name for name in left if name.endswith(".json")] == [
        f"results/{BENCHMARK_VERSION}/tiny/phrases/timbre/{method}/seed0.json"
        for method in ("combined", "mine", "oracle.copied")
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
    "option": (["--method", "combined", "--sede", "1"], "no option '--sede'; did you mean '--seeds'?"),
    "colon": (["--method", "combined", "--device", "cuda:"], "no device 'cuda:'; did you mean 'cuda'?"),
    "oracle": (["--method", "oracle.copid"], "no oracle 'oracle.copid'; did you mean 'oracle.copied'?"),
    "oracle's setting": (["--method", "oracle.half", "--set", "a=1"], "'oracle.half' is an oracle and has no settings"),
    "oracle's task": (
        ["--method", "oracle.half", "--task", "phrases/augment"],
        "oracle.half cannot do phrases/augment: the block 'private' owns no factor, so no scores are known",
    ),
    "nothing to rescore": (["--rescore"], "no results in results to score anew with these options"),
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


BROKEN = DIVERGING.replace("return {}", "return inputs.nothing").replace("Diverging", "Broken")


@pytest.fixture
def no_clips(monkeypatch):
    """No clips are made: what goes wrong before or after them is tested without them."""
    monkeypatch.setattr("benchmark.engines.features_of", lambda sound, *others: (*sound, None))


def test_a_plugin_that_cannot_be_built_is_found_before_the_clips(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.engines.features_of", None)
    (tmp_path / "broken.py").write_text(BROKEN.replace("super().__init__(trunk, blocks, settings)", "pass"))
    assert run.main(["--plugin", "broken.py", "--method", "broken", *TINY]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        "error: broken.py: begin Broken.__init__ with super().__init__(trunk, blocks, settings), line"
    )
    assert told.count("\n") == 1
    assert [file for file in files_in(tmp_path) if "__pycache__" not in file] == ["broken.py"]


def test_what_a_plugin_raises_is_one_line_that_names_its_line(tmp_path, monkeypatch, capsys, no_clips):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(BROKEN)

    def execute(run, prepared, stages):
        run.method.embed(None, 3)

    monkeypatch.setattr("benchmark.engines.execute", execute)
    assert run.main(["--plugin", "broken.py", "--method", "broken", *TINY]) == 1
    told = capsys.readouterr().err
    number = BROKEN.splitlines().index("        return inputs.nothing") + 1
    assert told == (
        f"error: broken, seed 0: broken.py, line {number}: AttributeError: 'int' object has no attribute 'nothing'\n"
    )


def test_a_mistake_of_the_suites_own_keeps_its_traceback(tmp_path, monkeypatch, no_clips):
    monkeypatch.chdir(tmp_path)

    def execute(run, prepared, stages):
        raise RuntimeError("a bug")

    monkeypatch.setattr("benchmark.engines.execute", execute)
    with pytest.raises(RuntimeError, match="a bug"):
        run.main(["--method", "untrained", *TINY])


@pytest.mark.parametrize("failing", ["numpy.savez_compressed", "tempfile.mkdtemp"])
def test_a_full_disk_at_the_end_is_one_line(failing, tmp_path, monkeypatch, capsys, no_clips):
    monkeypatch.chdir(tmp_path)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    outcome = SimpleNamespace(
        training=SimpleNamespace(history=[{"step": 0, "loss": 1.0}]),
        embeddings={"probe": {}},
        features=SimpleNamespace(roles={"probe": SimpleNamespace(levels=np.zeros((1, 4)))}),
    )
    monkeypatch.setattr("benchmark.engines.execute", lambda run, prepared, stages: outcome)
    monkeypatch.setattr(failing, full)
    assert run.main(["--method", "untrained", *TINY]) == 1
    told = capsys.readouterr().err
    place = f"artefacts/{BENCHMARK_VERSION}/tiny/phrases/timbre/untrained/seed0"
    assert told == f"error: untrained, seed 0: cannot write {place} (No space left on device); nothing was stored\n"
    assert files_in(tmp_path) == []


def test_a_method_that_declines_a_task_is_left_out_of_all_and_refused_by_name(monkeypatch, capsys):
    cls = registry.load("logmel")
    monkeypatch.setattr(cls, "declines", classmethod(lambda cls, blocks, views: f"{len(blocks)} blocks are too many"))
    runs = run.plan(run.arguments(["--method", "all"]))
    assert [one.label for one in runs] == [name for name in registry.names() if name != "logmel"]
    assert capsys.readouterr().out == "logmel is left out, for it cannot do phrases/timbre: 2 blocks are too many\n"
    with pytest.raises(ValueError, match="logmel cannot do phrases/timbre: 2 blocks are too many"):
        run.plan(run.arguments(["--method", "all", "logmel"]))


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
