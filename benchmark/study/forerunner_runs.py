"""The forerunner's study from its runs to its page: embeddings are read again for other classes, several at once."""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import generators
from benchmark.artefacts import kept
from benchmark.engines import usable_cores
from benchmark.results import Result, artefact_dir
from benchmark.storage import Place, write_whole
from benchmark.study import choice, record, runs
from benchmark.study.forerunner import TASK, UNHEARD, Reading, accuracies, cells, reading_of, unheard_frequency
from benchmark.study.forerunner_page import page
from benchmark.study.strategies import Cell
from benchmark.tasks import load_task

RECORD, PAGE = "forerunner.csv", "forerunner.md"


def study(options: argparse.Namespace, asked: Sequence[Cell]) -> int:
    """Do what is missing of some cells and write what all show. Returns how many runs failed. Raises ValueError."""
    path, failed = options.output / RECORD, 0
    if options.report:
        rows = record.read_as(path, Reading)
    else:
        rows = record.read_to_add(path, Reading, options.preset)
        found, failed = runs.done(options, asked)
        if options.dry_run:
            return 0
        for reading in readings(found, rows, options.runs, options.workers):
            rows = merged(rows, reading)
            record.write(rows, path, Reading)
    write_whole(options.output / PAGE, page(rows, tried=choice.read(options.output / choice.NAME)))
    return failed


def merged(rows: Sequence[Reading], new: Reading) -> list[Reading]:
    """Rows with a new one, in the place of that of its cell and seed; see `record.of_plan`."""
    kept_rows = [row for row in rows if (row.part, row.cell, row.seed) != (new.part, new.cell, new.seed)]
    return record.of_plan([*kept_rows, new], cells())


def readings(
    found: Sequence[tuple[Cell, Result]], rows: Sequence[Reading], root: str, workers: int | None
) -> Iterator[Reading]:
    """The reading of each run: that of a row of its id where there is one, for a new one takes a minute.

    root: of the results. workers: how many are read at once; None: one a core. Raises ValueError where a run's
    embeddings are not kept.
    """
    known = {row.id: row.readings for row in rows if not math.isnan(row.unheard_frequency)}
    new = {result.id: result for _, result in found if result.id not in known}
    with ProcessPoolExecutor(workers or usable_cores(), multiprocessing.get_context("spawn")) as pool:
        waiting = {name: pool.submit(read, artefacts_of(result, root)) for name, result in new.items()}
        for cell, result in found:
            yield reading_of(cell, result, known.get(result.id or "") or waiting[result.id].result())


def artefacts_of(result: Result, root: str) -> Place:
    """The folder that a result's embeddings are kept in."""
    names = result.benchmark_version, result.preset, result.task, result.method, result.seed
    return artefact_dir(root, *names)


def read(folder: Place) -> dict[str, float]:
    """What `Reading.readings` has, of the embeddings in a folder. Raises ValueError where none are kept."""
    space = generators.space(load_task(TASK).space)
    codes = kept(folder, space)
    if codes is None:
        raise ValueError(f"no embeddings are kept in {folder}: remove the results of this study, and run it again")
    given = codes["probe"], codes["test"], space
    return {**accuracies(*given), UNHEARD: unheard_frequency(*given)}
