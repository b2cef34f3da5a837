"""Submit a method to the board: `python -m benchmark.submit my_method.py --authors ... --licence ...`.

Checks what a method promises, runs the board's tasks and seeds (those that are there already are not run again), writes
the card beside the results, checks all of it and says what to put into the pull request. `--check FOLDER` checks a
submission that came from elsewhere, without running any of its code.
Exit status: 0 all is in order; 1 something is not; 2 a mistake in the command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.cli import DONE, FAILED, INTERRUPTED, USAGE, Parser, complain

if TYPE_CHECKING:
    from baselines.plugins import Address
    from benchmark.execution import Run
    from benchmark.requests import Request
    from benchmark.submit.card import Card

ASKED = ("authors", "reference", "licence", "trained_on")


def main(argv: Sequence[str] | None = None) -> int:
    """Submit, or check. Returns the exit status."""
    options = _arguments(argv)
    try:
        return _checked(Path(options.check), []) if options.check is not None else _submitted(options)
    except ValueError as error:
        complain(error)
        return USAGE
    except OSError as error:
        complain(f"cannot write in {options.results} ({error.strerror or error})")
        return FAILED
    except KeyboardInterrupt:
        print("interrupted: finished runs are stored, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="python -m benchmark.submit", description="Run a method for the board, and write its card.")
    add = parser.add_argument
    add("plugin", nargs="?", metavar="FILE.py", help="or FILE.py:Name, package.module:Name")
    add("--authors", nargs="+", metavar="NAME", help="of the method")
    add("--reference", help="a paper or a page that describes it")
    add("--licence", help="of its code and weights, as Apache-2.0")
    add("--trained-on", help="all that it saw in training; of a method that the suite trains nothing need be said")
    add("--tasks", nargs="+", metavar="TASK", help="default: those of the board")
    add("--seeds", nargs="+", type=int, metavar="N", help="default: 0 1 2 3 4")
    add("--preset", default="quick", help="default: %(default)s")
    add("--results", default="results", metavar="DIR", help="default: %(default)s")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--workers", type=int, metavar="N", help="runs at once (default: one a core)")
    add("--check", metavar="DIR", help="check the submissions in a results folder, and run nothing")
    options = parser.parse_args(argv)
    if (options.check is None) == (options.plugin is None):
        parser.error("give a plugin's file, or --check with a folder")
    return options


def _checked(root: Path, lines: Sequence[str]) -> int:
    """Check the submissions in a folder. lines: what to say where all is in order."""
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder; give the one that holds the results")
    from benchmark.submit.check import problems

    found = problems(root)
    for problem in found:
        complain(problem)
    print("\n".join(lines or ["all is in order"]) if not found else f"{len(found)} faults")
    return FAILED if found else DONE


def _submitted(options: argparse.Namespace) -> int:
    from baselines.plugins import Address
    from benchmark.batch import carried_out
    from benchmark.requests import Request
    from benchmark.submit import card as cards
    from benchmark.submit.check import SEEDS, problems, wanting
    from benchmark.submit.contract import faults
    from benchmark.tasks import BOARD

    address = Address.of(options.plugin)
    request = Request(
        method=[address.name],
        task=options.tasks or list(BOARD),
        preset=options.preset,
        seeds=options.seeds or list(SEEDS),
        plugin=options.plugin,
    )
    card, source = _card(options, request, address)
    broken = _each_task(request, faults)
    for fault in broken:
        complain(fault)
    if broken:
        return FAILED
    print(f"{card.method} keeps what a plugin promises; now the runs", flush=True)
    rest = wanting(card)
    if rest:
        print(f"a part of a submission; the board also wants: {'; '.join(rest)}", flush=True)
    root = Path(options.results)
    _, failed = carried_out([request], options.results, options.device, options.workers)
    if failed:
        complain(f"{failed} runs failed; the same command tries them again")
        return FAILED
    written = cards.write(card, source, root)
    found = problems(root, request.preset, request.task, request.seeds)
    mine = [line for line in found if f"/{card.method}/" in line or f"/{card.method}:" in line]
    for problem in mine:
        complain(problem)
    print(f"{len(mine)} faults" if mine else "\n".join(_rest(rest) if rest else _advice(card, written, root)))
    return FAILED if mine else DONE


def _each_task(request: Request, faults: Callable[[Run], list[str]]) -> list[str]:
    """What is wrong with the plugin, on the first task that finds anything."""
    from benchmark.plan import plan
    from benchmark.work import resolved

    nowhere = Path("nowhere-at-all")
    for task in request.task:
        run = plan([request.model_copy(update={"task": [task], "seeds": request.seeds[:1]})], nowhere).runs[0]
        found = faults(resolved(run, "cpu"))
        if found:
            return found
    return []


def _card(options: argparse.Namespace, request: Request, address: Address) -> tuple[Card, Path]:
    """The card of the options, and the plugin's file. Raises ValueError for whatever of it is missing or cannot be."""
    from pydantic import ValidationError

    from benchmark.options import chosen_methods
    from benchmark.results import wrong
    from benchmark.submit import card as cards
    from benchmark.version import BENCHMARK_VERSION

    chosen, source = chosen_methods(request.method, request.plugin)[address.name]
    shape: Literal["method", "encoder"] = "method" if isinstance(chosen, type) else "encoder"
    given = {name: getattr(options, name) for name in ASKED}
    if shape == "method" and not given["trained_on"]:
        given["trained_on"] = cards.BY_THE_SUITE
    missing = [f"--{name.replace('_', '-')}" for name, value in given.items() if not value]
    if missing:
        raise ValueError(f"the card of a submission also needs {', '.join(missing)}; --help says what each is")
    try:
        card = cards.Card(
            **given,
            method=address.name,
            shape=shape,
            plugin=source.name,
            plugin_sha256=cards.sha256(source),
            benchmark_version=BENCHMARK_VERSION,
            preset=request.preset,
            tasks=request.task,
            seeds=request.seeds,
        )
    except ValidationError as error:
        raise ValueError(f"--{wrong(error).replace('trained_on', 'trained-on')}") from None
    return card, source


def _rest(rest: Sequence[str]) -> list[str]:
    """What to do where what was asked for is less than the board wants."""
    return [
        "\nwhat was asked for is there, and in order. It is no submission yet; the board also wants:\n",
        *(f"  {line}" for line in rest),
        "\nThe same command without --tasks, --seeds and --preset runs that alone, and writes the card anew.",
    ]


def _advice(card: Card, written: Sequence[Path], root: Path) -> list[str]:
    """What to put into the pull request."""
    tasks = [root / card.benchmark_version / card.preset / task / card.method for task in card.tasks]
    return [
        "\nall is in order. Put into the pull request, which needs nothing else:\n",
        *(f"  git add {path}" for path in [*written, *tasks]),
        f"\nand say in it: {card.method}, by {', '.join(card.authors)} ({card.reference}; {card.licence}); "
        f"trained on: {card.trained_on}.",
        "The board is rebuilt from these files: python -m benchmark.leaderboard",
    ]


if __name__ == "__main__":
    sys.exit(main())
