"""Where runs run: in this process, in a pool of local processes (`pool`), or on a Ray cluster (`ray_engine`)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rich.console import Console

from benchmark.jobs import Done, Job, Status
from benchmark.pool import Pool

WORKER_GIB = 2.0  # of memory that a run of the presets takes, with room


class Engine(Protocol):
    """Runs jobs."""

    @property
    def workers(self) -> int:
        """How many run at once; 1 where that is not known."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """Each job with what became of it, in the order in which they end; None now and then while nothing ends."""


@dataclass(frozen=True)
class Here:
    """In this process, one after the other. screen: where the stages are shown; None: nowhere."""

    screen: Console | None = None
    workers: int = 1

    def run(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """As `Engine.run`."""
        from benchmark.work import do

        for job in jobs:
            report = do(job, self.screen)
            if report.status is Status.BUSY:
                report = do(replace(job, wait=True), self.screen)
            yield job, report


def chosen_engine(options: argparse.Namespace, jobs: int) -> Engine:
    """The engine that a command line asks for, for so many jobs. Raises ValueError for a device that is not here."""
    from benchmark.stages import console

    kind = _kind(options, jobs)
    if options.results.startswith("memory://") and kind != "here":
        raise ValueError("--results memory:// is the memory of one process: add --engine here, or name another place")
    if kind == "ray":
        from benchmark.ray_engine import Share, joined

        memory = None if options.memory_limit is None else round(options.memory_limit * 2**30)
        return joined(options.address, Share(options.cpus or options.threads, options.gpus, memory), options.device)
    device = _checked_device(options)
    if kind == "here":
        return Here(console())
    workers = planned_workers(options, jobs)
    return Pool(workers, _gpus() if device == "cuda" and options.device in ("auto", "cuda") else 0)


def _kind(options: argparse.Namespace, jobs: int) -> str:
    """One run is done here, where its stages can be watched; many in a pool, where none can harm another."""
    if options.engine != "auto":
        return str(options.engine)
    return "here" if jobs == 1 and options.workers is None else "pool"


def planned_workers(options: argparse.Namespace, jobs: int) -> int:
    """How many runs go on at once, on this machine: as asked for; else as many as cores, memory and device allow.

    On GPUs four share one, as far as there are cores. On a cluster it is Ray's to decide, and 1 stands for that.
    """
    import psutil

    if _kind(options, jobs) != "pool":
        return 1
    if options.workers is not None:
        return max(1, min(options.workers, jobs))
    cores = max(1, usable_cores() // options.threads)
    most = min(cores, 4 * _gpus()) if _checked_device(options) == "cuda" else cores
    memory = int(psutil.virtual_memory().available / 2**30 / WORKER_GIB)
    return max(1, min(jobs, most, memory))


def _checked_device(options: argparse.Namespace) -> str:
    """`cpu` or `cuda`. Raises ValueError for a device that there is not."""
    if options.device == "cpu":
        return "cpu"
    from benchmark.options import chosen_device

    return chosen_device(options.device).type


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def usable_cores() -> int:
    """Cores that this process may use."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
