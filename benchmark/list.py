"""What there is: `python -m benchmark.list` shows the tasks, methods and presets, a line each.

With `--methods` a table of the methods in Markdown, the README's: family, whether it ranks, which tasks it declines and
why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baselines import plugins, registry
from benchmark import learners, oracles
from benchmark.cli import USAGE, Parser, complain
from benchmark.markdown import NONE, table
from benchmark.tasks import BOARD, DIAGNOSTICS, EXTRA, PRESETS, load_task

if TYPE_CHECKING:
    from baselines.contract import Method

FILE_WIDTH = 300  # where the output is no terminal: nothing is cut


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lists. Returns the exit status."""
    parser = Parser(prog="python -m benchmark.list", description="Show the tasks, methods and presets that there are.")
    parser.add_argument("--methods", action="store_true", help="the methods alone, as a table in Markdown")
    if parser.parse_args(argv).methods:
        print(methods_table(), end="")
        return 0
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    console.print(_lines("methods", {name: registry.summary(registry.path_of(name)) for name in registry.names()}))
    console.print(_lines("encoders with known answers, for calibration", oracles.summaries()))
    learning = {name: registry.summary(learners.path_of(name)) for name in learners.names()}
    console.print(_lines("oracles that learn: they see the factors, and never rank", learning))
    console.print(_lines("tasks", {name: _task_line(name) for name in BOARD}))
    console.print(_lines("tasks beside the board", {name: _task_line(name) for name in EXTRA}))
    console.print(_lines("presets", {preset.name: preset.summary for preset in PRESETS.values()}))
    try:
        offered = {
            name: f"{one.value} ({one.dist.name if one.dist else '?'})" for name, one in plugins.installed().items()
        }
    except ValueError as error:
        complain(error)
        return USAGE
    if offered:
        console.print(_lines("methods that installed packages offer", offered))
    return 0


def methods_table() -> str:
    """Every built-in method, by family, in Markdown; it loads them all."""
    from baselines.contract import Family

    loaded = {name: registry.load(name) for name in registry.names()}
    order = sorted(loaded, key=lambda name: (get_args(Family).index(loaded[name].family), name))
    lines = [
        [
            f"`{name}`",
            loaded[name].family,
            "one" if loaded[name].one_block else "by task",
            registry.summary(registry.path_of(name)).rstrip("."),
            _declined(loaded[name]),
        ]
        for name in order
    ]
    return table(["method", "family", "blocks", "what it is", "tasks that it declines"], lines, left=5)


def _declined(method: type[Method]) -> str:
    """The tasks that a method declines, by reason; `NONE` where it takes all."""
    from benchmark.train import declined

    reasons: dict[str, list[str]] = {}
    for name in (*BOARD, *EXTRA):
        reason = declined(method, load_task(name))
        if reason is not None:
            reasons.setdefault(reason, []).append(f"`{name}`")
    return "; ".join(f"{', '.join(tasks)}: {reason}" for reason, tasks in reasons.items()) or NONE


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
    lines = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
    lines.add_column(style="cyan", no_wrap=True)
    lines.add_column(no_wrap=True, overflow="ellipsis")
    for name, text in rows.items():
        lines.add_row(name, Text(text))  # as Text, for [square brackets] in a string are styles
    return lines


if __name__ == "__main__":
    sys.exit(main())
