"""Train methods and score them: `python -m benchmark.run --method combined`."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, FAILED, INTERRUPTED, USAGE, complain, leave, nobody_reads
from benchmark.run_options import arguments, requests

if TYPE_CHECKING:
    from benchmark.jobs import Job, Report
    from benchmark.plan import Plan
    from benchmark.results import Result
    from benchmark.storage import Place


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for. Returns the exit status."""
    try:
        return _main(arguments(argv))
    except BrokenPipeError:
        if not nobody_reads():
            raise
        return FAILED
    except KeyboardInterrupt:
        start_of_line = "\n" if sys.stderr.isatty() else ""  # a terminal shows ^C where the cursor was
        print(
            f"{start_of_line}interrupted: finished runs are stored, and the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED


def _main(options: argparse.Namespace) -> int:
    from benchmark.tasks import BENCHMARK_VERSION

    if options.rescore:
        from benchmark.rescore import main as rescore

        print(f"dTones {BENCHMARK_VERSION}: scoring kept embeddings anew; starting", flush=True)
        return rescore(options)
    try:
        asked = requests(options)
    except ValueError as error:
        complain(error)
        return USAGE
    names = ", ".join(dict.fromkeys(name for one in asked for name in one.method))
    tasks = ", ".join(dict.fromkeys(name for one in asked for name in one.task))
    presets = ", ".join(dict.fromkeys(one.preset for one in asked))
    begun = "planning" if options.dry_run else "starting"  # told before libraries load
    print(f"dTones {BENCHMARK_VERSION}: {names} on {tasks}, preset {presets}; {begun}", flush=True)
    from benchmark.plan import plan
    from benchmark.storage import place, reachable
    from benchmark.workplace import Workplace

    try:
        root = reachable(place(options.results))
        planned = plan(asked, root, force=options.force)
        _tell(planned, options)
        if options.dry_run:
            return DONE
        for run_id in planned.there:
            Workplace(root, run_id).tidy()
        if not planned.todo:
            return _overview(planned, {}, root)
        with writable(root):
            return _execute(planned, options, root)
    except ValueError as error:
        complain(error)
        return USAGE


def _tell(planned: Plan, options: argparse.Namespace) -> None:
    """Say what is to be done; with --dry-run, run by run."""
    from benchmark.engines import planned_workers
    from benchmark.estimates import expected_seconds, known_results, summary, told

    for line in [*planned.left_out, *(f"damaged, to be made anew: {text}" for text in planned.damaged.values())]:
        print(line)
    seconds = expected_seconds(planned.todo, known_results(planned, options.results))
    workers = planned_workers(options, len(planned.todo))
    if len(planned.runs) > 1 or options.dry_run:
        print(summary(planned, sum(seconds.values()), workers), flush=True)
    if options.dry_run:
        for run in planned.runs:
            what = f"to do, about {told(seconds[run.id])}" if run.id in seconds else "there"
            print(f"  {run.id[:12]}  {run.title}, {run.preset}: {what}")


def _execute(planned: Plan, options: argparse.Namespace, root: Place) -> int:
    """Do what is to be done, tell of each run as it ends, and of all at the end. Raises ValueError for a bad method."""
    from benchmark.engines import chosen_engine
    from benchmark.execution import check_builds
    from benchmark.features import front_end_of
    from benchmark.jobs import Report, Status
    from benchmark.progress import Progress
    from benchmark.work import resolved

    jobs = _jobs(planned, options)
    engine = chosen_engine(options, len(jobs))
    first = {(job.run.task, job.run.label): job for job in jobs}
    for job in first.values():  # a broken method is told of before anything costly is done
        run = resolved(job.run, "cpu")
        check_builds([run], front_end_of(run.task.space))
    ended, failures = Progress(planned, engine.workers), dict[str, Report]()
    for done in engine.run(jobs):
        if done is None:
            ended.heartbeat()
            continue
        job, report = done
        if report.status is Status.FAILED:
            failures[job.run.id] = report
            ended.failed(job.run, report)
        else:
            ended.finished(job.run, report, root)
    return _overview(planned, failures, root)


def _jobs(planned: Plan, options: argparse.Namespace) -> list[Job]:
    from benchmark.engines import planned_workers
    from benchmark.jobs import Job
    from benchmark.record import checked_out
    from benchmark.run_options import limits

    command, commit = uuid.uuid4().hex, checked_out()
    workers = planned_workers(options, len(planned.todo))
    return [
        Job(
            run=run,
            results=str(options.results if "://" in options.results else Path(options.results).resolve()),
            device=options.device,
            precision=options.precision,
            threads=options.threads,
            limits=limits(options, workers),
            checkpoint_s=options.checkpoint_every,
            command=command,
            commit=commit,
            force=options.force,
        )
        for run in planned.todo
    ]


def _overview(planned: Plan, failures: dict[str, Report], root: Place) -> int:
    """Show one run in full, or the table of many. Returns the exit status."""
    from benchmark.plan import artefacts_of, place_of
    from benchmark.progress import overview
    from benchmark.stages import console
    from benchmark.summary import show

    found = results_of(planned, root)
    if len(planned.runs) == 1:
        for report in failures.values():
            complain(f"{planned.runs[0].title}: {report.reason}")
        run = planned.runs[0]
        if run.id in planned.there:
            print(f"{run.title}: there already, not computed again (--force does)")
        if run.id in found:
            show(found[run.id], place_of(run, root), artefacts_of(run, root), console())
    else:
        overview(found, failures, planned.runs, console())
    return FAILED if failures else DONE


def results_of(planned: Plan, root: Place) -> dict[str, Result]:
    """The up-to-date results of a plan's runs, by id."""
    from benchmark.plan import stored
    from benchmark.results import ResultError

    found = {}
    for run in planned.runs:
        with suppress(ResultError):  # a damaged one, whose run failed when it was to be made anew
            result = planned.there.get(run.id) or stored(run, root)
            if result is not None and result.id == run.id:
                found[run.id] = result
    return found


@contextmanager
def writable(root: Place) -> Iterator[None]:
    """Make the folders of results and artefacts and check that files can be written there; remove those left empty.

    Raises ValueError, before anything else is done, naming the first that cannot be written.
    """
    from benchmark.results import artefact_root, check_writable

    folders = [root, artefact_root(root)]
    # On a disk alone: at an address an empty folder is nothing, and to remove one removes all that is in it.
    local = [place for folder in folders if isinstance(folder, Path) for place in (folder, *folder.parents)]
    made = {place for place in local if not place.exists()}
    try:
        for folder in folders:
            check_writable(folder)
        yield
    finally:
        for place in sorted(made, key=lambda place: len(place.parts), reverse=True):
            with suppress(OSError):  # not empty, or never made
                place.rmdir()


if __name__ == "__main__":
    leave(main())
