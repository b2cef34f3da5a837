"""`python -m benchmark.speed overhead`: what the harness adds to a method that does nothing, of one run and of many."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmark.cli import Parser
from benchmark.speed.clock import positive
from benchmark.speed.whole import Whole, run

PLUGIN = '''"""Nothing learnt: the mean of the features, in every dimension of every block."""

from baselines.contract import Method


class Nothing(Method):
    """One number, many times."""

    def optimisers(self):
        return []

    def embed(self, inputs):
        level = inputs.mean((1, 2))[:, None].repeat(1, self.settings.block_dims)
        return {name: level for name in self.blocks}
'''


def options_of(parser: Parser) -> None:
    """Options of `overhead` alone."""
    parser.add_argument("--task", default="tones/timbre", help="on which task (default: %(default)s)")
    parser.add_argument("--preset", default="tiny", help="how much of it (default: %(default)s)")
    parser.add_argument("--seeds", type=positive, default=10, metavar="N", help="of many (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time it, show it, and return it as plain values. Raises ValueError, also where a run fails.

    overhead_seconds: the wall's less those of the stages that a run must do (features, training, scores, ...), so start
    and end of Python are in it. Of many, it is what a run more adds beyond its own stages.
    """
    from benchmark.options import chosen_device
    from benchmark.stages import console

    chosen_device(options.device)
    told = [_figures(*_runs(options)) for _ in range(options.repeats)]
    figures = {name: statistics.median(one[name] for one in told) for name in told[0]}
    console().print(
        f"one run   {figures['one_wall_seconds']:6.2f} s, {figures['one_work_seconds']:.2f} s of it work: "
        f"{figures['one_overhead_seconds']:.2f} s overhead\n"
        f"{options.seeds:3} runs  {figures['many_wall_seconds']:6.2f} s, {figures['many_work_seconds']:.2f} s of it "
        f"work: {figures['overhead_seconds_a_further_run']:.2f} s overhead a further run",
        highlight=False,
    )
    return {"task": options.task, "preset": options.preset, "runs": options.seeds, "repeats": options.repeats} | figures


def _figures(one: Whole, many: Whole) -> dict[str, float]:
    further = max(1, len(many.costs) - 1)
    told = {
        "one_wall_seconds": one.wall_seconds,
        "one_work_seconds": one.work_seconds,
        "many_wall_seconds": many.wall_seconds,
        "many_work_seconds": many.work_seconds,
    }
    more = (many.wall_seconds - many.work_seconds) - (one.wall_seconds - one.work_seconds)
    return told | {
        "one_overhead_seconds": one.wall_seconds - one.work_seconds,
        "overhead_seconds_a_further_run": more / further,
    }


def _runs(options: argparse.Namespace) -> tuple[Whole, Whole]:
    """One run, then many in one command, each with features on disk: an unmeasured run puts them there."""
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(folder, "nothing.py")
        plugin.write_text(PLUGIN, encoding="utf-8")
        common = ["--method", "nothing", "--plugin", str(plugin), "--task", options.task, "--preset", options.preset]
        common += ["--device", options.device, "--engine", "here", "--seeds"]
        done = [
            run([*common, *map(str, range(seeds))], Path(folder, str(number), "results"), Path(folder, "cache"))
            for number, seeds in enumerate((1, 1, options.seeds))
        ]
    return done[1], done[2]
