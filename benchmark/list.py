"""What there is: `python -m benchmark.list` shows the tasks, methods and presets, a line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baselines import registry
from benchmark import learners, oracles
from benchmark.cli import Parser
from benchmark.tasks import BOARD, DIAGNOSTICS, EXTRA, PRESETS

FILE_WIDTH = 300  # where the output is no terminal: nothing is cut


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lists. Returns the exit status."""
    Parser(
        prog="python -m benchmark.list", description="Show the tasks, methods and presets that there are."
    ).parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    console.print(_lines("methods", {name: registry.summary(registry.path_of(name)) for name in registry.names()}))
    console.print(_lines("encoders with known answers, for calibration", oracles.summaries()))
    learning = {name: registry.summary(learners.path_of(name)) for name in learners.names()}
    console.print(_lines("oracles that learn: they see the factors, and never rank", learning))
    console.print(_lines("tasks", {name: _task_line(name) for name in BOARD}))
    console.print(_lines("tasks beside the board", {name: _task_line(name) for name in EXTRA}))
    console.print(_lines("presets", {preset.name: preset.summary for preset in PRESETS.values()}))
    return 0


def _task_line(name: str) -> str:
    place, _, shared = name.partition("/")
    space, _, split = place.partition("@")
    what = f"views of one example, made by the space {space}, {_shared_line(shared)}"
    return f"{what}; the factors of training clips are not independent: {split}" if split else what


def _shared_line(shared: str) -> str:
    if shared in DIAGNOSTICS:
        return f"{DIAGNOSTICS[shared]}: preservation alone, no rank"
    ways = [f"share {way.replace('+', ' and ')} and nothing else" for way in shared.split(",")]
    return " or ".join(ways)


def _lines(title: str, rows: dict[str, str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for name, text in rows.items():
        table.add_row(name, Text(text))  # as Text, for [square brackets] in a string are styles
    return table


if __name__ == "__main__":
    sys.exit(main())
