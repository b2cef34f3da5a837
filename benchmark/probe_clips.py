"""Do P, D and B move with more probe clips? `python -m benchmark.probe_clips` trains once and scores with several.

Each combination of levels that probes learn from is rendered so many times; a score that still grows says that the
preset's probe clips are too few. About two minutes a method on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.cli import DONE, USAGE, Parser, complain

DRAWS = (1, 2, 4)  # clips of each probe combination


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = Parser(prog="python -m benchmark.probe_clips", description="Score with more and fewer probe clips.")
    add = parser.add_argument
    add("--method", nargs="+", default=["combined", "contrastive", "reconstructive"], metavar="NAME")
    add("--task", default="phrases/timbre", help="space/shared-factors (default: %(default)s)")
    add("--preset", default="quick", help="whose training (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the training (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there too")
    options: argparse.Namespace = parser.parse_args(argv)
    if options.json is not None and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no folder {options.json.parent}")
    return options


def measured(name: str, options: argparse.Namespace) -> dict[int, dict[str, float]]:
    """P, D and B by the clips of each probe combination. Raises ValueError for a mistake in the options."""
    import numpy as np
    import torch

    from benchmark.execution import Run, execute
    from benchmark.feature_store import prepare
    from benchmark.heap import keep_freed_memory
    from benchmark.options import checked_seeds, chosen_methods, settings_of
    from benchmark.plan import declines
    from benchmark.score import Codes
    from benchmark.stability import ranked
    from benchmark.stages import Stages, console
    from benchmark.tasks import load_preset, load_task

    keep_freed_memory()
    torch.set_num_threads(1)
    task, preset, device = load_task(options.task), load_preset(options.preset), torch.device("cpu")
    if preset.judge != "test":
        raise ValueError(
            f"--preset {preset.name} has no probe clips: it is judged on {preset.judge} clips; take another"
        )
    preset = replace(preset, clips={**preset.clips, "probe": max(DRAWS)})
    chosen, source = chosen_methods([name], None)[name]
    reason = declines(chosen, task)
    if reason is not None:
        raise ValueError(f"{name} cannot do {task.name}: {reason}")
    stages = Stages(console())
    prepared = prepare(task, preset, device, stages)
    [seed] = checked_seeds([options.seed])
    run = Run(task, preset, name, chosen, source, settings_of(name, chosen, {}), seed, device)
    embeddings = execute(run, prepared, stages).embeddings
    codes = {
        role: Codes(prepared.data.roles[role].levels, {block: one.numpy() for block, one in blocks.items()})
        for role, blocks in embeddings.items()
    }
    place = np.arange(len(codes["probe"].levels)) % max(DRAWS)  # clips of one combination stand beside each other
    found = {}
    for draws in DRAWS:
        rows = place < draws
        probe = Codes(codes["probe"].levels[rows], {block: one[rows] for block, one in codes["probe"].blocks.items()})
        found[draws] = ranked(task, prepared.space, probe, codes["test"], 0)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Show the figures and write them where asked. Returns the exit status."""
    options = arguments(argv)
    from benchmark.storage import write_whole
    from benchmark.train import ContractError, DivergedError
    from benchmark.version import BENCHMARK_VERSION

    told: dict[str, dict[int, dict[str, float]]] = {}
    try:
        for name in options.method:
            told[name] = measured(name, options)
            for draws, scores in told[name].items():
                figures = "  ".join(f"{score} {value:.4f}" for score, value in scores.items())
                print(f"{name:20} {draws} a combination: {figures}", flush=True)
    except (ValueError, ContractError, DivergedError) as error:
        complain(error)
        return USAGE
    if options.json is not None:
        whole = {"benchmark_version": BENCHMARK_VERSION, "task": options.task, "preset": options.preset}
        text = json.dumps({**whole, "seed": options.seed, "methods": told}, indent=1, allow_nan=False)
        write_whole(options.json, text + "\n")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
