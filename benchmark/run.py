"""Train methods and score them: `python -m benchmark.run --method combined`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.cli import DONE, FAILED, INTERRUPTED, USAGE, complain, leave, nobody_reads
from benchmark.run_options import arguments, requests

if TYPE_CHECKING:
    from benchmark.jobs import Report
    from benchmark.plan import Plan
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
    from benchmark.version import BENCHMARK_VERSION

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
    from benchmark.batch import execute, export_of, writable
    from benchmark.plan import plan
    from benchmark.storage import place, reachable
    from benchmark.workplace import Workplace

    try:
        root = reachable(place(options.results))
        planned = plan(asked, root, force=options.force)
        _tell(planned, options)
        if (export := export_of(planned, options)) is not None:
            print(f"clips are read from {export.folder}, whose manifest has the SHA-256 {export.sha256[:12]}...")
        if options.dry_run:
            return DONE
        for run_id in planned.there:
            Workplace(root, run_id).tidy()
        if not planned.todo:
            return _overview(planned, {}, root)
        with writable(root):
            return _overview(planned, execute(planned, options, root, export), root)
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


def _overview(planned: Plan, failures: dict[str, Report], root: Place) -> int:
    """Show one run in full, or the table of many. Returns the exit status."""
    from benchmark.batch import results_of
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


if __name__ == "__main__":
    leave(main())
