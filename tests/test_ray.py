"""Runs on Ray: a real cluster of several nodes on this machine, one of which is killed; what is asked of Ray."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from types import SimpleNamespace

import pytest
import yaml
from plugins import TINY
from quick_plugins import FAULTY, QUICK, STEADY
from servers import ftp

from benchmark import results
from benchmark.tasks import PRESETS
from benchmark.version import BENCHMARK_VERSION

STEPS = PRESETS["tiny"].steps
PATIENCE_S = 900  # of tests that take a minute on a quiet machine

# Adds nodes, and kills the last one with all its processes, as it is told to; ends with its standard input.
CLUSTER = """
import os, sys, ray
from ray._common.utils import get_default_ray_temp_dir
from ray.cluster_utils import Cluster
os.makedirs(get_default_ray_temp_dir(), exist_ok=True)  # it notes the address there, wherever its files are
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "temp_dir": sys.argv[1]})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
print("ready", cluster.address, flush=True)
for line in sys.stdin:
    if line == "kill\\n":
        cluster.remove_node(nodes.pop(), allow_graceful=False)
    else:
        nodes.append(cluster.add_node(num_cpus=1))
    print("done", flush=True)
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Ray asks for no token, says nothing home, and keeps its files where paths are short enough for its sockets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("DTONES_TEST_TRACE", str(tmp_path_factory.mktemp("trace") / "steps"))
        patch.setenv("DTONES_TEST_STEP_S", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
            yield folder


@pytest.fixture(scope="module")
def cluster(environment):
    """The address of a cluster: a head that does no runs, two nodes of one core; and what kills and adds nodes."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CLUSTER, environment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )

    def answer(word):
        for line in process.stdout:
            if line.startswith(word):
                return line.split()
        pytest.fail("the Ray cluster ended")

    def tell(what):
        process.stdin.write(what + "\n")
        process.stdin.flush()
        answer("done")

    try:
        yield SimpleNamespace(address=answer("ready")[1], kill=lambda: tell("kill"), add=lambda: tell("add"))
    finally:
        process.stdin.close()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, environment):
    """The plugins' folder, outside the checkout."""
    made = tmp_path_factory.mktemp("ray")
    (made / "steady.py").write_text(STEADY)
    (made / "quick.py").write_text(QUICK)
    return made


SEEDS = range(3)
ASKED = ("--method", "steady", "--plugin", "steady.py", "--seeds", *map(str, SEEDS), *TINY)


@pytest.fixture(scope="module")
def undisturbed(folder, command):
    """The same runs in one process, one after the other; their results by seed.

    With one thread, as those on Ray have by default: how many share a sum decides its last digits.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        done = command("run", *ASKED, "--engine", "here", "--results", "here/results", cwd=folder, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return found(folder / "here" / "results")


def found(root, method="steady"):
    return {
        seed: results.read(results.path(root, BENCHMARK_VERSION, "tiny", "phrases/timbre", method, seed))
        for seed in SEEDS
    }


def assert_same(some, others):
    """Two sets of results are the same but for what they cost."""
    assert [some[seed].id for seed in SEEDS] == [others[seed].id for seed in SEEDS]
    for seed in SEEDS:
        assert some[seed].scores == others[seed].scores
        assert some[seed].settings == others[seed].settings
    assert len({some[seed].value("preservation") for seed in SEEDS}) == len(SEEDS)


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_runs_on_two_nodes_give_what_one_process_gives(cluster, folder, undisturbed, command):
    """A relative folder of results and a plugin that workers, who have another folder, do not have."""
    asked = ("run", *ASKED, "--engine", "ray", "--address", cluster.address, "--results", "ray/results")
    done = command(*asked, cwd=folder, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Ray: 3 machines, 2 at once\n" in done.stdout
    assert_same(found(folder / "ray" / "results"), undisturbed)
    assert {result.environment.threads for result in found(folder / "ray" / "results").values()} == {1}
    assert files(folder / "ray") == files(folder / "here")
    again = command(*asked, cwd=folder, timeout=PATIENCE_S)
    assert again.stdout.splitlines()[1] == "3 runs; 3 there already"


def test_a_node_is_killed_in_the_middle_of_runs(cluster, folder, undisturbed, tmp_path):
    """Its runs go on, on the other, from their checkpoints: nothing is lost, and nothing is there twice."""
    trace = tmp_path / "steps"
    variables = os.environ | {"DTONES_TEST_TRACE": str(trace), "DTONES_TEST_STEP_S": "0.1"}
    line = [sys.executable, "-m", "benchmark.run", *ASKED, "--engine", "ray", "--address", cluster.address]
    with subprocess.Popen(
        [*line, "--checkpoint-every", "0.1", "--results", str(tmp_path / "results")],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_for(lambda: len(at_step(trace, 5)) >= 2, process)
            cluster.kill()
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            cluster.add()
    assert (process.returncode, err) == (0, ""), out
    assert_same(found(tmp_path / "results"), undisturbed)
    told = re.findall(r"^\[\d/3\] steady on phrases/timbre, seed (\d): P ", out, re.MULTILINE)
    assert sorted(told) == ["0", "1", "2"]
    assert [name.replace("artefacts", "") for name in files(tmp_path) if ".unfinished" in name] == []
    begun = defaultdict(dict)  # by run: process -> its first step
    for pid, run, step in steps(trace):
        begun[run].setdefault(pid, step)
    twice = [list(first.values()) for first in begun.values() if len(first) > 1]
    assert len(begun) == len(SEEDS)
    assert len(twice) == 1  # the run of the node that was killed
    assert twice[0][0] == 0
    assert 3 <= twice[0][1] < STEPS


def steps(trace):
    lines = trace.read_text().splitlines() if trace.exists() else []
    return [(pid, run, int(step)) for pid, run, step in map(str.split, lines)]


def at_step(trace, least):
    """Processes that have come that far with a run."""
    return {pid for pid, _, step in steps(trace) if step >= least}


def wait_for(condition, process):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


FAULTS = {
    "raises": ('raise RuntimeError("a mistake")', r"\S*raises\.py, line \d+: RuntimeError: a mistake"),
    "exits": ("sys.exit(3)", r"\S*exits\.py, line \d+: it ended its process, with exit status 3"),
    "dies": ("os._exit(3)", r"Ray gave it up: WorkerCrashedError: The worker died unexpectedly.*"),
    "hangs": ("time.sleep(3600)", r".*it took longer than its 20 s \(--time-limit\)"),
}


def test_faults_on_ray_are_listed_and_the_other_runs_finish(cluster, folder, undisturbed, command):
    """Features are on disk by then: they count towards the limit too."""
    asked = [{"method": "quick", "plugin": "quick.py", "preset": "tiny"}]
    for name, (fault, _) in FAULTS.items():
        (folder / f"{name}.py").write_text(FAULTY + fault + "\n")
        asked.append({"method": name, "plugin": f"{name}.py", "preset": "tiny"})
    (folder / "faults.yaml").write_text(yaml.safe_dump(asked))
    where = ("--engine", "ray", "--address", cluster.address, "--results", "faults/results", "--time-limit", "20")
    done = command("run", "--runs", "faults.yaml", "--device", "cpu", *where, cwd=folder, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    listed = done.stdout[done.stdout.index("4 failed; the same command tries them again") :]
    for name, (_, reason) in FAULTS.items():
        assert re.search(rf"^  {name} on phrases/timbre, seed 0: {reason}$", listed, re.MULTILINE), listed
    assert len(re.findall(r"^    log: ", listed, re.MULTILINE)) == 4
    assert files(folder / "faults" / "results") == [f"{BENCHMARK_VERSION}/tiny/phrases/timbre/quick/seed0.json"]


def test_results_of_ray_on_a_file_server(cluster, folder, command, tmp_path):
    with ftp(tmp_path) as address:
        asked = ("--method", "quick", "--plugin", "quick.py", "--seeds", "0", "1", *TINY)
        where = ("--engine", "ray", "--address", cluster.address, "--results", f"{address}/bench/results")
        done = command("run", *asked, *where, cwd=folder, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    branch = f"{BENCHMARK_VERSION}/tiny/phrases/timbre/quick"
    kept = [f"artefacts/{branch}/seed{s}/{n}" for s in (0, 1) for n in ("information.png", "probe.npz", "test.npz")]
    assert files(tmp_path / "bench") == [*kept, *(f"results/{branch}/seed{s}.json" for s in (0, 1))]


def test_a_run_that_fits_on_no_machine_is_one_line(cluster, folder, command):
    asked = ("run", "--method", "quick", "--plugin", "quick.py", *TINY, "--engine", "ray", "--address", cluster.address)
    done = command(*asked, "--gpus", "0.25", "--cpus", "2", cwd=folder, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: no machine of the Ray cluster has 2 cores, 0\.25 GPUs for a run; the largest of 3 has "
        r"1 cores, 0 GPUs and \d+ GiB: ask for less, --cpus and --gpus\n",
        done.stderr,
    )
