"""What many runs tell while they go on, and at their end: a line a run, the time left, a table, and what failed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmark.estimates import told
from benchmark.jobs import Report, Specification, Status
from benchmark.metrics.table import BALANCE, DISENTANGLEMENT, PRESERVATION
from benchmark.plan import Plan, stored
from benchmark.results import Result
from benchmark.storage import Place

LETTERS = {PRESERVATION: "P", DISENTANGLEMENT: "D", BALANCE: "B"}


class Progress:
    """Counts runs as they end. workers: how many go on at once."""

    def __init__(self, plan: Plan, workers: int) -> None:
        self._total, self._ended = len(plan.todo), 0
        self._many = len(plan.runs) > 1
        self._workers, self._begun = workers, time.monotonic()

    def finished(self, run: Specification, report: Report, root: Place) -> None:
        """Tell of a run that is stored."""
        self._ended += 1
        result = stored(run, root)
        if not self._many or result is None:
            return
        by = "by another process" if report.status is Status.FOUND else f"{report.seconds:.0f} s"
        for note in report.notes:
            print(f"{run.title}: {note}")
        self._print(f"{run.title}: {_ranked(result)}; {by}")

    def failed(self, run: Specification, report: Report) -> None:
        """Tell of a run that failed."""
        self._ended += 1
        if self._many:
            self._print(f"{run.title}: FAILED, {report.reason}")

    def heartbeat(self) -> None:
        """Tell that it still goes on."""
        self._print(f"... {self._total - self._ended} not finished yet", counted=False)

    def _print(self, text: str, counted: bool = True) -> None:
        left = self._total - self._ended
        count = f"[{self._ended:{len(str(self._total))}}/{self._total}] " if counted else ""
        took = time.monotonic() - self._begun
        beside = min(self._workers - 1, left) / 2  # what goes on beside the one that ended is half done, on the whole
        seconds = took / max(1, self._ended + beside) * (left - beside)
        ahead = f"; about {told(seconds)} left" if left and self._ended else ""
        print(f"{count}{text}{ahead}", flush=True)


def overview(
    found: Mapping[str, Result],
    failures: Mapping[str, Report],
    runs: Sequence[Specification],
    console: Console,
) -> None:
    """The table of many runs, a row a method and task, means over seeds; then the failures, each with its log."""
    rows: dict[tuple[str, str, str], list[Result]] = {}
    for run in runs:
        group = rows.setdefault((run.task, run.preset, run.label), [])
        if run.id in found:
            group.append(found[run.id])
    table = Table(title="means over seeds", title_justify="left")
    for column in ("task", "preset", "method"):
        table.add_column(column, overflow="fold")
    for column in (*LETTERS.values(), "seeds", "seconds"):
        table.add_column(column, justify="right")
    for names, results in rows.items():
        seconds = statistics.median(result.cost.total_seconds for result in results) if results else None
        table.add_row(*names, *_means(results), str(len(results)), "—" if seconds is None else f"{seconds:.0f}")
    console.print(table)
    if failures:
        console.print(f"{len(failures)} failed; the same command tries them again, and goes on where they stopped:")
    for run in runs:
        if run.id in failures:
            report = failures[run.id]
            log = f"\n    log: {report.log}" if report.log else ""
            console.print(f"  {run.title}: {report.reason}{log}", markup=False, highlight=False, soft_wrap=True)


def _means(results: Sequence[Result]) -> list[str]:
    values = [result.ranked() for result in results]
    return [
        f"{statistics.fmean(one[metric] for one in values):.3f}"
        if values and all(metric in one for one in values)
        else "—"
        for metric in LETTERS
    ]


def _ranked(result: Result) -> str:
    return ", ".join(f"{LETTERS[metric]} {value:.3f}" for metric, value in result.ranked().items())
