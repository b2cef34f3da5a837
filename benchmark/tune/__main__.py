"""Choose settings in the open: `python -m benchmark.tune METHOD ...` gives each method the same number of trials.

Trials are runs like any other, judged on validation clips, and go through the engines of `benchmark.run` into a
folder of their own: a search that is stopped goes on where it was. Every trial is recorded in `results/tuning/`,
and `results/tuning.md` says which was best; `--report` makes that page of the records alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain, leave
from benchmark.run_options import whole

if TYPE_CHECKING:
    from benchmark.requests import Request
    from benchmark.results import Result
    from benchmark.tune.search import Asked, Told, Tried

TASK = "phrases/timbre+rhythm"  # which the board does not use


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = Parser(prog="python -m benchmark.tune", description=(__doc__ or "").split("\n\n")[0])
    add = parser.add_argument
    add(
        "method", nargs="*", metavar="METHOD", help="methods that have a search, as benchmark/tune/spaces.py lists them"
    )
    add("--trials", type=int, default=16, metavar="N", help="of each method (default: %(default)s)")
    add("--task", default=TASK, help="what they are tried on (default: %(default)s)")
    add("--preset", default="tuning", help="how much of it (default: %(default)s)")
    add("--final-preset", default="finals", help="and for the best of them (default: %(default)s)")
    add("--runs", default="runs/tuning/results", metavar="DIR", help="where the runs lie (default: %(default)s)")
    add(
        "--output", type=Path, default=Path("results/tuning"), metavar="DIR", help="of the records (the page is DIR.md)"
    )
    add("--workers", type=whole, metavar="N", help="runs at once (default: one a core)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--finals", action="store_true", help="the finals alone, of trials that are recorded")
    add("--report", action="store_true", help="run nothing; the page, from the records alone")
    options: argparse.Namespace = parser.parse_args(argv)
    if not options.method and not options.report:
        parser.error("the following arguments are required: METHOD, or --report")
    if options.method and options.report:
        parser.error(f"--report runs nothing, so it takes no method; got {options.method[0]}")
    if options.trials < 1:
        parser.error(f"--trials is {options.trials}; expected 1 or more")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing of a search, and write what it gave. Returns the exit status."""
    options = arguments(argv)
    from benchmark.results import check_writable
    from benchmark.storage import write_whole
    from benchmark.tune.page import page
    from benchmark.tune.search import search
    from benchmark.tune.spaces import space_of

    try:
        methods = list(dict.fromkeys(options.method))
        for method in methods:
            space_of(method)
        if methods:
            _check(options)
            check_writable(options.output)
            _check_records(options, methods)
            if not options.finals:
                search(methods, options.trials, partial(evaluated, options, options.preset), partial(kept, options))
            finish(options, methods)
        file = options.output.with_suffix(".md")
        write_whole(file, page(options.output))
    except (ValueError, OSError) as error:
        complain(error)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted: finished runs are stored, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    print(f"wrote {file}")
    return DONE


def _check(options: argparse.Namespace) -> None:
    """Raise ValueError for a task or a preset that there is not, before any folder is made."""
    from benchmark.tasks import load_preset, load_task

    load_task(options.task)
    load_preset(options.preset)
    load_preset(options.final_preset)


def _check_records(options: argparse.Namespace, methods: Sequence[str]) -> None:
    """Raise ValueError where a record that is there would be cut short, or is not to be compared with what is asked."""
    from benchmark.tune.record import file_of, read
    from benchmark.version import BENCHMARK_VERSION

    for method in methods:
        for stage, preset in (("trials", options.preset), ("finals", options.final_preset)):
            if stage == "trials" and options.finals:
                continue  # which are read, whatever they are of
            path = file_of(options.output, BENCHMARK_VERSION, method, stage)
            if not path.is_file():
                continue
            there = read(path)
            if (there.task, there.preset) != (options.task, preset):
                raise ValueError(
                    f"{path} holds {stage} of {there.task}, preset {there.preset}, not to be compared with "
                    f"{options.task}, {preset}: give another --output, or move it"
                )
            if stage == "trials" and len(there.trials) > options.trials:
                raise ValueError(
                    f"{path} holds {len(there.trials)} trials, which --trials {options.trials} would cut: give "
                    f"{len(there.trials)} or more, or another --output"
                )


def finish(options: argparse.Namespace, methods: Sequence[str]) -> None:
    """Do the finals of some methods, whose trials are recorded, and write what came of them."""
    from benchmark.tune.finals import final
    from benchmark.tune.record import file_of, read, write
    from benchmark.version import BENCHMARK_VERSION

    records = {method: read(file_of(options.output, BENCHMARK_VERSION, method)) for method in methods}
    ready = {method: record for method, record in records.items() if record.chosen() is not None}
    evaluate = partial(evaluated, options, options.final_preset)
    for method, record in final(ready, evaluate, options.final_preset).items():
        write(file_of(options.output, BENCHMARK_VERSION, method, "finals"), record)
        best = record.chosen()
        told = "none is complete" if best is None else f"number {best.number} is chosen, B {best.balance:.3f}"
        print(f"{method}: {len(record.trials)} finalists; {told}", flush=True)


def evaluated(options: argparse.Namespace, preset: str, asked: Sequence[Asked]) -> list[Told | None]:
    """Do what is missing of some runs. Returns what came of each; None for one that failed. Raises ValueError."""
    from benchmark.batch import carried_out

    requests = [_request(options, preset, one) for one in asked]
    found, _ = carried_out(requests, options.runs, options.device, options.workers)
    return [_told(results[0] if results else None) for results in found]


def _request(options: argparse.Namespace, preset: str, one: Asked) -> Request:
    from benchmark.requests import Request

    return Request(
        method=[one.method],
        task=[options.task],
        preset=preset,
        seeds=[one.seed],
        set={name: [value] for name, value in one.settings.items()},
    )


def _told(result: Result | None) -> Told | None:
    from benchmark.tune.search import Told

    if result is None:
        return None
    # Not the start of a process, which is its first run's alone.
    seconds = sum(value for stage, value in result.cost.seconds.items() if stage != "start")
    return Told(**result.ranked(), seconds=seconds)


def kept(options: argparse.Namespace, method: str, trials: Sequence[Tried]) -> None:
    """Write the record of a method, and say which trial is the best so far. One of more trials stays until then."""
    from benchmark.tune.record import Record, file_of, read, write
    from benchmark.version import BENCHMARK_VERSION

    record = Record(options.task, options.preset, tuple(trials))
    path = file_of(options.output, BENCHMARK_VERSION, method)
    if not path.is_file() or len(read(path).trials) <= len(trials):
        write(path, record)
    best = record.chosen()
    told = "none is complete" if best is None else f"the best is number {best.number}, B {best.balance:.3f}"
    print(f"{method}: {len(trials)} trials; {told}", flush=True)


if __name__ == "__main__":
    leave(main())
