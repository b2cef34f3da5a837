"""Limits of time and memory: a run that goes over one is ended, and says why.

A thread looks at the clock and at the memory of the process. What it ends it ends by a signal whose handler raises
`LimitError` in the main thread, so that the run cleans up after itself and the process goes on with the next. A run
that is stuck where no handler can run (inside a library, say) has a few seconds more; then its process ends, after the
reason was written down.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

CHECK_EVERY_S = 0.2
GRACE_S = 15.0  # after the signal; an iteration in a library that takes longer than that is stuck
STUCK = 70  # exit status of a process that had to be ended
ORPHANED = 71  # and of a worker whose engine was killed: nobody would hear of its work
GIB = 2**30


class LimitError(BaseException):
    """A run went over a limit. No `Exception`, for a method that catches those must not be able to catch this."""


def end_with(parent: int) -> None:
    """From now on this process ends when the one that it works for does, whatever it is at: it would be for nobody."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(CHECK_EVERY_S)
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="orphan", daemon=True).start()


@contextmanager
def limited(seconds: float | None, n_bytes: int | None, last_words: Callable[[str], None]) -> Iterator[None]:
    """Raise LimitError in the main thread when the block takes longer, or the process more memory, than is allowed.

    seconds, n_bytes (resident): None for no limit. last_words: called with the reason before a process that is stuck is
    ended. Only in the main thread.
    """
    ended = threading.Event()
    reasons: list[str] = []

    def raise_it(signum: int, frame: FrameType | None) -> None:
        if not ended.is_set():
            raise LimitError(reasons[-1])

    def watch() -> None:
        begun, process = time.monotonic(), psutil.Process()
        while not ended.wait(CHECK_EVERY_S):
            reason = _over(time.monotonic() - begun, seconds, process.memory_info().rss, n_bytes)
            if reason:
                reasons.append(reason)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
                if not ended.wait(GRACE_S):
                    last_words(f"{reason}, and did not stop when it was told to")
                    os._exit(STUCK)
                return

    before = signal.signal(signal.SIGUSR1, raise_it)
    watcher = threading.Thread(target=watch, name="limits", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def _over(took_s: float, seconds: float | None, rss: int, n_bytes: int | None) -> str | None:
    """Which limit was passed, in words; None where none was."""
    if seconds is not None and took_s > seconds:
        return f"it took longer than its {seconds:g} s (--time-limit)"
    if n_bytes is not None and rss > n_bytes:
        return f"it took {rss / GIB:.1f} GiB of memory, more than its {n_bytes / GIB:.1f} (--memory-limit)"
    return None
