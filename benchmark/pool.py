"""Runs in a pool of processes of this machine: none that dies, or has to be killed, takes another run with it."""

from __future__ import annotations

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
from typing import NoReturn

from filelock import FileLock, Timeout
from pebble import ProcessExpired, ProcessPool

from benchmark.jobs import HEARTBEAT_S, Done, Job, Report, Status
from benchmark.limits import GRACE_S, end_with

SLACK_S = 30.0  # past the limit and its grace: a process that has not ended itself by then is killed

LEFT = 72  # exit status of a worker that a method ended with status 0
POOLS = 3  # tried, where one breaks: all its processes were lost before they had a run


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
