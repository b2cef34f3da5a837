"""The runs of a study: those that are missing are done, through the engines of `benchmark.run`, and all are read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmark import run_options
from benchmark.batch import execute, results_of, writable
from benchmark.engines import planned_workers
from benchmark.estimates import expected_seconds, known_results, summary, told
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.results import Result
from benchmark.storage import place, reachable
from benchmark.study.strategies import Cell


def done(options: argparse.Namespace, cells: Sequence[Cell]) -> tuple[list[tuple[Cell, Result]], int]:
    """Do what is missing. Returns all runs that are there, cell by cell, and how many failed. Raises ValueError."""
    line = ["--method", "combined", "--results", options.runs, "--device", options.device]
    line += ["--workers", str(options.workers)] if options.workers else []
    given, root = run_options.arguments(line), reachable(place(options.runs))
    requests = [
        Request(
            method=[cell.method],
            task=[cell.task],
            preset=options.preset,
            seeds=options.seeds,
            set={name: [value] for name, value in cell.settings.items()},
        )
        for cell in cells
    ]
    whole = plan(requests, root)
    seconds = expected_seconds(whole.todo, known_results(whole, root))
    print(summary(whole, sum(seconds.values()), planned_workers(given, len(whole.todo))), flush=True)
    for run in whole.runs if options.dry_run else []:
        what = f"to do, about {told(seconds[run.id])}" if run.id in seconds else "there"
        print(f"  {run.id[:12]}  {run.title}: {what}")
    failures = {}
    if whole.todo and not options.dry_run:
        with writable(root):
            failures = execute(whole, given, root)
    found = []
    for cell, request in zip(cells, requests, strict=True):
        found += [(cell, result) for result in results_of(plan([request], root), root).values()]
    return found, len(failures)
