"""Where runs run: in this process, in a pool of local processes, or on a Ray cluster."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NoReturn, Protocol

from filelock import FileLock, Timeout
from pebble import ProcessExpired, ProcessPool
from rich.console import Console

from benchmark.jobs import Job, Report, Status
from benchmark.limits import GRACE_S, end_with

HEARTBEAT_S = 30.0  # between words where nothing ends
WORKER_GIB = 2.0  # of memory that a run of the presets takes, with room
SLACK_S = 30.0  # past the limit and its grace: a process that has not ended itself by then is killed

LEFT = 72  # exit status of a worker that a method ended with status 0
POOLS = 3  # tried, where one breaks: all its processes were lost before they had a run

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
        left = {job.run.id: job for job in jobs}
        for _ in range(POOLS):
            try:
                for done in self._of_a_pool(list(left.values())):
                    if done is not None:
                        del left[done[0].run.id]
                    yield done
            except BrokenProcessPool:
                continue
            return
        for job in left.values():
            yield job, Report(Status.FAILED, reason="no process could be kept that was to do it; was there memory?")

    def _of_a_pool(self, jobs: Sequence[Job]) -> Iterator[Done | None]:
        """As `run`. Raises BrokenProcessPool."""
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
        with _no_interrupts():
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
        try:
            return pool.schedule(_do, args=[job], timeout=longest)
        except RuntimeError as error:
            raise BrokenProcessPool(str(error)) from error


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes that are started inside, and by threads that are, are never interrupted, not even while they load."""
    resource_tracker.ensure_running()  # else the first process starts it, and that lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told(future: Future[Report], job: Job) -> Report:
    """A worker's report, or what is to be said of one that died. Raises BrokenProcessPool."""
    from benchmark.storage import place
    from benchmark.workplace import Workplace

    workplace = Workplace(place(job.results), job.run.id)
    try:
        return future.result()
    except ProcessExpired as error:
        said = workplace.last_words(job.command)
        return Report(Status.FAILED, reason=said or _death(error.exitcode), log=str(workplace.log))
    except TimeoutError:
        reason = f"it took longer than its {job.limits.seconds:g} s (--time-limit), and had to be killed"
        return Report(Status.FAILED, reason=reason, log=str(workplace.log))


def _death(code: int) -> str:
    code = 0 if code == LEFT else code
    if code < 0:
        name = signal.Signals(-code).name
        memory = "; was there too little memory?" if -code == signal.SIGKILL else ""
        return f"its process was killed by {name}{memory}"
    return f"its process ended by itself, with exit status {code}"


_device: str | None = None


def _start(parent: int, workers: int, gpus: int, slots: str) -> None:
    """Begin a worker: it ends with its engine, and is missed; where there are GPUs, it takes a free share of one."""
    global _device
    end_with(parent)
    os._exit = _missed(os._exit, os.getpid())  # type: ignore[assignment]
    if gpus:
        slot = _free_slot(Path(slots), workers)
        _device = f"cuda:{slot % gpus}"
        import torch

        torch.cuda.set_per_process_memory_fraction(min(1.0, gpus / workers), torch.device(_device))


def _missed(leave: Callable[[int], NoReturn], worker: int) -> Callable[[int], NoReturn]:
    """An `os._exit` that a method may call: the pool takes exit status 0 for the end of a worker that had no run."""

    def exit_loudly(status: int) -> NoReturn:
        leave(LEFT if status == 0 and os.getpid() == worker else status)

    return exit_loudly


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

    return do(job if _device is None else replace(job, device=_device))


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
