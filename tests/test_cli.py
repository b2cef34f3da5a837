"""Every command line of the benchmark tells a mistake in one line, with status 2 and the nearest name."""

import subprocess
import sys

import pytest

from benchmark import leaderboard, run
from benchmark.cli import Parser
from benchmark.tune import __main__ as tune

COMMANDS = {"run": run.main, "leaderboard": leaderboard.main, "tune": tune.main}


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("run", ["--metod", "combined"], "no option '--metod'; did you mean '--method'? --help shows the options"),
        ("run", ["--method", "combined", "--sede", "1"], "no option '--sede'; did you mean '--seeds'?"),
        ("run", ["--method", "combined", "--devcie=cpu"], "no option '--devcie'; did you mean '--device'?"),
        ("run", ["--xyzzy"], "no option '--xyzzy'; --help shows the options"),
        ("run", ["--rescore", "--force"], "--rescore trains nothing, so it takes no --force"),
        ("run", [], "the following arguments are required: --method"),
        ("leaderboard", ["--chek"], "no option '--chek'; did you mean '--check'?"),
        ("leaderboard", ["--compare", "combined"], "argument --compare: expected 2 arguments"),
        ("leaderboard", ["--task", "phrases/timbre"], "--task goes with --compare A B"),
        ("tune", ["byol", "--trial", "x"], "argument --trials: invalid int value: 'x'"),
        ("tune", ["byol", "--trails", "3"], "no option '--trails'; did you mean '--trials'?"),
        ("tune", ["byol", "--trials", "0"], "--trials is 0; expected 1 or more"),
        ("tune", ["combned"], "no search for 'combned'; did you mean 'combined'? There are: combined"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(command, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        status = COMMANDS[command](arguments)
    except SystemExit as exit:
        status = exit.code
    told = capsys.readouterr().err
    assert status == 2
    assert told.startswith(f"error: {message}")
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_values_and_abbreviations_are_left_alone():
    parser = Parser()
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--set", nargs="+")
    options = parser.parse_args(["--seed", "-1", "2", "--set", "a=--b"])
    assert (options.seeds, options.set) == ([-1, 2], ["a=--b"])


def test_it_is_imported_at_once():
    code = "import sys, benchmark.cli; print([name for name in ('numpy', 'torch', 'rich') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("status", [0, 1, 2])
def test_leaving_waits_and_writes_and_gives_its_status(status):
    code = (
        "import atexit, sys, threading, time\n"
        "from benchmark.cli import leave\n"
        "atexit.register(lambda: print('at exit'))\n"
        "threading.Thread(target=lambda: (time.sleep(0.3), print('thread'))).start()\n"
        "print('said', end=' ')\n"
        "print('told', end='', file=sys.stderr)\n"
        f"leave({status})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "said thread\nat exit\n", "told")
