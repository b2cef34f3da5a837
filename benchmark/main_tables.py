"""The tables that a leaderboard is read for: one task's ranking, methods of one block, and all tasks together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING

from benchmark.markdown import NONE, interval, mean, number, table
from benchmark.metrics.table import BALANCE, DISENTANGLEMENT, PRESERVATION
from benchmark.statistics import mean_interval, ranks

if TYPE_CHECKING:
    from benchmark.board import Row

RECONSTRUCTION = ("reconstruction_r2", "standard_decoder_r2")

ABOUT_ONE_BLOCK = """\
Methods of one block, with no idea of blocks: what they keep is measured, and they have no D, no B and no rank.
"""
ABOUT_OVERALL = f"""\
B of each task, and the mean over {{tasks}},
which ranks as B does in one task: by a t test paired by seed, of each seed's mean over these tasks, of the methods that
have them all. {NONE}: not run, or not to be ranked.
"""


def ranking(rows: Sequence[Row]) -> str:
    """The main table of a task."""
    header = ["rank", "method", "family", "P", "D", "B", "reconstruction R²", "seconds (median)", "seeds", "device"]
    metrics = (PRESERVATION, DISENTANGLEMENT, BALANCE, RECONSTRUCTION[0])
    return table(
        header,
        [
            [NONE if row.rank is None else str(row.rank), row.name, row.results[0].family]
            + [interval(row.values(metric)) for metric in metrics]
            + _cost(row)
            for row in rows
        ],
        left=3,
    )


def one_block(rows: Sequence[Row]) -> str:
    """Methods of one block, by P."""
    header = ["method", "family", "P", "reconstruction R²", "of the standard decoder", "seconds (median)", "seeds"]
    ordered = sorted(rows, key=lambda row: (-mean_interval(row.values(PRESERVATION) or [-1.0])[0], row.name))
    metrics = (PRESERVATION, *RECONSTRUCTION)
    return table(
        [*header, "device"],
        [
            [row.name, row.results[0].family, *(interval(row.values(metric)) for metric in metrics), *_cost(row)]
            for row in ordered
        ],
        left=2,
    )


def _cost(row: Row) -> list[str]:
    seconds = median(run.cost.total_seconds for run in row.results)
    devices = ", ".join(sorted({run.environment.device for run in row.results}))
    return [number(seconds, 0 if seconds >= 10 else 1), str(len(row.results)), devices]


def overall(tasks: Mapping[str, Sequence[Row]], counted: Sequence[str]) -> str:
    """Methods by their B in several tasks.

    tasks: the rows of each; those set by hand or without B are left out. counted: those that the mean is over.
    """
    by_task = {
        task: {row.name: row.by_seed(BALANCE) for row in rows if not row.by_hand and row.values(BALANCE)}
        for task, rows in tasks.items()
    }
    families = {row.name: row.results[0].family for rows in tasks.values() for row in rows}
    controls = {row.name for rows in tasks.values() for row in rows if row.control}
    unsure = {row.name for task in counted for row in tasks[task] if row.rank is None}
    names = sorted({name for found in by_task.values() for name in found})
    means = {name: _by_seed([by_task[task].get(name, {}) for task in counted]) for name in names}
    rank = ranks({name: values for name, values in means.items() if values and name not in controls | unsure})
    order = sorted(
        names,
        key=lambda n: (n in controls, rank.get(n) or len(names), -fmean(means[n].values()) if means[n] else 1.0, n),
    )
    lines = [
        [
            NONE if rank.get(name) is None else str(rank[name]),
            name,
            families[name],
            interval(list(means[name].values())),
            *(mean(list(found.get(name, {}).values())) for found in by_task.values()),
        ]
        for name in order
    ]
    return table(["rank", "method", "family", "mean B", *by_task], lines, left=3)


def _by_seed(tasks: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """The mean over tasks, of each seed that all of them have."""
    common = set.intersection(*(set(values) for values in tasks))
    return {seed: fmean(values[seed] for values in tasks) for seed in sorted(common)}
