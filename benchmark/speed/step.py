"""`python -m benchmark.speed step`: one step of training, by part, beside the measured peak of matrix products."""

from __future__ import annotations

import argparse
import statistics

from benchmark.cli import Parser
from benchmark.run_options import PRECISIONS
from benchmark.speed.clock import matrix_peak

WARM_UP = 5  # steps: the first allocate
PROGRESS = 0.5  # of the training: what methods add only later is under way


def options_of(parser: Parser) -> None:
    """Options of `step` alone."""
    parser.add_argument("--method", default="combined", metavar="NAME", help="whose step (default: %(default)s)")
    parser.add_argument("--task", default="phrases/timbre", help="decides shapes (default: %(default)s)")
    parser.add_argument("--preset", default="quick", help="decides width and batch (default: %(default)s)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of matrix products (default: auto)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time steps of a method on noise, show them, and return them as plain values. Raises ValueError.

    share: arithmetic of matrix products over measured peak, in the precision used, over the time taken.
    """
    from benchmark.options import chosen_device
    from benchmark.precision import chosen_precision
    from benchmark.speed.training import PARTS, workload

    device = chosen_device(options.device)
    precision = chosen_precision(options.precision, device)
    work = workload(options.method, options.task, options.preset, precision, device)
    for _ in range(WARM_UP):
        work.step(PROGRESS)
    told: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        work.step(PROGRESS, told)
    totals = [sum(each) for each in zip(*told.values(), strict=True)]
    flops, peak = work.flops(PROGRESS), matrix_peak(precision, device)
    parts: dict[str, dict[str, float]] = {name: {"seconds": statistics.median(told[name])} for name in PARTS}
    for name, count in flops.items():
        parts[name] |= {"flops": count, "floor_seconds": count / peak}
        parts[name]["share"] = parts[name]["floor_seconds"] / parts[name]["seconds"]
    seconds, floor = statistics.median(totals), sum(flops.values()) / peak
    row = {
        "method": options.method,
        "task": options.task,
        "preset": options.preset,
        "precision": str(precision).removeprefix("torch."),
        "repeats": options.repeats,
        "seconds": seconds,
        "steps_a_second": 1 / seconds,
        "flops": sum(flops.values()),
        "peak_flops": peak,
        "floor_seconds": floor,
        "share": floor / seconds,
        "parts": parts,
    }
    _show(row, parts, seconds)
    return row


def _show(row: dict[str, object], parts: dict[str, dict[str, float]], seconds: float) -> None:
    from benchmark.stages import console

    screen = console()
    for name, part in parts.items():
        share = f"; {part['share']:.0%} of the peak" if "share" in part else ""
        took = f"{1e3 * part['seconds']:8.2f} ms {part['seconds'] / seconds:6.1%}{share}"
        screen.print(f"{name:18} {took}", highlight=False)
    told = f"{1e3 * seconds:8.2f} ms, {row['share']:.0%} of the peak of {row['peak_flops'] / 1e9:,.0f} GFLOP/s"  # type: ignore[operator]
    screen.print(f"{'a step':18} {told} in {row['precision']}", highlight=False)
