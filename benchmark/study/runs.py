"""The runs of a study: those that are missing are done, through the engines of `benchmark.run`, and all are read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmark.batch import carried_out
from benchmark.requests import Request
from benchmark.results import Result
from benchmark.study.strategies import Cell


def done(options: argparse.Namespace, cells: Sequence[Cell]) -> tuple[list[tuple[Cell, Result]], int]:
    """Do what is missing. Returns all runs that are there, cell by cell, and how many failed. Raises ValueError."""
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
    found, failed = carried_out(requests, options.runs, options.device, options.workers, dry_run=options.dry_run)
    return [(cell, result) for cell, results in zip(cells, found, strict=True) for result in results], failed
