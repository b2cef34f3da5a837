"""Runs on a Ray cluster: Ray places them, ships this checkout's code, and starts a run again whose worker was lost."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmark.engines import HEARTBEAT_S, Done
from benchmark.jobs import Job, Report, Status
from benchmark.source import ROOT

# What of a checkout a worker does not need; results travel by their address.
EXCLUDED = ["/.git", "/.venv", "/results", "/artefacts", "/runs", "/tests", "/.ci", "**/__pycache__"]


def ended(jobs: Sequence[Job], address: str | None, cpus: float, gpus: float, retries: int) -> Iterator[Done | None]:
    """Each job with what became of it. Raises ValueError where there is no Ray, or no such cluster."""
    ray = _ray()
    _connect(ray, address)
    try:
        # A worker does many runs (max_calls=0), for it holds their clips; Ray's own retries are for lost workers alone.
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries, max_calls=0)(_do)
        running = {task.remote(job): job for job in jobs}
        while running:
            done, _ = ray.wait(list(running), timeout=HEARTBEAT_S)
            if not done:
                yield None
            for reference in done:
                job = running.pop(reference)
                report = _told(ray, reference)
                if report.status is Status.BUSY:
                    again = replace(job, wait=True)
                    running[task.remote(again)] = again
                else:
                    yield job, report
    finally:
        ray.shutdown()


def _do(job: Job) -> Report:
    from benchmark.work import do

    return do(job)


def _told(ray: Any, reference: Any) -> Report:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return Report(Status.FAILED, reason=_said(error))


def _said(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"Ray gave it up: {type(error).__name__}: {lines[0] if lines else ''}"[:400]


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ValueError("--engine ray needs Ray: pip install -e '.[ray]'") from None
    return ray


def _connect(ray: Any, address: str | None) -> None:
    """Join a cluster, or start one here."""
    environment: dict[str, Any] = {}
    if (ROOT / "pyproject.toml").is_file():  # a checkout; an installed package is what its machine has
        environment |= {"working_dir": str(ROOT), "excludes": EXCLUDED}
    variables = {name: value for name, value in os.environ.items() if name.startswith("DTONES_")}
    environment["env_vars"] = variables
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"cannot use the Ray cluster '{address or 'of this machine'}': {first}") from None
