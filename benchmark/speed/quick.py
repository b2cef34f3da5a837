"""`python -m benchmark.speed quick`: a whole run, from a cold start and with features on disk, by stage."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmark.cli import Parser
from benchmark.run_options import PRECISIONS
from benchmark.speed.clock import matrix_peak
from benchmark.speed.whole import Whole, run


def options_of(parser: Parser) -> None:
    """Options of `quick` alone."""
    parser.add_argument("--method", default="combined", metavar="NAME", help="what is run (default: %(default)s)")
    parser.add_argument("--task", default="phrases/timbre", help="on which task (default: %(default)s)")
    parser.add_argument("--preset", default="quick", help="how much of it (default: %(default)s)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of matrix products (default: auto)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time both, show them, and return them as plain values. Raises ValueError, also where the run fails.

    share: arithmetic of the training's matrix products over measured peak, over the wall's seconds.
    """
    from benchmark.options import chosen_device
    from benchmark.precision import chosen_precision
    from benchmark.speed.training import workload

    device = chosen_device(options.device)
    precision = chosen_precision(options.precision, device)
    flops = workload(options.method, options.task, options.preset, precision, device).training_flops()
    floor = flops / matrix_peak(precision, device)
    cold, warm = (_median(each) for each in zip(*(_pair(options) for _ in range(options.repeats)), strict=True))
    row: dict[str, object] = {
        "method": options.method,
        "task": options.task,
        "preset": options.preset,
        "precision": str(precision).removeprefix("torch."),
        "repeats": options.repeats,
        "training_flops": flops,
        "floor_seconds": floor,
        "cold": cold.figures() | {"share": floor / cold.wall_seconds},
        "warm": warm.figures() | {"share": floor / warm.wall_seconds},
    }
    _show(cold, warm, floor)
    return row


def _pair(options: argparse.Namespace) -> tuple[Whole, Whole]:
    """The run from a cold start, then with what that left on disk."""
    names = ("method", "task", "preset", "precision", "device")
    arguments = [word for name in names for word in (f"--{name}", getattr(options, name))]
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder, "cache")
        first, second = (run(arguments, Path(folder, name, "results"), cache) for name in ("cold", "warm"))
    return first, second


def _median(wholes: tuple[Whole, ...]) -> Whole:
    """The one whose wall seconds are the median, or next above it: its stages add up, as medians of each would not."""
    wanted = statistics.median_high(one.wall_seconds for one in wholes)
    return next(one for one in wholes if one.wall_seconds == wanted)


def _show(cold: Whole, warm: Whole, floor: float) -> None:
    from benchmark.stages import console

    for name, whole in (("cold", cold), ("features on disk", warm)):
        stages = "  ".join(f"{stage} {seconds:.1f}" for stage, seconds in whole.costs[0]["seconds"].items())
        told = f"{whole.wall_seconds:6.1f} s, {floor / whole.wall_seconds:.1%} of it the floor: {stages}"
        console().print(f"{name:18} {told}", highlight=False, soft_wrap=True)
