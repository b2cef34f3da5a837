"""Train methods and score them: `python -m benchmark.run --method combined`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, FAILED, INTERRUPTED, USAGE, Parser, complain

if TYPE_CHECKING:
    from baselines.contract import Method
    from benchmark.engines import Prepared, Run
    from benchmark.oracles import Oracle
    from benchmark.results import Result
    from benchmark.stages import Stages
    from benchmark.tasks import Task

TASK, PRESET = "phrases/timbre", "quick"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    from benchmark.tasks import PRESETS

    parser = Parser(
        prog="python -m benchmark.run",
        description="Train self-supervised methods on sound with known factors, and score what they learnt.",
        epilog="python -m benchmark.list shows the methods, oracles, tasks and presets that there are.",
    )
    add = parser.add_argument
    add("--method", nargs="+", action="extend", metavar="NAME", help="one or more methods or oracles; all; oracles")
    add("--task", help=f"space/shared-factors (default: {TASK})")
    add("--preset", help=f"how much of it: {', '.join(PRESETS)} (default: {PRESET})")
    add("--seeds", nargs="+", action="extend", type=int, metavar="N", help="a run for each (default: 0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--set", nargs="+", action="extend", metavar="NAME=VALUE", help="settings of the method, as temperature=0.1")
    add("--plugin", type=Path, metavar="FILE.py", help="a file that defines a method, named as the file is")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="where results go (default: %(default)s)")
    add("--force", action="store_true", help="compute again what is already there")
    add("--rescore", action="store_true", help="score kept embeddings anew, without training (default: all there are)")
    options = parser.parse_args(argv)
    if options.rescore:
        senseless = [f"--{name}" for name in ("set", "plugin", "force") if getattr(options, name)]
        if senseless:
            parser.error(f"--rescore trains nothing, so it takes no {senseless[0]}")
    elif not options.method:
        parser.error("the following arguments are required: --method")
    return options


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
    from benchmark.tasks import BENCHMARK_VERSION

    if options.rescore:
        print(f"dTones {BENCHMARK_VERSION}: scoring kept embeddings anew; starting", flush=True)
        return _rescore(options)
    names, task, preset = " ".join(options.method), options.task or TASK, options.preset or PRESET
    print(f"dTones {BENCHMARK_VERSION}: {names} on {task}, preset {preset}; starting", flush=True)
    from benchmark.results import read

    with ExitStack() as stack:
        try:
            runs = plan(options)
            todo = [run for run in runs if options.force or not run.place.is_file()]
            finished = [(run, read(run.place)) for run in runs if run not in todo]
            stack.enter_context(writable([folder for run in todo for folder in (run.place.parent, run.artefacts)]))
        except ValueError as error:
            complain(error)
            return USAGE
        for run, result in finished:
            _show_finished(run, result)
        return _execute(todo, started) if todo else DONE


def plan(options: argparse.Namespace) -> list[Run]:
    """Every run that the options ask for. Raises ValueError, in one line, for whatever is wrong with them.

    A method that declines the task is left out, with a line that says so, where "all" or "oracles" stood for it.
    """
    from benchmark import options as checks
    from benchmark.engines import Run, hashed
    from benchmark.tasks import load_preset, load_task

    task, preset = load_task(options.task or TASK), load_preset(options.preset or PRESET)
    given = checks.parsed(options.set or [])
    seeds = checks.checked_seeds(options.seeds or [0])
    methods = checks.chosen_methods(options.method, options.plugin)
    settings = {name: checks.settings_of(name, chosen, given) for name, (chosen, _) in methods.items()}
    device = checks.chosen_device(options.device)
    runs = []
    for name, (chosen, source) in methods.items():
        reason = _declines(chosen, task)
        if reason is not None:
            if name in options.method:
                raise ValueError(f"{name} cannot do {task.name}: {reason}")
            print(f"{name} is left out, for it cannot do {task.name}: {reason}")
            continue
        label, source_hash = checks.label(name, settings[name], given), hashed(source, task)
        runs += [
            Run(task, preset, label, chosen, source, source_hash, settings[name], seed, device, options.results)
            for seed in seeds
        ]
    return runs


def _declines(chosen: type[Method] | Oracle, task: Task) -> str | None:
    """Why a method or an oracle cannot do the task; None where it can."""
    from benchmark.oracles import Oracle

    if isinstance(chosen, Oracle):
        return chosen.declines(task.blocks) or _too_wide(chosen, task)
    return chosen.declines(tuple(task.blocks), task.views)


def _too_wide(chosen: Oracle, task: Task) -> str | None:
    """Why an oracle's code cannot be ranked; None where it can."""
    import numpy as np

    import generators
    from benchmark.score import WIDEST

    space = generators.space(task.space)
    codes = chosen(np.zeros((1, len(space.names)), np.int64), space.names, space.n_levels, task.blocks, seed=0)
    wide = [f"{block}' would be {code.shape[1]}" for block, code in codes.items() if code.shape[1] > WIDEST]
    return f"its block '{wide[0]} wide, and at most {WIDEST} can be ranked" if wide else None


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
    from benchmark.engines import check_builds, features_of, sound_of
    from benchmark.stages import Stages, console

    screen, first = console(), todo[0]
    shared = Stages(screen)
    shared.seconds["start"] = time.perf_counter() - started
    sound = sound_of(first.task, first.device, shared)
    try:
        check_builds(todo, sound[1])
    except ValueError as error:
        complain(error)
        return USAGE
    prepared = features_of(sound, first.task, first.preset, first.device, shared)
    failures = 0
    for number, run in enumerate(todo):
        stages = Stages(screen)
        stages.seconds |= shared.seconds
        begun = started if number == 0 else time.perf_counter() - sum(shared.seconds.values())
        failures += not _tried(run, prepared, stages, begun)
    return FAILED if failures else DONE


def _tried(run: Run, prepared: Prepared, stages: Stages, begun: float) -> bool:
    """One run; whether it was finished. What a method did wrong is told in one line, and stops its own run alone."""
    from baselines.registry import FOLDER, line_of, said_by
    from benchmark.oracles import Oracle
    from benchmark.results import ResultError
    from benchmark.train import ContractError, DivergedError

    try:
        _one(run, prepared, stages, begun)
    except (DivergedError, ContractError, ResultError) as error:
        complain(f"{run.label}, seed {run.seed}: {error}")
    except Exception as error:
        where = line_of(error, run.source)
        if not where or isinstance(run.method, Oracle) or run.source.resolve().is_relative_to(FOLDER):
            raise  # a mistake of the suite's own, whose traceback is wanted
        complain(f"{run.label}, seed {run.seed}: {run.source}{where}: {said_by(error)}")
    else:
        return True
    return False


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


def _rescore(options: argparse.Namespace) -> int:
    """Score every result that the options select anew. Status 1 where some of them have no kept embeddings."""
    from benchmark import rescore
    from benchmark.options import chosen_device
    from benchmark.results import ResultError
    from benchmark.stages import Stages, console

    try:
        device, wanted = chosen_device(options.device), rescore.chosen(options)
    except ValueError as error:
        complain(error)
        return USAGE
    failures = 0
    for result in wanted:
        name = f"{result.method} on {result.task}, {result.preset}, seed {result.seed}"
        try:
            new = rescore.rescored(result, options.results, device, Stages(console()))
        except (ResultError, ValueError) as error:
            complain(f"{name}: {error}")
            failures += 1
            continue
        if new is None:
            complain(f"{name}: no embeddings are kept beside the result of version {result.benchmark_version}")
            failures += 1
            continue
        print(f"{name}: {rescore.told(result, new)}")
    return FAILED if failures else DONE


def _show_finished(run: Run, result: Result) -> None:
    from benchmark.stages import console
    from benchmark.summary import show

    changed = result.source_hash != run.source_hash
    since = "; the code has changed since" if changed else ""
    print(f"{run.label}, seed {run.seed}: there already, not computed again (--force does){since}")
    show(result, run.place, run.artefacts, console())
    if changed:  # said again where it is read: at the end
        print(f"note: these are the scores of {run.label} as it was before its code changed; --force runs it anew")


if __name__ == "__main__":
    sys.exit(main())
