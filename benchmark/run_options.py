"""The command line of `python -m benchmark.run`. Imports nothing that is slow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import Parser

if TYPE_CHECKING:
    from benchmark.jobs import Limits
    from benchmark.requests import Request

TASK, PRESET = "phrases/timbre", "quick"
PRECISIONS = ("auto", "float32", "bfloat16")  # auto: bfloat16 where the device multiplies it
ENGINES = ("auto", "here", "pool", "ray")
LONGEST_S = 3_600.0
MOST_MEMORY = 0.9  # of the machine's, for all runs together
GIB = 2**30
ASKED = ("method", "task", "preset", "seeds", "set", "plugin")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    from benchmark.tasks import PRESETS

    parser = Parser(
        prog="python -m benchmark.run",
        description="Train self-supervised methods on sound with known factors, and score what they learnt.",
        epilog="python -m benchmark.list shows the methods, oracles, tasks and presets that there are.",
    )
    add = parser.add_argument
    add("--method", nargs="+", action="extend", metavar="NAME", help="methods or oracles; all; oracles")
    add("--task", nargs="+", action="extend", metavar="TASK", help=f"space/shared-factors (default: {TASK})")
    add("--preset", help=f"how much of it: {', '.join(PRESETS)} (default: {PRESET})")
    add("--seeds", nargs="+", action="extend", type=int, metavar="N", help="a run for each (default: 0)")
    add(
        "--set",
        nargs="+",
        action="extend",
        metavar="NAME=VALUE",
        help="settings of the method, as temperature=0.1; several values, as temperature=0.1,0.2, are a run each",
    )
    add("--plugin", metavar="FILE.py", help="a method or encoder of your own; or FILE.py:Name, package.module:Name")
    add("--runs", type=Path, metavar="FILE.yaml", help="all of the above from a file, as results/board.yaml")
    add("--data", metavar="DIR", help="read the clips from an export's files (python -m generators.dataset export)")
    add("--dry-run", action="store_true", help="show what would be run, and how long it would take")
    add("--force", action="store_true", help="compute again what is already there")
    add("--rescore", action="store_true", help="score kept embeddings anew, without training (default: all)")
    add("--results", default="results", metavar="DIR", help="folder, or address as s3://..., of the results")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--precision", choices=PRECISIONS, default="auto", help="of matrix products in training (default: auto)")
    add("--threads", type=whole, default=1, metavar="N", help="of a run (default: 1; the digits depend on it)")
    add("--engine", choices=ENGINES, default="auto", help="here: one by one; pool: processes; ray: a cluster")
    add("--workers", type=whole, metavar="N", help="processes of the pool (default: one a core)")
    add("--address", metavar="HOST:PORT", help="of the Ray cluster; auto: the one that runs here")
    add("--cpus", type=_positive, metavar="N", help="cores of a run on Ray (default: its threads)")
    add("--gpus", type=_not_negative, default=0.0, metavar="N", help="GPUs of a run on Ray, as 0.25 (default: 0)")
    add("--time-limit", type=_not_negative, metavar="S", help="seconds that a run may take (default: 3600; 0: any)")
    add("--memory-limit", type=_positive, metavar="GIB", help="that a run may take (default: its share of 90 %%)")
    add("--checkpoint-every", type=_positive, default=30.0, metavar="S", help="seconds (default: 30)")
    options = parser.parse_args(argv)
    _check(parser, options)
    return options


def _check(parser: Parser, options: argparse.Namespace) -> None:
    given = [name for name in ASKED if getattr(options, name)]
    if options.rescore:
        senseless = [name for name in ("set", "plugin", "data", "force", "runs", "dry_run") if getattr(options, name)]
        if senseless:
            parser.error(f"--rescore trains nothing, so it takes no --{senseless[0].replace('_', '-')}")
    elif options.runs is not None and given:
        parser.error(f"--runs says what to run, so it takes no --{given[0]}")
    elif options.runs is None and not options.method:
        parser.error("the following arguments are required: --method, or --runs with a file")
    if options.address and options.engine != "ray":
        parser.error("--address is of a Ray cluster: add --engine ray")


def requests(options: argparse.Namespace) -> list[Request]:
    """What the options ask for. Raises ValueError in one line."""
    from benchmark.requests import Request, from_file, values_set

    if options.runs is not None:
        return from_file(options.runs)
    return [
        Request(
            method=options.method,
            task=options.task or [TASK],
            preset=options.preset or PRESET,
            seeds=options.seeds or [0],
            set=values_set(options.set or []),
            plugin=options.plugin,
        )
    ]


def limits(options: argparse.Namespace, workers: int) -> Limits:
    """What each run may take. Where nothing is said: an hour, and its share of the memory of this machine."""
    import psutil

    from benchmark.jobs import Limits

    seconds = LONGEST_S if options.time_limit is None else options.time_limit or None
    if options.memory_limit is not None:
        return Limits(seconds, round(options.memory_limit * GIB))
    if options.engine == "ray":  # whose machines are others, and which watches over their memory itself
        return Limits(seconds, None)
    return Limits(seconds, round(MOST_MEMORY * psutil.virtual_memory().total / workers))


def whole(text: str) -> int:
    """A whole number from 1, as the type of an option."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return number


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0")
    return number


def _not_negative(text: str) -> float:
    return _number(text)


def _positive(text: str) -> float:
    if _number(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return _number(text)
