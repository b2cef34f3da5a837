"""`python -m benchmark.speed score`: how long all scores of one run take, part by part, without training."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmark.cli import Parser

if TYPE_CHECKING:
    import torch

    from benchmark.score import Codes
    from benchmark.tasks import Preset, Task
    from generators.factors import FactorSpace
    from generators.splits import Role

DIMS = 16  # of each block, as methods have by default
NOISE = 0.3  # standard deviations: nothing is read without error, so no kind of probe is spared
BINS = (32, 64)  # frames and bands, of the features that the standard decoder is asked for
DETAILS = ("chance", "leakage", "ordinal", "equivariance", "invariance", "independence", "dimensions")


def options_of(parser: Parser) -> None:
    """Options of `score` alone."""
    parser.add_argument("--task", default="phrases/timbre", help="decides blocks and clips (default: %(default)s)")
    parser.add_argument("--preset", default="quick", help="decides how many clips (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time every part, show it, and return it as plain values. Raises ValueError."""
    import generators
    from benchmark.options import chosen_device
    from benchmark.stages import console
    from benchmark.tasks import load_preset, load_task

    task, preset, device = load_task(options.task), load_preset(options.preset), chosen_device(options.device)
    if not all(task.blocks.values()):
        raise ValueError(f"'{task.name}' has a block that owns no factor, so little is scored there; name another task")
    space = generators.space(task.space)
    probe, test = (blurred(task, space, preset, role) for role in ("probe", "test"))
    told = [parts(task, space, probe, test, device) for _ in range(options.repeats)]
    seconds = {name: statistics.median(one[name] for one in told) for name in told[0]}
    total = sum(seconds.values())
    for name, value in seconds.items():
        console().print(f"{name:18} {value:6.2f} s {value / total:6.1%}", highlight=False)
    clips = f"{len(probe.levels):,} probe and {len(test.levels):,} test clips"
    console().print(f"{'all':18} {total:6.2f} s, of {clips}, {device}", highlight=False)
    return {
        "task": task.name,
        "preset": preset.name,
        "repeats": options.repeats,
        "probe_clips": len(probe.levels),
        "test_clips": len(test.levels),
        "seconds": seconds,
        "total_seconds": total,
    }


def blurred(task: Task, space: FactorSpace, preset: Preset, role: Role) -> Codes:
    """Codes like a method's: each block a bent mixture of its own factors, and noise; the same at every call."""
    import numpy as np

    from benchmark.score import Codes

    levels = np.repeat(space.levels_at(task.split.rows(space)[role]), preset.clips[role], axis=0)
    noise = np.random.default_rng([len(role), len(levels)])
    blocks = {}
    for number, (name, owned) in enumerate(task.blocks.items()):
        columns = [space.column(factor) for factor in sorted(owned)]
        known = np.hstack([np.eye(space.n_levels[column])[levels[:, column]] for column in columns])
        mixture = np.random.default_rng(number).normal(size=(known.shape[1], DIMS))
        blocks[name] = np.tanh(known @ mixture) + NOISE * noise.normal(size=(len(levels), DIMS))
    return Codes(levels, blocks)


def parts(task: Task, space: FactorSpace, probe: Codes, test: Codes, device: torch.device) -> dict[str, float]:
    """Seconds of each part, in the order run."""
    import numpy as np

    from benchmark.details import details
    from benchmark.metrics.reconstruction import standard_decoder_r2
    from benchmark.score import score

    blocks = {name: tuple(f for f in space.names if f in owned) for name, owned in task.blocks.items()}
    ordinal = [factor.name for factor in space.factors if factor.ordinal]
    seconds: dict[str, float] = {}
    with _timed(seconds, "P, D and B"):
        ranked = score(blocks, space.names, space.n_levels, probe, test, seed=0, device=str(device))
    marks = [time.perf_counter()]
    told = details(
        blocks,
        space.names,
        space.n_levels,
        ordinal,
        probe,
        test,
        ranked,
        0,
        lambda *_: marks.append(time.perf_counter()),
    )
    if not told:
        raise RuntimeError("nothing was scored beside P, D and B")
    seconds |= {name: end - start for name, start, end in zip(DETAILS, marks[:-1], marks[1:], strict=True)}
    features = [np.random.default_rng(n).normal(size=(n, *BINS)) for n in (len(probe.levels), len(test.levels))]
    with _timed(seconds, "standard decoder"):
        standard_decoder_r2(probe.blocks, features[0], test.blocks, features[1], seed=0)
    return seconds


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begun
