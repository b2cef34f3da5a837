"""Where a run works until it is finished: its lock, log and checkpoint, and the last words of a process that was ended.

`artefacts/.unfinished/<id>/`, beside the results. Removed when the result is stored; what is still there tells of a run
that was killed, or that failed, and lets the same command go on where it stopped.
"""

from __future__ import annotations

import contextlib
import glob
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from benchmark.results import artefact_root
from benchmark.storage import Place, write_whole

FOLDER = ".unfinished"
CHECKPOINT = "checkpoint.safetensors"
LAST_WORDS = "ended.json"
LOG = "log.txt"
ATTEMPTS = 100  # to lock a file in a folder that other processes make and remove


class Workplace:
    """The folder of one unfinished run.

    results: the results folder. On a disk of this machine, or one that it shares, a lock keeps two processes from doing
    the same run; an object store has none, so that there it may be done twice, with the same result.
    """

    def __init__(self, results: Place, run_id: str) -> None:
        self.folder: Place = artefact_root(results) / FOLDER / run_id

    @property
    def checkpoint(self) -> Place:
        """The checkpoint's file."""
        return self.folder / CHECKPOINT

    @property
    def log(self) -> Place:
        """The log's file."""
        return self.folder / LOG

    @contextmanager
    def locked(self, wait: bool) -> Iterator[bool]:
        """Hold the run's lock; yields whether it could be had. wait: until another process gives it back.

        The operating system frees the lock of a process that dies. Raises OSError where the folder cannot be written.
        """
        if not isinstance(self.folder, Path):
            yield True
            return
        lock = FileLock(self.folder.with_suffix(".lock"), timeout=-1 if wait else 0)
        try:
            self._acquire(lock)
        except Timeout:
            yield False
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)  # another process may have finished, and cleared, meanwhile
            yield True
        finally:
            with suppress(OSError):
                self.folder.rmdir()  # where nothing is left to go on from
                self._remove_lock()
            lock.release()

    def _acquire(self, lock: FileLock) -> None:
        """Raises Timeout, and OSError where the folder cannot be written."""
        for attempt in reversed(range(ATTEMPTS)):
            try:
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                lock.acquire()
                return
            except (FileNotFoundError, FileExistsError):
                # Another process, which had finished, has just removed the folder: before it was looked at, or while.
                if not attempt:
                    raise

    @contextmanager
    def logged(self) -> Iterator[TextIO]:
        """Everything that this process prints, its libraries included, goes to the log, which is yielded.

        At an address that is no disk's, the log is put there at the end of the block.
        """
        with contextlib.ExitStack() as stack:
            if isinstance(self.log, Path):
                file = self.log
            else:
                file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / LOG
            log = stack.enter_context(_redirected(file))
            try:
                yield log
            finally:
                log.flush()
                if not isinstance(self.log, Path):
                    with suppress(OSError):  # the run's own end matters more
                        write_whole(self.log, file.read_bytes())

    def say_last_words(self, command: str, reason: str) -> None:
        """Leave word of why this process is about to be ended."""
        with suppress(OSError):  # nobody is left to be told
            write_whole(self.folder / LAST_WORDS, json.dumps({"command": command, "reason": reason}))

    def last_words(self, command: str) -> str | None:
        """Why a process that did this run for the same command was ended; None where none was."""
        try:
            told = json.loads((self.folder / LAST_WORDS).read_bytes())
        except (OSError, ValueError):
            return None
        return str(told["reason"]) if isinstance(told, dict) and told.get("command") == command else None

    def clear(self) -> None:
        """Remove what a run that is finished needs no more; its folder goes with the lock."""
        for name in (CHECKPOINT, LAST_WORDS, LOG):
            with suppress(OSError):
                (self.folder / name).unlink()
            swept(self.folder / name)

    def tidy(self) -> None:
        """Clear what a process left that was killed when it had stored the result, unless another is at it."""
        if isinstance(self.folder, Path) and self.folder.exists():
            with suppress(OSError), self.locked(wait=False) as mine:  # a folder that is only to be read stays as it is
                if mine:
                    self.clear()

    def _remove_lock(self) -> None:
        """Who waits for the lock holds its file open, and finds the result when it is freed."""
        self.folder.with_suffix(".lock").unlink(missing_ok=True)
        self.folder.parent.rmdir()  # the last one


def swept(place: Place) -> None:
    """Remove what processes that were killed while they wrote a file or a folder left beside it, on a disk."""
    if isinstance(place, Path):
        for left in place.parent.glob(f".{glob.escape(place.name)}.*"):
            shutil.rmtree(left, ignore_errors=True)
            with suppress(OSError):
                left.unlink()


class _Log(io.FileIO):
    """A file that goes without what its disk has no room for: a run does not fail for its log."""

    def write(self, content: Any) -> int:
        """As a file has it, without its errors."""
        try:
            return super().write(content) or 0
        except OSError:
            return len(content)


@contextmanager
def _redirected(file: Path) -> Iterator[TextIO]:
    """What Python prints, and what is written to file descriptors 1 and 2, goes to a file, added to what it holds."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    with io.TextIOWrapper(io.BufferedWriter(_Log(file, "a")), encoding="utf-8", line_buffering=True) as target:
        try:
            for number in (1, 2):
                os.dup2(target.fileno(), number)
            with contextlib.redirect_stdout(target), contextlib.redirect_stderr(target):
                yield target
        finally:
            target.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
