"""How far do P, D and B move with what should not matter? `python -m benchmark.stability` tells, of kept embeddings.

Each embedding is scored with several probe seeds, and, with the first of them, after a random rotation and after a
random rescaling inside each block. About 25 s an embedding of the quick preset, on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain

if TYPE_CHECKING:
    from benchmark.score import Codes
    from benchmark.tasks import Task
    from generators.factors import FactorSpace

SCORES = ("preservation", "disentanglement", "balance")
# A rescaling takes each dimension to between a tenth and ten times its unit. Whitening drops directions under a
# ten-thousandth of the amplitude of the largest: with more, a code could lose its faintest one, another matter.
TENFOLDS = 1.0
HEAD = "\n".join(
    f"{name:24}" + "".join(f"{cell:>20}" for cell in cells)
    for name, cells in (("", SCORES), ("method, seed", ["range  turned"] * len(SCORES)))
)

Values = dict[str, float]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    parser = Parser(
        prog="python -m benchmark.stability",
        description="Score kept embeddings with other probe seeds, rotated and rescaled inside blocks, and show how "
        "far P, D and B move.",
    )
    add = parser.add_argument
    add("--artefacts", type=Path, default=Path("artefacts"), metavar="DIR", help="where runs left their embeddings")
    add("--benchmark-version", metavar="V", help="of the runs that left them (default: today's)")
    add("--method", nargs="+", metavar="NAME", help="whose embeddings (default: all that there are)")
    add("--task", default="phrases/timbre", help="space/shared-factors (default: %(default)s)")
    add("--preset", default="quick", help="of the runs (default: %(default)s)")
    add("--seeds", nargs="+", type=int, metavar="N", help="of the runs (default: all that there are)")
    add("--probe-seeds", nargs="+", type=int, default=[0, 1, 2, 3], metavar="N", help="two or more (default: 0 1 2 3)")
    add("--json", type=Path, metavar="FILE", help="write the figures there too")
    options: argparse.Namespace = parser.parse_args(argv)
    if len(set(options.probe_seeds)) < 2:
        parser.error(f"--probe-seeds {' '.join(map(str, options.probe_seeds))}: a range takes two or more")
    if options.json is not None and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no folder {options.json.parent}")
    if min(options.probe_seeds) < 0:
        parser.error(f"--probe-seeds {min(options.probe_seeds)}: seeds are 0 or more")
    return options


def folders(options: argparse.Namespace, task: str) -> list[tuple[str, int, Path]]:
    """Method, seed and folder of each embedding that the options select, in order. Raises ValueError where none is."""
    from benchmark.tasks import nearest
    from benchmark.version import BENCHMARK_VERSION

    root = options.artefacts / (options.benchmark_version or BENCHMARK_VERSION) / options.preset / task
    there = sorted({path.parent.parent.name for path in root.glob("*/seed*/probe.npz")})
    if not there:
        raise ValueError(f"no embeddings below {root}; python -m benchmark.run leaves them there")
    found = []
    for method in options.method or there:
        if method not in there:
            raise ValueError(f"no embeddings of '{method}' below {root}{nearest(method, there)}")
        paths = [path.parent for path in root.glob(f"{method}/seed*/probe.npz")]
        seeds = {int(path.name.removeprefix("seed")): path for path in paths}
        wanted = sorted(set(seeds if options.seeds is None else options.seeds))
        missing = [seed for seed in wanted if seed not in seeds]
        if missing:
            raise ValueError(f"no embeddings of '{method}' with seed {missing[0]}; there are {sorted(seeds)} in {root}")
        found += [(method, seed, seeds[seed]) for seed in wanted]
    return found


def moved(task: Task, space: FactorSpace, probe: Codes, test: Codes, probe_seeds: Sequence[int]) -> dict[str, object]:
    """P, D and B of one embedding, by score: by probe seed, rotated, rescaled, and how far they move.

    `range`: largest less least over probe seeds. `turned`: the larger distance of the rotated and of the rescaled from
    the same probe seed's. A score that the task or the code does not have is left out.
    """
    seeded = [ranked(task, space, probe, test, seed) for seed in probe_seeds]
    turned = {way: ranked(task, space, *turn(probe, test, way), probe_seeds[0]) for way in ("rotated", "rescaled")}
    found: dict[str, object] = {}
    for score in seeded[0]:
        values, others = [row[score] for row in seeded], {way: row[score] for way, row in turned.items()}
        found[score] = {
            "by_probe_seed": values,
            "range": max(values) - min(values),
            **others,
            "turned": max(abs(value - values[0]) for value in others.values()),
        }
    return found


def ranked(task: Task, space: FactorSpace, probe: Codes, test: Codes, seed: int) -> Values:
    """P, D and B, as far as there are any, with one probe seed."""
    from benchmark.score import score

    blocks = {name: tuple(f for f in space.names if f in owned) for name, owned in task.blocks.items()}
    rows = score(blocks, space.names, space.n_levels, probe, test, seed)
    return {row.metric: row.value for row in rows if row.metric in SCORES}


def turn(probe: Codes, test: Codes, way: str) -> tuple[Codes, Codes]:
    """The codes after a random map inside each block, one for both roles. way: "rotated" or "rescaled"."""
    import numpy as np

    from benchmark.score import Codes

    rng = np.random.default_rng(0)
    maps = {}
    for name, codes in probe.blocks.items():
        width = codes.shape[1]
        rotation = np.linalg.qr(rng.normal(size=(width, width)))[0]
        scales = 10 ** rng.uniform(-TENFOLDS, TENFOLDS, size=width)
        maps[name] = rotation if way == "rotated" else np.diag(scales)
    first, second = (
        Codes(one.levels, {name: codes.astype(np.float64) @ maps[name] for name, codes in one.blocks.items()})
        for one in (probe, test)
    )
    return first, second


def measured(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """One embedding after the other. Raises ValueError for a mistake in the options, ResultError for damaged files."""
    import generators
    from benchmark import artefacts
    from benchmark.tasks import load_preset, load_task

    task = load_task(options.task)
    load_preset(options.preset)
    space = generators.space(task.space)
    for method, seed, folder in folders(options, task.name):
        codes = artefacts.kept(folder, space)
        if codes is None:
            raise ValueError(f"{folder} lacks the test clips' embeddings; run it again")
        yield {
            "method": method,
            "seed": seed,
            "scores": moved(task, space, codes["probe"], codes["test"], options.probe_seeds),
        }


def largest(embeddings: Sequence[dict[str, object]]) -> dict[str, Values]:
    """How far each score moves where it moves most: score -> range, turned."""
    found: dict[str, Values] = {}
    for row in embeddings:
        for score, told in row["scores"].items():  # type: ignore[attr-defined]
            worst = found.setdefault(score, {"range": 0.0, "turned": 0.0})
            found[score] = {key: max(worst[key], told[key]) for key in worst}
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Show the figures, a line an embedding, and write them where asked. Returns the exit status."""
    options = arguments(argv)
    from benchmark.storage import write_whole
    from benchmark.version import BENCHMARK_VERSION

    embeddings: list[dict[str, object]] = []
    try:
        for row in measured(options):
            if not embeddings:
                print(HEAD, flush=True)
            embeddings.append(row)
            print(_line(f"{row['method']} {row['seed']}", row["scores"]), flush=True)  # type: ignore[arg-type]
        worst = largest(embeddings)
        print(_line("largest", worst))
        if options.json is not None:
            told = {
                "benchmark_version": BENCHMARK_VERSION,
                "embeddings_of": options.benchmark_version or BENCHMARK_VERSION,
                "task": options.task,
                "preset": options.preset,
                "probe_seeds": options.probe_seeds,
                "largest": worst,
                "embeddings": embeddings,
            }
            write_whole(options.json, (json.dumps(told, indent=1, allow_nan=False) + "\n").encode())
    except (ValueError, OSError) as error:
        complain(error)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _line(name: str, scores: dict[str, Values]) -> str:
    figures = (f"{scores[s]['range']:.4f}  {scores[s]['turned']:.4f}" if s in scores else "-" for s in SCORES)
    return f"{name:24}" + "".join(f"{figure:>20}" for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
