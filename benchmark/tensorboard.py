"""Losses for TensorBoard: `python -m benchmark.tensorboard` copies every run's `losses.csv` into event files.

Then `tensorboard --logdir runs/tensorboard`. It needs the extra `tensorboard`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.cli import DONE, USAGE, Parser, complain

LOSSES = "losses.csv"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = Parser(prog="python -m benchmark.tensorboard", description="Copy losses into event files of TensorBoard.")
    add = parser.add_argument
    add("--artefacts", type=Path, default=Path("artefacts"), metavar="DIR", help="of the runs (default: %(default)s)")
    add("--logdir", type=Path, default=Path("runs/tensorboard"), metavar="DIR", help="(default: %(default)s)")
    options: argparse.Namespace = parser.parse_args(argv)
    return options


def scalars(path: Path) -> Iterator[tuple[int, str, float]]:
    """(step, term, value) of a file of losses; a term that a step did not log is left out."""
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = int(float(row.pop("step")))
            yield from ((step, term, float(value)) for term, value in row.items() if value)


def copy(losses: Path, folder: Path) -> None:
    """Write one run's losses into a folder of its own, in the place of what was copied there before."""
    from torch.utils.tensorboard import SummaryWriter

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(folder)) as writer:
        for step, term, value in scalars(losses):
            writer.add_scalar(term, value, step)


def main(argv: Sequence[str] | None = None) -> int:
    """Copy the losses of every run below a folder. Returns the exit status."""
    options = arguments(argv)
    found = sorted(options.artefacts.rglob(LOSSES))
    if not found:
        complain(f"no {LOSSES} below {options.artefacts}; python -m benchmark.run leaves them there: --artefacts DIR")
        return USAGE
    try:
        for losses in found:
            copy(losses, options.logdir / losses.parent.relative_to(options.artefacts))
    except ModuleNotFoundError as error:
        complain(f"{error}: pip install -e '.[tensorboard]'")
        return USAGE
    print(f"{len(found)} runs; tensorboard --logdir {options.logdir} shows them")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
