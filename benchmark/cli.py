"""Command lines: every mistake in one line, with the nearest option that there is. Imports nothing that is slow."""

from __future__ import annotations

import argparse
import atexit
import difflib
import os
import select
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, without the usage before it."""

    def __init__(self, **options: Any) -> None:
        self._known: list[str] = []
        super().__init__(**options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """As argparse has it; the names are remembered."""
        self._known += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse has it, but an unknown option is told before anything else: a typo is not a missing option."""
        given = sys.argv[1:] if args is None else list(args)
        for text in given:
            name = text.partition("=")[0]
            if name.startswith("--") and not any(known.startswith(name) for known in self._known):
                near = difflib.get_close_matches(name, self._known, n=1, cutoff=0.5)
                self.error(f"no option '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(USAGE, f"error: {message}{'' if message.endswith('?') else ';'} --help shows the options\n")


def nobody_reads() -> bool:
    """Whether standard output is a pipe that its reader has closed, as `| head` does; nothing more is written to it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    closed = any(event & select.POLLERR for _, event in poll.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return closed


def leave(status: int) -> NoReturn:
    """End this process, all that waits for its end done and all output written, but without taking Python down.

    To take down a Python that has loaded torch takes as long as to load a third of it.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = status or FAILED
    sys.stderr.flush()
    os._exit(status)


def complain(error: object) -> None:
    """Tell a mistake on standard error, in one line."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
