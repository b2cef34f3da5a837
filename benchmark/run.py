"""Train methods and score them: `python -m benchmark.run --method combined`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.tasks import BENCHMARK_VERSION, PRESETS

if TYPE_CHECKING:
    from benchmark.engines import Prepared, Run
    from benchmark.stages import Stages

USAGE, FAILED, INTERRUPTED = 2, 1, 130


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.run",
        description="Train self-supervised methods on sound with known factors, and score what they learnt.",
        epilog="python -m benchmark.list shows the methods, tasks and presets that there are.",
    )
    add = parser.add_argument
    add("--method", nargs="+", required=True, metavar="NAME", help="one or more methods, or: all")
    add("--task", default="phrases/timbre", help="space/shared-factors (default: %(default)s)")
    add("--preset", default="quick", help=f"how much of it: {', '.join(PRESETS)} (default: %(default)s)")
    add("--seeds", nargs="+", type=int, default=[0], metavar="N", help="a run for each (default: 0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the method, as temperature=0.1")
    add("--plugin", type=Path, metavar="FILE.py", help="a file that defines a method, named as the file is")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="where results go (default: %(default)s)")
    add("--force", action="store_true", help="compute again what is already there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for. Returns the exit status."""
    started = time.perf_counter()
    options = arguments(argv)
    try:
        return _main(options, started)
    except KeyboardInterrupt:
        print(
            "\ninterrupted: nothing of the unfinished run was stored; the same command starts it again", file=sys.stderr
        )
        return INTERRUPTED


def _main(options: argparse.Namespace, started: float) -> int:
    names = " ".join(options.method)
    print(f"dTones {BENCHMARK_VERSION}: {names} on {options.task}, preset {options.preset}; starting", flush=True)
    try:
        runs = plan(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    return _execute(runs, options.force, started)


def plan(options: argparse.Namespace) -> list[Run]:
    """Every run that the options ask for. Raises ValueError, in one line, for whatever is wrong with them."""
    from benchmark import options as checks
    from benchmark.engines import Run
    from benchmark.results import check_writable
    from benchmark.tasks import load_preset, load_task

    task, preset = load_task(options.task), load_preset(options.preset)
    given = checks.parsed(options.set)
    for seed in options.seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed} is out of range; expected 0 to {2**32 - 1}")
    methods = checks.chosen_methods(options.method, options.plugin)
    settings = {name: checks.settings_for(name, cls.Settings, given) for name, (cls, _) in methods.items()}
    device = checks.chosen_device(options.device)
    runs = [
        Run(task, preset, checks.label(name, given), cls, source, settings[name], seed, device, options.results)
        for name, (cls, source) in methods.items()
        for seed in dict.fromkeys(options.seeds)
    ]
    for run in runs:
        check_writable(run.place.parent)
        check_writable(run.artefacts)
    return runs


def _execute(runs: list[Run], force: bool, started: float) -> int:
    from benchmark.engines import prepare_task
    from benchmark.stages import Stages, console
    from benchmark.train import DivergedError

    screen = console()
    todo = [run for run in runs if force or not run.place.is_file()]
    for run in runs:
        if run not in todo:
            _show_finished(run)
    if not todo:
        return 0
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
        except DivergedError as error:
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


def _show_finished(run: Run) -> None:
    from benchmark.results import read
    from benchmark.stages import console
    from benchmark.summary import show

    result = read(run.place)
    changed = "" if result.source_hash == run.source_hash else "; the code has changed since"
    print(f"{run.label}, seed {run.seed}: there already, not computed again (--force does){changed}")
    show(result, run.place, run.artefacts, console())


if __name__ == "__main__":
    sys.exit(main())
