"""What is asked of Ray, and what is made of its answers, with a module in its place."""

import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from plugins import MINE, TINY

from benchmark import ray_engine
from benchmark.jobs import Job, Limits, Report, Specification, Status
from benchmark.plan import plan
from benchmark.ray_engine import Share, joined
from benchmark.requests import Request
from benchmark.work import resolved

OOM_RETRIES = "RAY_task_oom_retries"  # so written by Ray


class RayError(Exception):
    pass


class AuthenticationError(RayError):
    pass


class Reference:
    def __init__(self, job):
        self.job = job


@pytest.fixture
def ray(monkeypatch):
    """In the place of the module ray: it notes what it is given, and does each task at once."""
    given = SimpleNamespace(init={}, task={}, ended=0)
    machines = [{"Alive": True, "Resources": {"CPU": 4.0, "GPU": 2.0, "memory": 8 * 2**30}}]

    def init(**options):
        given.init = options

    def remote(**options):
        given.task = options
        return lambda function: SimpleNamespace(remote=lambda job, *_: Reference(job))

    def shutdown():
        given.ended += 1

    fake = SimpleNamespace(
        given=given,
        machines=machines,
        config=None,
        init=init,
        remote=remote,
        shutdown=shutdown,
        nodes=lambda: machines,
        wait=lambda references, timeout: (references[:1], references[1:]),
        get=lambda reference: Report(Status.DONE, reason=reference.job.device),
        exceptions=SimpleNamespace(RayError=RayError, AuthenticationError=AuthenticationError),
    )
    state = SimpleNamespace(get_cluster_config=lambda: fake.config)
    fake._private = SimpleNamespace(state=SimpleNamespace(state=state))
    monkeypatch.setitem(sys.modules, "ray", fake)
    for name in ("RAY_ADDRESS", OOM_RETRIES, "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "")  # put back at the end
        monkeypatch.delenv(name)
    return fake


def job(tmp_path, **changes):
    run = Specification("phrases/timbre", "tiny", "untrained", "untrained", None, {}, 0, "id")
    asked = {"device": "auto", "precision": "auto", "threads": 1, "limits": Limits(), "checkpoint_s": 1.0}
    return Job(run, str(tmp_path / "results"), **(asked | changes), command="command", commit=None)


def test_a_run_that_leaks_is_not_begun_again_without_end(ray):
    joined(None, Share(1, 0, None), "auto")
    assert os.environ[OOM_RETRIES] == str(ray_engine.RETRIES)


@pytest.mark.parametrize(
    ("share", "workers"),
    [(Share(1, 0, None), 4), (Share(0.5, 0.25, None), 8), (Share(1, 1, None), 2), (Share(1, 0, 3 * 2**30), 2)],
)
def test_a_share_of_a_machine_is_asked_of_ray(ray, tmp_path, share, workers, capsys):
    engine = joined(None, share, "auto")
    assert engine.workers == workers
    assert capsys.readouterr().out == f"Ray: 1 machine, {workers} at once\n"
    ((_, report),) = engine.run([job(tmp_path)])
    assert ray.given.task["num_cpus"] == share.cpus
    assert ray.given.task["num_gpus"] == share.gpus
    assert ray.given.task["memory"] == share.n_bytes
    assert ray.given.task["max_retries"] > 0
    assert report.reason == ("auto" if share.gpus else "cpu")  # no GPU is taken that was not given
    assert ray.given.ended == 1
    assert not (tmp_path / "artefacts" / ".unfinished").exists()


def test_what_workers_are_given(ray, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DTONES_CACHE", "cache")
    monkeypatch.setenv("DTONES_CACHE_GB", "2")
    joined(None, Share(1, 0, None), "auto")
    assert ray.given.init["address"] == "local"
    given = ray.given.init["runtime_env"]
    assert given["working_dir"] == str(ray_engine.ROOT)
    assert given["env_vars"]["DTONES_CACHE"] == str(tmp_path / "cache")
    assert given["env_vars"]["DTONES_CACHE_GB"] == "2"
    monkeypatch.setenv("DTONES_CACHE", "~/cache")
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    joined(None, Share(1, 0, None), "auto")
    assert ray.given.init["address"] == "auto"
    assert ray.given.init["runtime_env"]["env_vars"]["DTONES_CACHE"] == "~/cache"


def test_a_machine_may_join_where_there_is_an_autoscaler(ray, capsys):
    share = Share(8, 0, None)
    with pytest.raises(ValueError, match=r"no machine of the Ray cluster has 8 cores, 0 GPUs for a run; the largest"):
        joined("auto", share, "auto")
    assert ray.given.ended == 1
    ray.config = SimpleNamespace(node_group_configs=["large"])
    capsys.readouterr()
    assert joined("auto", share, "auto").workers == 1
    assert "no machine of the Ray cluster has 8 cores, 0 GPUs for a run now: waiting for one that joins" in (
        capsys.readouterr().out
    )


def refused(ray, error):
    def init(**options):
        raise error

    ray.init = init
    with pytest.raises(ValueError, match="cannot use the Ray cluster 'auto': ") as raised:
        joined("auto", Share(1, 0, None), "auto")
    said = str(raised.value)
    assert "\n" not in said
    return said


def test_a_cluster_that_refuses_is_one_line(ray):
    other = "Version mismatch: The cluster was started with:\n    Ray: 2.30.0\n    Python: 3.9.1\nThis process ..."
    assert "The cluster was started with: Ray: 2.30.0 Python: 3.9.1 This process" in refused(ray, RuntimeError(other))
    error = ConnectionError("Failed to connect")
    error.__cause__ = AuthenticationError("InvalidAuthToken")
    assert "it asks for its token" in refused(ray, error)
    assert "RAY_AUTH_MODE=token" in refused(ray, AuthenticationError("no token was found"))


def test_an_address_where_there_is_nothing_is_told_at_once(command, tmp_path):
    asked = ("run", "--method", "untrained", *TINY, "--engine", "ray", "--address", "127.0.0.1:1")
    done = command(*asked, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: no Ray cluster answers at 127.0.0.1:1 (Connection refused); start one: ray start --head\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_without_ray_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"^--engine ray needs Ray: pip install -e '\.\[ray\]'$"):
        joined(None, Share(1, 0, None), "auto")


def test_a_gpu_that_was_not_asked_for_is_not_given(ray):
    with pytest.raises(ValueError, match=r"--device cuda on Ray takes a GPU, or a share of one: --gpus 1"):
        joined(None, Share(1, 0, None), "cuda")


def test_a_share_of_a_gpu_is_a_share_of_its_memory(tmp_path, monkeypatch):
    shares = []
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", shares.append)
    monkeypatch.setattr("benchmark.work.do", lambda job: Report(Status.DONE))
    for gpus in (0, 0.25, 1):
        assert ray_engine._do(job(tmp_path), None, gpus).status is Status.DONE
    assert shares == [0.25]


def test_a_machine_that_does_not_see_the_results_does_no_run(tmp_path):
    report = ray_engine._do(job(tmp_path), str(tmp_path / "mark"), 0)
    assert report.status is Status.FAILED
    assert (
        f"does not share the folder {tmp_path / 'results'} with the machine of the command: give one" in report.reason
    )


def test_a_plugin_is_the_same_file_where_its_machine_has_none(tmp_path, monkeypatch):
    """To the byte, for they are hashed: a mark at its begin, and lines that end as on Windows, too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "there"))
    mine = tmp_path / "mine.py"
    mine.write_bytes(b"\xef\xbb\xbf" + MINE.encode().replace(b"\n", b"\r\n"))
    (run,) = plan([Request(method="mine", preset="tiny", plugin=mine)], tmp_path / "results").runs
    assert resolved(run, "cpu").source == mine
    monkeypatch.chdir(tmp_path)
    elsewhere = replace(run, plugin=("gone/mine.py", run.plugin[1]))
    found = resolved(elsewhere, "cpu").source
    assert found.is_relative_to(tmp_path / "there")
    assert found.read_bytes() == mine.read_bytes()
