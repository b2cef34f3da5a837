"""`python -m benchmark.speed pool`: processes side by side, a share of the cores each, against one that has them all.

Where threads fight for cores, several are slower together than the one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

from benchmark.cli import Parser
from benchmark.run_options import PRECISIONS
from benchmark.speed.clock import positive

PROGRESS = 0.5
LONGEST_S = 300  # that one waits for the others to be ready

_barrier: Barrier  # of this process and those beside it


def options_of(parser: Parser) -> None:
    """Options of `pool` alone."""
    add = parser.add_argument
    add("--method", default="combined", metavar="NAME", help="whose steps (default: %(default)s)")
    add("--task", default="phrases/timbre", help="decides shapes (default: %(default)s)")
    add("--preset", default="quick", help="decides width and batch (default: %(default)s)")
    add("--precision", choices=PRECISIONS, default="auto", help="of matrix products (default: auto)")
    add("--processes", type=positive, default=2, metavar="N", help="side by side (default: %(default)s)")
    add("--steps", type=positive, default=100, metavar="N", help="that each takes (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time both, in turns, show it, and return it as plain values. Raises ValueError where a process fails."""
    import torch

    from benchmark.options import chosen_device
    from benchmark.stages import console

    chosen_device(options.device)
    threads = torch.get_num_threads()
    each = max(1, threads // options.processes)
    alone, together = [], []
    for _ in range(options.repeats):
        alone.append(steps_a_second(options, 1, threads))
        together.append(steps_a_second(options, options.processes, each))
    one, many = statistics.median(alone), statistics.median(together)
    row = {
        "method": options.method,
        "preset": options.preset,
        "repeats": options.repeats,
        "steps": options.steps,
        "alone": {"processes": 1, "threads": threads, "steps_a_second": one},
        "together": {"processes": options.processes, "threads": each, "steps_a_second": many},
        "together_over_alone": many / one,
    }
    told = f"{options.processes} of {each}: {many:.1f} steps/s; 1 of {threads}: {one:.1f}; ratio {many / one:.2f}"
    console().print(f"processes by threads, {told}", highlight=False)
    return row


def steps_a_second(options: argparse.Namespace, processes: int, threads: int) -> float:
    """Steps a second of all processes, which begin together. Raises ValueError where one fails."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_meet_at, initargs=(context.Barrier(processes),)
    ) as pool:
        spans = list(pool.map(_span, [options] * processes, [threads] * processes))
    return processes * options.steps / (max(end for _, end in spans) - min(begun for begun, _ in spans))


def _meet_at(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _span(options: argparse.Namespace, threads: int) -> tuple[float, float]:
    """Take the steps, in a process of its own, once all are ready; when they began and when they ended."""
    import torch

    from benchmark.options import chosen_device
    from benchmark.precision import chosen_precision
    from benchmark.speed.clock import wait_for
    from benchmark.speed.training import workload

    torch.set_num_threads(threads)
    device = chosen_device(options.device)
    precision = chosen_precision(options.precision, device)
    work = workload(options.method, options.task, options.preset, precision, device)
    for _ in range(5):
        work.step(PROGRESS)
    wait_for(device)
    _barrier.wait(LONGEST_S)
    begun = time.monotonic()  # one clock for all processes
    for _ in range(options.steps):
        work.step(PROGRESS)
    wait_for(device)
    return begun, time.monotonic()
