"""Studies: `python -m benchmark.study strategies`, or `forerunner`, runs what is missing of it and writes its page.

Runs go through the engines of `benchmark.run` into a folder of their own, so a study that is stopped goes on where it
was. `--report` makes page and figure of the record alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, FAILED, INTERRUPTED, USAGE, Parser, complain, leave
from benchmark.run_options import whole

if TYPE_CHECKING:
    from benchmark.study.record import Row
    from benchmark.study.strategies import Cell

FIGURE = "strategies.png"
PRESETS = {"strategies": "short", "forerunner": "long"}  # SynTone takes longer to learn than `phrases`


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = Parser(prog="python -m benchmark.study", description=(__doc__ or "").split("\n\n")[0])
    add = parser.add_argument
    add("study", choices=["strategies", "forerunner"], help="which study")
    add("--part", nargs="+", metavar="NAME", help="these parts alone (default: all, the most important first)")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4], metavar="N", help="(default: 0 1 2 3 4)")
    usual = ", ".join(f"{preset} of {study}" for study, preset in PRESETS.items())
    add("--preset", help=f"how much of it (default: {usual})")
    add("--runs", default="runs/study/results", metavar="DIR", help="where the runs lie (default: %(default)s)")
    add("--output", type=Path, default=Path("results/study"), metavar="DIR", help="of the record and the page")
    add("--workers", type=whole, metavar="N", help="runs at once (default: one a core)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--dry-run", action="store_true", help="show what would be run")
    add("--report", action="store_true", help="run nothing; the page, from the record alone")
    options: argparse.Namespace = parser.parse_args(argv)
    options.preset = options.preset or PRESETS[options.study]
    return options


def chosen(options: argparse.Namespace) -> list[Cell]:
    """The cells that the options select. Raises ValueError for a part that there is not."""
    from benchmark.study import forerunner, strategies
    from benchmark.tasks import nearest

    cells = strategies.cells() if options.study == "strategies" else forerunner.cells()
    parts = list(dict.fromkeys(cell.part for cell in cells))
    for part in options.part or ():
        if part not in parts:
            raise ValueError(f"no part '{part}'{nearest(part, parts)} There are: {', '.join(parts)}")
    return [cell for cell in cells if options.part is None or cell.part in options.part]


def run(options: argparse.Namespace, asked: Sequence[Cell]) -> tuple[list[Row], int]:
    """Do what is missing. Returns the rows of all runs that are there, and how many failed. Raises ValueError."""
    from benchmark.study.record import row_of
    from benchmark.study.runs import done

    found, failed = done(options, asked)
    return [row_of(cell, result) for cell, result in found], failed


def strategies(options: argparse.Namespace) -> int:
    """The study of strategies, from its runs to its page. Returns how many runs failed. Raises ValueError."""
    from benchmark.storage import write_whole
    from benchmark.study import figure, page, record
    from benchmark.study.strategies import cells

    path = options.output / "strategies.csv"
    asked, failed = chosen(options), 0
    if options.report:
        rows = record.read(path)
    else:
        kept = record.read_to_add(path, record.Row, options.preset)
        new, failed = run(options, asked)
        if options.dry_run:
            return 0
        done = {(row.part, row.cell, row.seed) for row in new}
        rows = [row for row in kept if (row.part, row.cell, row.seed) not in done] + new
        rows = record.of_plan(rows, cells())
        record.write(rows, path)
    drawn = any(row.part == "weight" for row in rows)
    if drawn:
        figure.draw(rows, options.output / FIGURE)
    write_whole(options.output / "strategies.md", page.page(cells(), rows, figure=FIGURE if drawn else ""))
    return failed


def main(argv: Sequence[str] | None = None) -> int:
    """Run a study and write what it shows. Returns the exit status."""
    options = arguments(argv)
    try:
        if options.study == "strategies":
            failed = strategies(options)
        else:
            from benchmark.study.forerunner_runs import study

            failed = study(options, chosen(options))
    except (ValueError, OSError) as error:
        complain(error)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted: finished runs are stored, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    if not options.dry_run:
        print(f"wrote {options.output / options.study}.md")
    return FAILED if failed else DONE


if __name__ == "__main__":
    leave(main())
