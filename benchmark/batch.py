"""Many runs at once: what is left of a plan, through an engine, into a folder of results."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from baselines.encoders import Foreign
from benchmark import run_options
from benchmark.engines import chosen_engine, planned_workers
from benchmark.estimates import expected_seconds, known_results, summary, told
from benchmark.execution import check_builds
from benchmark.feature_store import space_version
from benchmark.features import front_end_of
from benchmark.jobs import Job, Report, Status
from benchmark.plan import Plan, plan, stored
from benchmark.progress import Progress
from benchmark.record import checked_out
from benchmark.requests import Request
from benchmark.results import Result, ResultError, artefact_root, check_writable
from benchmark.run_options import limits
from benchmark.storage import Place, place, reachable
from benchmark.stored_clips import Export, check, opened
from benchmark.tasks import load_preset, load_task
from benchmark.work import resolved


def execute(planned: Plan, options: argparse.Namespace, root: Place, export: Export | None = None) -> dict[str, Report]:
    """Do what is left of a plan, and tell of each run as it ends. Returns the failures, by id.

    options: as `run_options.arguments` gives them. export: see `export_of`. Raises ValueError for a method that cannot
    be built.
    """
    jobs = _jobs(planned, options, export)
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
    return failures


def export_of(planned: Plan, options: argparse.Namespace) -> Export | None:
    """The export that clips are to be read from, its files checked; None where they are rendered.

    Raises ValueError where it does not hold the clips of every run, done or not, or where one of these is of an encoder
    of somebody else's, which is given its sound clip by clip, in an order of its own.
    """
    if options.data is None:
        return None
    export = opened(options.data)
    asked = {}
    for run in planned.runs:
        if isinstance(resolved(run, "cpu").method, Foreign):
            raise ValueError(
                f"--data is of no use to {run.label}: an encoder hears clips as they are rendered, the same to the "
                "last bit as an export's; leave it out"
            )
        task = load_task(run.task)
        asked[run.task, run.preset] = task, load_preset(run.preset), space_version(task.space)
    check(export, asked.values())
    return export


def _jobs(planned: Plan, options: argparse.Namespace, export: Export | None) -> list[Job]:
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
            export=export,
        )
        for run in planned.todo
    ]


def carried_out(
    requests: Sequence[Request], runs: str, device: str, workers: int | None, *, dry_run: bool = False
) -> tuple[list[list[Result]], int]:
    """Do what is missing of some requests, or show it. Returns the results of each, and how many runs failed.

    runs: the address of the results. workers: runs at once; None: as many as `benchmark.run` takes. Raises ValueError
    for whatever is wrong with a request.
    """
    line = ["--method", "all", "--results", runs, "--device", device]  # of these options the methods are not used
    options = run_options.arguments([*line, *(["--workers", str(workers)] if workers else [])])
    root, failures = reachable(place(runs)), dict[str, Report]()
    whole = plan(requests, root)
    seconds = expected_seconds(whole.todo, known_results(whole, root))
    print(summary(whole, sum(seconds.values()), planned_workers(options, len(whole.todo))), flush=True)
    for run in whole.runs if dry_run else []:
        what = f"to do, about {told(seconds[run.id])}" if run.id in seconds else "there"
        print(f"  {run.id[:12]}  {run.title}: {what}")
    if whole.todo and not dry_run:
        with writable(root):
            failures = execute(whole, options, root)
    found = results_of(whole, root)
    runs_of = [plan([request], root, force=True).runs for request in requests]
    return [[found[run.id] for run in asked if run.id in found] for asked in runs_of], len(failures)


def results_of(planned: Plan, root: Place) -> dict[str, Result]:
    """The up-to-date results of a plan's runs, by id."""
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
