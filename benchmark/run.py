"""Train methods and score them: `python -m benchmark.run --method combined`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from benchmark.engines import Prepared, Run
    from benchmark.results import Result
    from benchmark.stages import Stages

USAGE, FAILED, INTERRUPTED = 2, 1, 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(USAGE, f"error: {message}; --help shows the options\n")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    from benchmark.tasks import PRESETS

    parser = Parser(
        prog="python -m benchmark.run",
        description="Train self-supervised methods on sound with known factors, and score what they learnt.",
        epilog="python -m benchmark.list shows the methods, tasks and presets that there are.",
    )
    add = parser.add_argument
    add("--method", nargs="+", action="extend", required=True, metavar="NAME", help="one or more methods, or: all")
    add("--task", default="phrases/timbre", help="space/shared-factors (default: %(default)s)")
    add("--preset", default="quick", help=f"how much of it: {', '.join(PRESETS)} (default: %(default)s)")
    add("--seeds", nargs="+", action="extend", type=int, metavar="N", help="a run for each (default: 0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--set", nargs="+", action="extend", metavar="NAME=VALUE", help="settings of the method, as temperature=0.1")
    add("--plugin", type=Path, metavar="FILE.py", help="a file that defines a method, named as the file is")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="where results go (default: %(default)s)")
    add("--force", action="store_true", help="compute again what is already there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for. Returns the exit status."""
    started = time.perf_counter()
    try:
        return _main(arguments(argv), started)
    except KeyboardInterrupt:
        start_of_line = "\n" if sys.stderr.isatty() else ""  # a terminal shows ^C where the cursor was
        print(
            f"{start_of_line}interrupted: nothing of the unfinished run was stored; the same command starts it again",
            file=sys.stderr,
        )
        return INTERRUPTED


def _main(options: argparse.Namespace, started: float) -> int:
    from benchmark.results import read
    from benchmark.tasks import BENCHMARK_VERSION

    names = " ".join(options.method)
    print(f"dTones {BENCHMARK_VERSION}: {names} on {options.task}, preset {options.preset}; starting", flush=True)
    with ExitStack() as stack:
        try:
            runs = plan(options)
            todo = [run for run in runs if options.force or not run.place.is_file()]
            finished = [(run, read(run.place)) for run in runs if run not in todo]
            stack.enter_context(writable([folder for run in todo for folder in (run.place.parent, run.artefacts)]))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return USAGE
        for run, result in finished:
            _show_finished(run, result)
        return _execute(todo, started) if todo else 0


def plan(options: argparse.Namespace) -> list[Run]:
    """Every run that the options ask for. Raises ValueError, in one line, for whatever is wrong with them."""
    from benchmark import options as checks
    from benchmark.engines import Run, hashed
    from benchmark.tasks import load_preset, load_task

    task, preset = load_task(options.task), load_preset(options.preset)
    given = checks.parsed(options.set or [])
    seeds = list(dict.fromkeys(options.seeds or [0]))
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed} is out of range; expected 0 to {2**32 - 1}")
    methods = checks.chosen_methods(options.method, options.plugin)
    settings = {name: checks.settings_for(name, cls.Settings, given) for name, (cls, _) in methods.items()}
    device = checks.chosen_device(options.device)
    runs = []
    for name, (cls, source) in methods.items():
        label, source_hash = checks.label(name, settings[name], given), hashed(source, task)
        runs += [
            Run(task, preset, label, cls, source_hash, settings[name], seed, device, options.results) for seed in seeds
        ]
    return runs


@contextmanager
def writable(folders: Sequence[Path]) -> Iterator[None]:
    """Make folders and check that files can be written there; remove those that are still empty at the end.

    Raises ValueError, before anything else is done, naming the first that cannot be written.
    """
    from benchmark.results import check_writable

    made = {place for folder in folders for place in (folder, *folder.parents) if not place.exists()}
    try:
        for folder in folders:
            check_writable(folder)
        yield
    finally:
        for place in sorted(made, key=lambda place: len(place.parts), reverse=True):
            with suppress(OSError):  # not empty, or never made
                place.rmdir()


def _execute(todo: list[Run], started: float) -> int:
    from benchmark.engines import prepare_task
    from benchmark.results import ResultError
    from benchmark.stages import Stages, console
    from benchmark.train import ContractError, DivergedError

    screen = console()
    shared = Stages(screen)
    shared.seconds["start"] = time.perf_counter() - started
    prepared = prepare_task(todo[0].task, todo[0].preset, todo[0].device, shared)
    failures = 0
    for number, run in enumerate(todo):
        stages = Stages(screen)
        stages.seconds |= shared.seconds
        begun = started if number == 0 else time.perf_counter() - sum(shared.seconds.values())
        try:
            _one(run, prepared, stages, begun)
        except (DivergedError, ContractError, ResultError) as error:
            print(f"error: {run.label}, seed {run.seed}: {error}", file=sys.stderr)
            failures += 1
    return FAILED if failures else 0


def _one(run: Run, prepared: Prepared, stages: Stages, begun: float) -> None:
    """Execute a run, draw its pictures, store its result, show it."""
    from benchmark import results
    from benchmark.artefacts import keep
    from benchmark.engines import execute, result_of
    from benchmark.stages import console
    from benchmark.summary import show

    outcome = execute(run, prepared, stages)
    with stages.stage("show", "drawing the pictures"):
        keep(run, outcome)
    result = result_of(run, outcome, stages, begun)
    results.write(result, run.results)
    show(result, run.place, run.artefacts, console())


def _show_finished(run: Run, result: Result) -> None:
    from benchmark.stages import console
    from benchmark.summary import show

    changed = "" if result.source_hash == run.source_hash else "; the code has changed since"
    print(f"{run.label}, seed {run.seed}: there already, not computed again (--force does){changed}")
    show(result, run.place, run.artefacts, console())


if __name__ == "__main__":
    sys.exit(main())
