"""What the report is about: the tables of the board, their methods, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.board import Row, by_table, rows_of
from benchmark.oracles import FAMILY as ORACLE
from benchmark.report.names import page_name
from benchmark.results import Result


@dataclass(frozen=True)
class Table:
    """One preset and task: the methods as the leaderboard ranks them, and the oracles, which never rank.

    absent: methods that have results of this preset elsewhere, and none here.
    """

    preset: str
    task: str
    task_version: str
    space_version: str
    blocks: Mapping[str, Sequence[str]]
    rows: tuple[Row, ...]
    oracles: tuple[Row, ...]
    absent: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """As the leaderboard has it."""
        return f"{self.preset}: {self.task}"

    @property
    def space(self) -> str:
        """The name of the space that its clips are of."""
        return self.task.partition("/")[0].partition("@")[0]

    @property
    def factors(self) -> list[str]:
        """Every factor, by block."""
        return list(dict.fromkeys(factor for owned in self.blocks.values() for factor in owned))

    @property
    def seeds(self) -> list[int]:
        """Every seed that some method was run with."""
        return sorted({run.seed for row in self.rows for run in row.results})

    def missing_seeds(self, row: Row) -> list[int]:
        """Seeds that others have and this method has not."""
        return sorted(set(self.seeds) - {run.seed for run in row.results})

    def page(self, row: Row) -> str:
        """The file of a method's page."""
        blocks = repr([(block, list(owned)) for block, owned in self.blocks.items()])
        method = row.results[0].method
        return page_name("method", method, self.task, self.preset, self.task_version, self.space_version, blocks)


def tables_of(results: Sequence[Result]) -> list[Table]:
    """The tables of the leaderboard in its order; results whose preset, versions or blocks differ share none."""
    return [_table(group, results) for group in by_table(results)]


def _table(group: Sequence[Result], results: Sequence[Result]) -> Table:
    first, rows = group[0], rows_of(group)
    others = {run.method for run in results if run.preset == first.preset and run.family != ORACLE}
    oracles = sorted({run.method for run in group if run.family == ORACLE})
    return Table(
        preset=first.preset,
        task=first.task,
        task_version=first.task_version,
        space_version=first.space_version,
        blocks=first.blocks,
        rows=tuple(rows),
        oracles=tuple(Row(tuple(run for run in group if run.method == name), None) for name in oracles),
        absent=tuple(sorted(others - {run.method for run in group})),
    )
