"""How far it is and how long it will take: a bar on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_EVERY_S = 5.0


class Line:
    """Counts towards a total. Several threads may call it."""

    def __init__(self, what: str, total: int, unit: str, scale: float) -> None:
        self.what, self.total, self.unit, self.scale, self.done = what, total, unit, scale, 0
        self._begun = self._told = time.monotonic()
        self._lock = threading.Lock()
        self.bar: Progress | None = None

    def __call__(self, more: int) -> None:
        """That many more are done."""
        with self._lock:
            self.done += more
            if self.bar is not None:
                self.bar.update(self.bar.task_ids[0], completed=self.done, told=self._count())
            elif (now := time.monotonic()) - self._told > _EVERY_S and self.done:
                self._told = now
                left = (now - self._begun) * (self.total - self.done) / self.done
                print(f"{self.what}: {self._count()}; about {left:.0f} s left", file=sys.stderr, flush=True)

    def _count(self) -> str:
        return f"{self.done / self.scale:,.0f} of {self.total / self.scale:,.0f} {self.unit}"


@contextmanager
def progress(what: str, total: int, unit: str, scale: float = 1) -> Iterator[Line]:
    """Tell of `total` things, in a unit of `scale` of them. Gives what is to be called with each number done."""
    line, console = Line(what, total, unit, scale), Console(stderr=True)
    if not console.is_terminal:
        yield line
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn()
    with Progress(*columns, console=console) as line.bar:
        line.bar.add_task(what, total=total, told="")
        yield line
