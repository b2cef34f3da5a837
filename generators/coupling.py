"""Two factors made to depend on each other: tables of their levels, and rows drawn to fit a table.

A table is int64 [n_first, n_second], a weight for each pair of levels; a cell is a place in it, read row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Rows to draw from, the preferred first. rows: int64 [n]. cells: int64 [n], where each row lies in the table."""

    rows: Rows
    cells: Rows

    def counts(self, n_cells: int) -> Rows:
        """How many rows lie in each cell: int64 [n_cells]."""
        return np.bincount(self.cells, minlength=n_cells)


def coupling(n_first: int, n_second: int) -> Table:
    """The table of two factors that depend on each other as much as they can while both are uniform.

    Both divide one line, from their first level to their last; two levels go together as far as their parts overlap.
    Where one number of levels divides the other, the factor with fewer levels is a function of the other.
    Every row sums to n_second, every column to n_first.
    """
    first, second = np.arange(n_first)[:, None] * n_second, np.arange(n_second)[None] * n_first
    return (np.minimum(first + n_second, second + n_first) - np.maximum(first, second)).clip(0)


def arranged(table: Table, possible: NDArray[np.bool_]) -> Table:
    """The table with the levels of its longer side moved, as little as can be, so that all weight is where it can be.

    possible: bool, as the table. Sums of rows and columns stay, for all lines of the longer side have the same.
    Raises ValueError where there is no such order.
    """
    from scipy.optimize import linear_sum_assignment  # here, for it takes longer to import than a split to draw

    if table.shape[0] < table.shape[1]:
        return arranged(table.T, possible.T).T
    n = len(table)
    weighs = (table > 0).astype(np.int64)
    misfits = (~possible).astype(np.int64) @ weighs.T  # [level, line]: cells with weight and no rows
    places = np.arange(n)
    # Squares of small odd steps part equal distances, so that there is one best order, whichever solver looks for it.
    distance = np.abs(places[:, None] - places) * 2.0**30 + (places[:, None] * 7919 + places * 104729) ** 2 % 1_000_003
    try:
        levels, lines = linear_sum_assignment(np.where(misfits == 0, distance, np.inf))
    except ValueError:
        raise ValueError(
            "some levels have too few combinations left to depend on each other; expected a space with more of them"
        ) from None
    moved = np.empty_like(table)
    moved[levels] = table[lines]
    return moved


def lend(giver: Pool, taker: Pool, table: Rows) -> tuple[Pool, Pool]:
    """Both pools, after the taker got one row of the giver for each cell with weight where it has none of its own.

    table: int64 [cells]. A cell where the giver has no row either stays empty.
    """
    lacking = (table > 0) & (taker.counts(len(table)) == 0)
    candidates = np.flatnonzero(lacking[giver.cells])
    lent = candidates[np.unique(giver.cells[candidates], return_index=True)[1]]
    return (
        Pool(np.delete(giver.rows, lent), np.delete(giver.cells, lent)),
        Pool(np.append(taker.rows, giver.rows[lent]), np.append(taker.cells, giver.cells[lent])),
    )


def dependent(pool: Pool, table: Rows, strength: float, n: int) -> Rows:
    """`n` rows whose cells follow a mixture: (1 - strength) of the pool's own frequencies, strength of the table.

    table: int64 [cells], with weight where the pool has rows alone. Every cell's count is within one of the mixture's.
    The rows of a cell are used equally often, up to one, the preferred first. Returns int64 [n], ascending.
    """
    present = pool.counts(len(table))
    target = n * ((1 - strength) * present / len(pool.rows) + strength * table / table.sum())
    counts = np.diff(np.rint(np.cumsum(target)).astype(np.int64), prepend=0)
    order = np.argsort(pool.cells, kind="stable")
    cells = pool.cells[order]
    place = np.arange(len(cells)) - np.searchsorted(cells, cells)
    times = counts[cells] // present[cells] + (place < counts[cells] % present[cells])
    return np.sort(np.repeat(pool.rows[order], times))
