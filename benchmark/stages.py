"""What a run tells the one who waits for it: which stage it is in, how far, and how long each took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0  # between lines of progress where there is no terminal to draw a bar on

Report = Callable[[int, int], None]


class Stages:
    """Times the stages of a run and shows the one under way: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._console = console

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[Report]:
        """Time a stage under `name`; yields the function to report (done, of how many) to."""
        start = time.perf_counter()
        with self._shown(what) as report:
            yield report
        took = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        self._console.print(f"[green]✓[/] {what} [dim]{took:.1f} s[/]", highlight=False)

    @contextmanager
    def _shown(self, what: str) -> Iterator[Report]:
        if not self._console.is_terminal:
            yield self._lines(what)
            return
        columns = (
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("· left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    def _lines(self, what: str) -> Report:
        start = last = time.perf_counter()

        def report(done: int, total: int) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - last >= LINE_EVERY_S and 0 < done < total:
                last = now
                left = (now - start) / done * (total - done)
                self._console.print(f"  {what}: {done}/{total}, {left:.0f} s left", highlight=False)

        return report


def console() -> Console:
    """Where a run talks to its user; wide enough for its table where the output is no terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110)
