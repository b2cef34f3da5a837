"""The first page: the tables of the board, and two numbers of every method against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.board import Row
from benchmark.calibration import ABOUT as ABOUT_ORACLES
from benchmark.markdown import NONE, number
from benchmark.oracles import ORACLES
from benchmark.report.contents import Table
from benchmark.report.metrics import IN_TABLE, axes, cells, points, seconds


def board_page(
    tables: Sequence[Table], spaces: Mapping[str, str], version: str | None, older: Sequence[str]
) -> dict[str, object]:
    """What `board.html.j2` shows. spaces: {name: its page}. older: benchmark versions that are not shown."""
    families = sorted({row.results[0].family for table in tables for row in table.rows})
    titles = list(IN_TABLE)
    return {
        "version": version,
        "older": list(older),
        "spaces": spaces,
        "families": families,
        "presets": list(dict.fromkeys(table.preset for table in tables)),
        "tasks": list(dict.fromkeys(table.task for table in tables)),
        "axes": axes(),
        "columns": ["rank", "method", *titles[:3], "family", *titles[3:], "seconds", "seeds"],
        "numeric": ["rank", *IN_TABLE, "seconds", "seeds"],
        "sections": [_section(table) for table in tables],
        "about_oracles": ABOUT_ORACLES,
        "data": {
            "families": families,
            "axes": axes(),
            "tables": [[_point(table, row) for row in table.rows] for table in tables],
        },
    }


def _section(table: Table) -> dict[str, object]:
    return {
        "table": table,
        "rows": [_line(table, row) for row in table.rows],
        "oracles": [_oracle(table, row) for row in table.oracles],
        "marks": [mark for mark in "†‡" if any(mark in row.name for row in table.rows)],
    }


def _line(table: Table, row: Row) -> dict[str, object]:
    missing = table.missing_seeds(row)
    seeds = str(len(row.results)) + (f" (missing: {', '.join(map(str, missing))})" if missing else "")
    took = seconds(row)
    return {
        "name": row.name,
        "family": row.results[0].family,
        "href": table.page(row),
        "rank": NONE if row.rank is None else str(row.rank),
        "rank_sort": row.rank,
        "cells": [
            *cells(row),
            {"text": number(took, 0 if took >= 10 else 1), "sort": took},
            {"text": seeds, "sort": len(row.results)},
        ],
    }


def _oracle(table: Table, row: Row) -> dict[str, object]:
    known = {one.label: one for one in ORACLES}.get(row.name)
    summary = known.summary if known else "learns, and is given the factors in training"
    owners = all(table.blocks.values()) and len(table.blocks) > 1
    expected = [number(value) for value in known.expected(table.blocks)] if known and owners else [NONE] * 3
    measured = [str(cell["text"]) for cell in cells(row)[:3]]
    return {"name": row.name, "summary": summary, "pairs": list(zip(expected, measured, strict=True))}


def _point(table: Table, row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "family": row.results[0].family,
        "rank": row.rank,
        "control": row.control,
        "href": table.page(row),
        "values": points(row),
    }
