"""What a study keeps of its runs: a row a run in a CSV file, from which its page is made again at any time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from benchmark.results import Result
from benchmark.storage import write_whole
from benchmark.study.forerunner import Reading
from benchmark.study.strategies import Cell
from benchmark.version import BENCHMARK_VERSION

RANKED = ("preservation", "disentanglement", "balance")


class RecordError(ValueError):
    """A record that cannot be read, said in one line."""


@dataclass(frozen=True)
class Row:
    """One run. settings: those that are not the method's defaults. id: see `results.identity`. seconds: of the run."""

    part: str
    cell: str
    method: str
    settings: str
    task: str
    seed: int
    preservation: float
    disentanglement: float
    balance: float
    gap_shared: float
    gap_private: float
    seconds: float
    preset: str
    benchmark_version: str
    id: str


R = TypeVar("R", Row, Reading)


def row_of(cell: Cell, result: Result) -> Row:
    """The row of a cell's result."""
    ranked = result.ranked()
    return Row(
        part=cell.part,
        cell=cell.name,
        method=cell.method,
        settings=cell.written,
        task=cell.task,
        seed=result.seed,
        **{name: ranked[name] for name in RANKED},
        gap_shared=result.value("gap", "shared"),
        gap_private=result.value("gap", "private"),
        seconds=round(result.cost.total_seconds, 1),
        preset=result.preset,
        benchmark_version=result.benchmark_version,
        id=result.id or "",
    )


def of_plan(rows: Sequence[R], cells: Sequence[Cell]) -> list[R]:
    """The rows of some cells as they are now, in their order, seeds ascending; those of other settings are no more."""
    places = {(cell.part, cell.name, cell.written): place for place, cell in enumerate(cells)}
    known = [(places.get((row.part, row.cell, row.settings)), row) for row in rows]
    there = [(place, row.seed, row) for place, row in known if place is not None]
    return [row for _, _, row in sorted(there, key=lambda one: one[:2])]


def write(rows: Iterable[Row] | Iterable[Reading], path: Path, kind: type[Row] | type[Reading] = Row) -> None:
    """Write a record of rows of a kind, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([one.name for one in fields(kind)])
    for row in rows:
        writer.writerow([getattr(row, one.name) for one in fields(kind)])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue())


def read(path: Path) -> list[Row]:
    """Read a record of the study of strategies. Raises RecordError as `read_as`."""
    return read_as(path, Row)


def read_as(path: Path, kind: type[R]) -> list[R]:
    """Read a record of rows of a kind. Raises RecordError, in one line, where it is missing or damaged."""
    if not path.is_file():
        raise RecordError(f"no record {path}: run the study first, without --report")
    kinds = {one.name: {"int": int, "float": float, "str": str}[str(one.type)] for one in fields(kind)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [kind(**{name: of(line[name]) for name, of in kinds.items()}) for line in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: not a record of runs ({type(error).__name__}: {error})") from None


def read_to_add(path: Path, kind: type[R], preset: str) -> list[R]:
    """The rows that new runs of a preset are added to; none where there is no file.

    Raises RecordError where it is damaged, and where it holds runs that cannot be compared with the new ones.
    """
    rows = read_as(path, kind) if path.is_file() else []
    for row in rows:
        if (row.preset, row.benchmark_version) != (preset, BENCHMARK_VERSION):
            there, new = f"{row.preset} of version {row.benchmark_version}", f"{preset} of {BENCHMARK_VERSION}"
            raise RecordError(
                f"{path} holds runs of preset {there}, not to be compared with {new}: give another --output, or move it"
            )
    return rows
