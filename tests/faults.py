"""What the tests of faults share: commands in processes of their own, and what they must leave behind."""

import os
import re
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from plugins import files_in

from benchmark import results
from benchmark.version import BENCHMARK_VERSION

# As `python -m benchmark.run`, and can be interrupted where the tests run in the background, which ignores SIGINT.
RUN = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('benchmark.run', run_name='__main__', alter_sys=True)"
)
PLUGIN = '''"""Learns little, in no time."""
from faulty import Quick, cured, kill

class {name}(Quick):
    def training_step(self, batch, optimiser_index=0):
        {body}
        return super().training_step(batch)
'''
LEARNER = PLUGIN.format(name="Learner", body="pass")
SEEDS = range(4)
ALONE = ("--engine", "here")
TWO = ("--engine", "pool", "--workers", "2")
LONGEST_S = 300  # of a command, on a machine that is busy


def write_learner(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "learner.py").write_text(LEARNER)
    return folder


def learner(*seeds):
    """Arguments of runs of the quick method."""
    return "--plugin", "learner.py", "--method", "learner", "--seeds", *map(str, seeds)


def start(folder, *arguments, **environment):
    """A command on the preset `tiny`, in a session of its own as a terminal gives it."""
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    settings = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | environment
    arguments = arguments if "--runs" in arguments else ("--preset", "tiny", *arguments)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments, "--device", "cpu"],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    """Wait for a command; its status and what it said."""
    try:
        said, told = process.communicate(timeout=LONGEST_S)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return SimpleNamespace(status=process.returncode, said=said, told=told, all=said + told)


def run(folder, *arguments, **environment):
    return finish(start(folder, *arguments, **environment))


def place(folder, seed=0, method="learner"):
    return results.path(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", method, seed)


def artefacts(folder, seed=0, method="learner"):
    return results.artefact_dir(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", method, seed)


@cache
def undisturbed(base):
    """A folder with runs that nothing happened to, from a pool of two; once a session. base: where folders are made."""
    folder = write_learner(base / "undisturbed")
    done = run(folder, *learner(*SEEDS), *TWO, THREADS=str(folder / "threads"), COUNT=str(folder / "count"))
    assert done.status == 0, done.all
    return folder


def assert_as(expected, folder, seed, method="learner"):
    """A run left to the last bit what an undisturbed one leaves; another method, what the quick one does."""
    one, other = results.read(place(expected, seed)), results.read(place(folder, seed, method))
    assert one.scores == other.scores
    assert one.id == other.id or method != "learner"
    one, other = artefacts(expected, seed), artefacts(folder, seed, method)
    assert files_in(one) == files_in(other)
    assert (one / "losses.csv").read_bytes() == (other / "losses.csv").read_bytes()
    for role in ("probe", "test"):
        with np.load(one / f"{role}.npz") as a, np.load(other / f"{role}.npz") as b:
            assert list(a) == list(b)
            assert all(np.array_equal(a[name], b[name]) for name in a)


def assert_clean(folder):
    """Nothing temporary, half-written or unfinished is left."""
    left = [name for name in files_in(folder) if re.search(r"(^|/)\.|tmp$|partial", name)]
    assert left == [], left


def counted(file):
    """The trainings that began, in order of name."""
    return sorted(file.read_text().splitlines()) if file.exists() else []
