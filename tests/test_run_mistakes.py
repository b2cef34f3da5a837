"""What goes wrong with a run: mistakes of its user, of a plugin, of the disk; interrupts. Each is one line."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
from plugins import DIVERGING, MINE, TINY, files_in

from benchmark import run
from benchmark.version import BENCHMARK_VERSION

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


def started(folder, *arguments):
    """A run that can be interrupted, even where the tests run in the background of a shell, which ignores SIGINT."""
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('benchmark.run', run_name='__main__', alter_sys=True)"
    )
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
    "no method": ([], "the following arguments are required: --method, or --runs with a file"),
    "precision": (["--method", "combined", "--precision", "half"], "argument --precision: invalid choice: 'half'"),
    "engine": (["--method", "combined", "--engine", "rai"], "argument --engine: invalid choice: 'rai'"),
    "workers": (["--method", "combined", "--workers", "0"], "argument --workers: '0' is no whole number from 1"),
    "time limit": (["--method", "combined", "--time-limit", "-1"], "argument --time-limit: '-1' is no number from 0"),
    "memory limit": (
        ["--method", "combined", "--memory-limit", "0"],
        "argument --memory-limit: '0' is no number above 0",
    ),
    "address": (["--method", "combined", "--address", "auto"], "--address is of a Ray cluster: add --engine ray"),
    "runs and method": (
        ["--method", "combined", "--runs", "a.yaml"],
        "--runs says what to run, so it takes no --method",
    ),
    "runs": (["--runs", "a.yaml"], "cannot read a.yaml (No such file or directory)"),
    "rescore and runs": (["--rescore", "--runs", "a.yaml"], "--rescore trains nothing, so it takes no --runs"),
    "results": (["--method", "untrained", *TINY, "--results", "nowhere://x"], "no place 'nowhere://x': "),
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


@pytest.mark.parametrize("in_the_way", ["results", "artefacts"])
def test_a_folder_that_cannot_be_written_is_found_before_training(in_the_way, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / in_the_way).write_text("a file")
    before = files_in(tmp_path)
    assert run.main(["--method", "combined", *TINY]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert told.err.startswith(f"error: cannot write in {in_the_way} ")
    assert "building the note bank" not in told.out
    assert files_in(tmp_path) == before


def test_a_reader_that_has_enough_is_no_mistake(tmp_path):
    """As in `--dry-run | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    line = [sys.executable, "-m", "benchmark.run", "--method", "untrained", *TINY, "--dry-run"]
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(line, cwd=tmp_path, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_mistake_in_a_process_of_its_own(tmp_path, command):
    failed = command("run", "--method", "combned", cwd=tmp_path)
    assert failed.returncode == 2
    assert re.fullmatch(r"error: no method 'combned'; did you mean 'combined'\?.*\n", failed.stderr)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.py", "class Mine(\n", "does not run, line 1: SyntaxError"),
        ("mine.py", "x = 1\n", "must define one Method; it defines 0"),
        ("mine.py", "\nimport generators.phrases\n", "line 2, imports 'generators.phrases', which knows the factors"),
        ("mine.py", "from benchmark import oracles\n", "line 1, imports 'benchmark', which knows the factors"),
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


EMBEDS = "return dict.fromkeys(self.blocks, self.encoder(inputs))"
BROKEN = DIVERGING.replace(EMBEDS, "return inputs.nothing").replace("Diverging", "Broken")


@pytest.fixture
def no_clips(monkeypatch):
    """No clips are made: what goes wrong before or after them is tested without them."""
    monkeypatch.setattr("benchmark.work.prepare", lambda *others: SimpleNamespace(data=None))
    monkeypatch.setattr("benchmark.work._prepared", OrderedDict())


def test_a_plugin_that_cannot_be_built_is_found_before_the_clips(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.work.prepare", None)
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

    def tried(run):
        run.method.embed(None, 3)

    monkeypatch.setattr("benchmark.work.tried", tried)
    assert run.main(["--plugin", "broken.py", "--method", "broken", *TINY]) == 1
    told = capsys.readouterr().err
    number = BROKEN.splitlines().index("        return inputs.nothing") + 1
    assert told == (
        f"error: broken on phrases/timbre, seed 0: broken.py, line {number}: "
        "AttributeError: 'int' object has no attribute 'nothing'\n"
    )


def test_a_mistake_of_the_suites_own_keeps_its_traceback(tmp_path, monkeypatch, no_clips):
    monkeypatch.chdir(tmp_path)

    def execute(*arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr("benchmark.work.execute", execute)
    with pytest.raises(RuntimeError, match="a bug"):
        run.main(["--method", "untrained", *TINY])


@pytest.mark.parametrize("failing", ["numpy.savez_compressed", "tempfile.mkdtemp"])
def test_a_full_disk_at_the_end_is_one_line(failing, tmp_path, monkeypatch, capsys, no_clips):
    monkeypatch.chdir(tmp_path)

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    roles = {"probe": SimpleNamespace(levels=np.zeros((1, 4)))}
    outcome = SimpleNamespace(
        training=SimpleNamespace(history=[{"step": 0, "loss": 1.0}]),
        embeddings={"probe": {}},
        prepared=SimpleNamespace(data=SimpleNamespace(roles=roles), space=None),
    )
    monkeypatch.setattr("benchmark.work._computed", lambda *arguments: (outcome, []))
    monkeypatch.setattr(failing, full)
    assert run.main(["--method", "untrained", *TINY]) == 1
    told = capsys.readouterr().err
    place = tmp_path / f"artefacts/{BENCHMARK_VERSION}/tiny/phrases/timbre/untrained/seed0"
    said = f"cannot write {place} (No space left on device); nothing was stored"
    assert told == f"error: untrained on phrases/timbre, seed 0: {said}\n"
    assert [name for name in files_in(tmp_path) if name.startswith("results")] == []


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
    assert told == "interrupted: finished runs are stored, and the same command goes on from there\n"
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
