"""Where runs run: in this process, in a pool of local processes, or on a Ray cluster."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from pebble import ProcessExpired, ProcessPool
from rich.console import Console

from benchmark.jobs import Job, Report, Status
from benchmark.limits import GRACE_S

HEARTBEAT_S = 30.0  # between words where nothing ends
WORKER_GIB = 2.0  # of memory that a run of the presets takes, with room
SLACK_S = 30.0  # past the limit and its grace: a process that has not ended itself by then is killed

Done = tuple[Job, Report]


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


@dataclass(frozen=True)
class Pool:
    """A pool of processes of this machine. gpus: how many the machine has for them; 0: they compute on the processor.

    A process does many runs; one that dies, or had to be killed, is replaced, and takes no other run with it.
    """

    workers: int
    gpus: int = 0

    def run(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """As `Engine.run`."""
        with tempfile.TemporaryDirectory() as slots:
            pool = ProcessPool(
                max_workers=self.workers,
                context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(os.getpid(), self.workers, self.gpus, slots),
            )
            try:
                yield from self._ended(pool, jobs)
                pool.close()
            finally:
                pool.stop()
                pool.join()

    def _ended(self, pool: ProcessPool, jobs: Sequence[Job]) -> Iterator[Done | None]:
        running = {self._scheduled(pool, job): job for job in jobs}
        while running:
            ended, _ = wait(running, timeout=HEARTBEAT_S, return_when=FIRST_COMPLETED)
            if not ended:
                yield None
            for future in ended:
                job = running.pop(future)
                report = _told(future, job)
                if report.status is Status.BUSY:  # another command is at it: ours last, when that may have ended
                    again = replace(job, wait=True)
                    running[self._scheduled(pool, again)] = again
                else:
                    yield job, report

    @staticmethod
    def _scheduled(pool: ProcessPool, job: Job) -> Future[Report]:
        seconds = job.limits.seconds
        longest = None if seconds is None or job.wait else seconds + GRACE_S + SLACK_S
        return pool.schedule(_do, args=[job], timeout=longest)


def _told(future: Future[Report], job: Job) -> Report:
    """A worker's report, or what is to be said of one that died."""
    from benchmark.storage import place
    from benchmark.workplace import Workplace

    try:
        return future.result()
    except ProcessExpired as error:
        workplace = Workplace(place(job.results), job.run.id)
        said = workplace.last_words(job.command)
        return Report(Status.FAILED, reason=said or _death(error.exitcode), log=str(workplace.log))
    except TimeoutError as error:
        return Report(Status.FAILED, reason=f"it was killed: {error}")


def _death(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        memory = "; was there too little memory?" if -code == signal.SIGKILL else ""
        return f"its process was killed by {name}{memory}"
    return f"its process ended by itself, with exit status {code}"


_parent = 0
_device: str | None = None


def _start(parent: int, workers: int, gpus: int, slots: str) -> None:
    """Begin a worker: an interrupt is its engine's to handle; where there are GPUs, it takes a free share of one."""
    global _parent, _device
    _parent = parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if gpus:
        slot = _free_slot(Path(slots), workers)
        _device = f"cuda:{slot % gpus}"
        import torch

        torch.cuda.set_per_process_memory_fraction(min(1.0, gpus / workers), torch.device(_device))


_held: list[FileLock] = []


def _free_slot(folder: Path, workers: int) -> int:
    """A number below `workers` that no other living worker has; freed when this process ends, however it ends."""
    while True:
        for slot in range(workers):
            lock = FileLock(folder / str(slot), timeout=0)
            try:
                lock.acquire()
            except Timeout:
                continue
            _held.append(lock)
            return slot
        time.sleep(0.1)  # the one whose place this takes is not quite dead


def _do(job: Job) -> Report:
    from benchmark.work import do

    return do(job if _device is None else replace(job, device=_device), parent=_parent)


@dataclass(frozen=True)
class RayCluster:
    """The machines of a Ray cluster. address: None starts one on this machine; "auto" finds the one that runs here.

    cpus, gpus: of each run, fractions too. retries: of a run whose worker or machine was lost. A machine that joins
    gets this checkout's code; its environment must be made.
    """

    address: str | None
    cpus: float
    gpus: float
    retries: int = 3
    workers: int = 1

    def run(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """As `Engine.run`."""
        from benchmark.ray_engine import ended

        yield from ended(jobs, self.address, self.cpus, self.gpus, self.retries)


def chosen_engine(options: argparse.Namespace, jobs: int) -> Engine:
    """The engine that a command line asks for, for so many jobs. Raises ValueError for a device that is not here."""
    from benchmark.stages import console

    kind = _kind(options, jobs)
    if kind == "ray":
        return RayCluster(options.address, options.cpus, options.gpus)
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
    """How many runs go on at once, on this machine: as asked for; else one a core, as memory and the device allow.

    On GPUs four share one, as far as there are cores. On a cluster it is Ray's to decide, and 1 stands for that.
    """
    import psutil

    if _kind(options, jobs) != "pool":
        return 1
    if options.workers is not None:
        return max(1, min(options.workers, jobs))
    cores = usable_cores()
    most = min(cores, 4 * _gpus()) if _checked_device(options) == "cuda" else cores
    memory = int(psutil.virtual_memory().available / 2**30 / WORKER_GIB)
    return max(1, min(jobs, most, memory))


def threads_of(options: argparse.Namespace, workers: int) -> int | None:
    """Threads of each run: its share of the cores; None, as the libraries would have it, for one run alone."""
    if options.engine == "ray":
        return max(1, int(options.cpus))
    return None if _kind(options, 1 if workers == 1 else 2) == "here" else max(1, usable_cores() // workers)


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
