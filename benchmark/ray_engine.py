"""Runs on a Ray cluster: Ray places them, ships this checkout's code, and starts a run again whose worker was lost."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.jobs import HEARTBEAT_S, Done, Job, Report, Status
from benchmark.source import ROOT
from benchmark.storage import place
from benchmark.workplace import Workplace

# What of a checkout a worker does not need; results travel by their address.
EXCLUDED = ["/.git", "/.venv", "/results", "/artefacts", "/runs", "/tests", "/.ci", "**/__pycache__"]
OWN = "local"  # Ray's word for a cluster that ends with the command which started it
RETRIES = 3  # of a run whose worker or machine was lost
CONNECT_S = 10.0  # Ray itself tries for minutes to reach an address where there is nothing


@dataclass(frozen=True)
class Share:
    """What Ray places a run by: its cores and GPUs, fractions too, and its bytes of memory; None: it does not say."""

    cpus: float
    gpus: float
    n_bytes: int | None

    def fits(self, machine: Mapping[str, float]) -> int:
        """How many runs a machine takes at once. machine: its resources, in Ray's words."""
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.n_bytes or 0}
        return min(math.floor(machine.get(name, 0) / much + 1e-6) for name, much in asked.items() if much)

    def __str__(self) -> str:
        memory = f" and {self.n_bytes / 2**30:g} GiB" if self.n_bytes else ""
        return f"{self.cpus:g} cores, {self.gpus:g} GPUs{memory}"


@dataclass(frozen=True)
class RayCluster:
    """The machines of a Ray cluster that was joined, or started here. ray: the module. workers: runs that fit."""

    ray: Any
    share: Share
    workers: int

    def run(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """As `engines.Engine.run`."""
        share, ray = self.share, self.ray
        # A worker does many runs (max_calls=0), for it holds their clips; Ray's own retries are for lost workers alone.
        asked = {"num_cpus": share.cpus, "num_gpus": share.gpus, "memory": share.n_bytes}
        task = ray.remote(**asked, max_retries=RETRIES, max_calls=0)(_do)
        try:
            with _mark(jobs) as mark:
                running = {task.remote(job, mark, share.gpus): job for job in map(self._placed, jobs)}
                while running:
                    done, _ = ray.wait(list(running), timeout=HEARTBEAT_S)
                    if not done:
                        _tell_of_waiting(ray, share)
                        yield None
                    for reference in done:
                        job = running.pop(reference)
                        report = _told(ray, reference, job)
                        if report.status is Status.BUSY:
                            again = replace(job, wait=True)
                            running[task.remote(again, mark, share.gpus)] = again
                        else:
                            yield job, report
        finally:
            ray.shutdown()

    def _placed(self, job: Job) -> Job:
        """Without a GPU of its own, a run does not take those that its machine has."""
        return replace(job, device="cpu") if job.device == "auto" and not self.share.gpus else job


def joined(address: str | None, share: Share, device: str) -> RayCluster:
    """A cluster that can do runs of a share: that of the address, of $RAY_ADDRESS, or one of this machine alone.

    Raises ValueError where there is no Ray, no such cluster, or no machine in it that a run fits on and none can come.
    """
    if device.startswith("cuda") and not share.gpus:
        raise ValueError(f"--device {device} on Ray takes a GPU, or a share of one: --gpus 1, --gpus 0.25")
    address = address or os.environ.get("RAY_ADDRESS") or OWN
    ray = _ray()
    _connect(ray, address)
    machines = _machines(ray)
    workers = sum(share.fits(machine) for machine in machines)
    if not workers and not _may_grow(ray):
        largest = max(machines, key=lambda machine: (machine.get("GPU", 0), machine.get("CPU", 0)), default={})
        ray.shutdown()
        raise ValueError(
            f"no machine of the Ray cluster has {share} for a run; the largest of {len(machines)} has "
            f"{Share(largest.get('CPU', 0), largest.get('GPU', 0), int(largest.get('memory', 0)) // 2**30 * 2**30)}: "
            "ask for less, --cpus and --gpus"
        )
    print(f"Ray: {len(machines)} machine{'s' * (len(machines) != 1)}, {workers} at once", flush=True)
    _tell_of_waiting(ray, share)
    return RayCluster(ray, share, max(1, workers))


def _do(job: Job, mark: str | None, gpus: float) -> Report:
    """On a worker: do a run, if the results can be put in their folder: `mark` is there. gpus: its share of one."""
    if mark is not None and not Path(mark).exists():
        where = f"{platform.node()} does not share the folder {job.results} with the machine of the command"
        return Report(Status.FAILED, reason=f"{where}: give one that all see, or an address, --results s3://...")
    if 0 < gpus < 1:
        import torch

        torch.cuda.set_per_process_memory_fraction(gpus)  # Ray counts shares of a GPU, and holds nobody to them
    from benchmark.work import do

    return do(job)


@contextlib.contextmanager
def _mark(jobs: Sequence[Job]) -> Iterator[str | None]:
    """A file beside the results by which a machine knows that it sees them; None where they have an address."""
    folder = Workplace(place(jobs[0].results), f"ray-{jobs[0].command}").folder
    if not isinstance(folder, Path):
        yield None
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    try:
        yield str(folder)
    finally:
        folder.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # unfinished runs are in it
            folder.parent.rmdir()


def _told(ray: Any, reference: Any, job: Job) -> Report:
    """What a worker reported, or what is to be said of one that was lost too often."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        workplace = Workplace(place(job.results), job.run.id)
        reason = workplace.last_words(job.command) or f"Ray gave it up: {_said(error)}"
        return Report(Status.FAILED, reason=reason, log=str(workplace.log) if workplace.log.exists() else None)


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no more is known'}"[:400]


def _machines(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _may_grow(ray: Any) -> bool:
    """Whether machines may join by themselves: an autoscaler says what it can start."""
    config = ray._private.state.state.get_cluster_config()  # public nowhere; Ray Data reads it so too
    return config is not None and len(config.node_group_configs) > 0


def _tell_of_waiting(ray: Any, share: Share) -> None:
    """Say so where runs wait for a machine that is not there: one that was lost, or one that is yet to be started."""
    if not any(share.fits(machine) for machine in _machines(ray)):
        print(f"... no machine of the Ray cluster has {share} for a run now: waiting for one that joins", flush=True)


def _ray() -> Any:
    """The module; its settings are read when it is imported."""
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))  # else a run that leaks is begun again without end
    try:
        import ray
    except ImportError:
        raise ValueError("--engine ray needs Ray: pip install -e '.[ray]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    """Join a cluster, or start one here. Raises ValueError."""
    options: dict[str, Any] = {"runtime_env": _environment(), "log_to_driver": False, "logging_level": "error"}
    if address == OWN:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options["include_dashboard"] = False
    else:
        _check_reachable(address)
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        if _is_of_a_token(ray, error):
            said = "it asks for its token, ~/.ray/auth_token of its first machine: set RAY_AUTH_MODE=token"
        raise ValueError(f"cannot use the Ray cluster '{address}': {said}"[:400]) from None


def _environment() -> dict[str, Any]:
    """What workers get from here: the code of this checkout, and what its variables say."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("DTONES_")}
    cache = variables.get("DTONES_CACHE", "")
    if cache and not cache.startswith("~"):  # a worker has another folder; its home may be another too
        variables["DTONES_CACHE"] = str(Path(cache).absolute())
    code = {"working_dir": str(ROOT), "excludes": EXCLUDED} if (ROOT / "pyproject.toml").is_file() else {}
    return {**code, "env_vars": variables}  # a package that was installed is what its machine has


def _check_reachable(address: str) -> None:
    """Raise ValueError where an address names a machine, and nothing there answers."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # "auto", or what Ray itself refuses at once
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or error
        raise ValueError(f"no Ray cluster answers at {address} ({said}); start one: ray start --head") from None


def _is_of_a_token(ray: Any, error: BaseException | None) -> bool:
    """Whether what was raised came of a token that is missing."""
    kind = getattr(ray.exceptions, "AuthenticationError", ())  # of newer versions
    while error is not None:
        if isinstance(error, kind) or "InvalidAuthToken" in str(error):
            return True
        error = error.__cause__
    return False
