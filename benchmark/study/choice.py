"""Settings of `combined` for SynTone, chosen on validation clips: `python -m benchmark.study.choice`.

Its defaults are for 16 dimensions a block and for `phrases`; the forerunner's table has 8, of another sound. What was
tried is listed in `forerunner_tried.py`; what is not in the record yet is run, at the length of the table's preset and
with a seed that the table does not use, and judged on validation clips. The settings that miss the fewest of the
figures to reach are those of the table; of several such, those that fall short of them by the least, summed over them.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain
from benchmark.engines import usable_cores
from benchmark.run_options import whole
from benchmark.storage import write_whole
from benchmark.study.forerunner import DIMS, FACTORS, LATENTS, TARGETS, TASK
from benchmark.study.forerunner_tried import METHOD, TRIED, written
from benchmark.study.record import RecordError
from benchmark.study.strategies import Value
from generators.splits import Role

NAME = "forerunner_choice.csv"
RECORD = Path("results/study", NAME)
SEED = 1_000
PRESET = "long"  # the table's
READ: dict[Role, int] = {"probe": 4_000, "test": 2_000}  # clips: of all of them a reading would take a minute
NAMES = [f"{latent}_{factor}" for latent in LATENTS for factor in FACTORS]


@dataclass(frozen=True)
class Tried:
    """What settings came to: accuracies on validation clips, by `{latent}_{factor}`."""

    settings: str
    accuracies: Mapping[str, float]

    @property
    def missed(self) -> int:
        """How many figures are not reached."""
        return sum(short > 0 for short in self._short())

    @property
    def shortfall(self) -> float:
        """By how much figures to reach are missed, summed over them; 0: all are reached."""
        return round(sum(self._short()), 4)

    def _short(self) -> list[float]:
        """By how much each figure is missed; 0 where it is reached."""
        over = {name: limit - self.accuracies["_".join(name)] for name, (limit, _) in TARGETS.items()}
        return [max(0.0, over[name] if least else -over[name]) for name, (_, least) in TARGETS.items()]


def best(tried: Sequence[Tried]) -> Tried:
    """The one that misses the fewest figures, of several such that with the least shortfall."""
    return min(tried, key=lambda one: (one.missed, one.shortfall))


def read(path: Path = RECORD) -> list[Tried]:
    """The record; empty where there is none. Raises RecordError, in one line, where it is damaged."""
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [Tried(one["settings"], {name: float(one[name]) for name in NAMES}) for one in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: not a record of settings ({type(error).__name__}: {error})") from None


def write(found: Sequence[Tried], path: Path = RECORD) -> None:
    """Write the record, in the order of trying; settings that are no longer listed go."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["settings", *NAMES, "shortfall"])
    order = [written(settings) for settings in TRIED]
    for one in sorted((one for one in found if one.settings in order), key=lambda one: order.index(one.settings)):
        writer.writerow([one.settings, *(f"{one.accuracies[name]:.4f}" for name in NAMES), f"{one.shortfall:.4f}"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue())


def judged(settings: dict[str, Value]) -> Tried:
    """Train once, and read timbre and frequency from each latent of validation clips."""
    import numpy as np
    import torch

    from benchmark.execution import Run, execute
    from benchmark.feature_store import prepare
    from benchmark.options import chosen_methods, settings_of
    from benchmark.score import Codes
    from benchmark.stages import Stages, console
    from benchmark.study.forerunner import accuracies
    from benchmark.tasks import load_preset, load_task

    torch.set_num_threads(1)
    task, device, stages = load_task(TASK), torch.device("cpu"), Stages(console())
    preset = replace(load_preset("finals"), steps=load_preset(PRESET).steps)
    prepared = prepare(task, preset, device, stages)
    method, source = chosen_methods([METHOD], None)[METHOD]
    given = settings_of(METHOD, method, {"block_dims": DIMS, **settings})
    found = execute(Run(task, preset, METHOD, method, source, given, SEED, device), prepared, stages).embeddings
    draw, codes = np.random.default_rng(0), {}
    for role, n in READ.items():
        levels = prepared.data.roles[role].levels
        rows = draw.permutation(len(levels))[:n]
        codes[role] = Codes(levels[rows], {block: one.numpy()[rows] for block, one in found[role].items()})
    return Tried(written(settings), accuracies(codes["probe"], codes["test"], prepared.space))


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, keep it, and say what was best. Returns the exit status."""
    parser = Parser(prog="python -m benchmark.study.choice", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--workers", type=whole, metavar="N", help="runs at once (default: one a core)")
    options = parser.parse_args(argv)
    try:
        return _chosen(options.workers or usable_cores())
    except RecordError as error:
        complain(error)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted: what was judged is kept, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED


def _chosen(workers: int) -> int:
    found = read()
    missing = [settings for settings in TRIED if written(settings) not in {one.settings for one in found}]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(judged, settings) for settings in missing]):
            found.append(done.result())
            write(found)
            print(found[-1].settings, {**found[-1].accuracies, "shortfall": found[-1].shortfall}, flush=True)
    least = best(found)
    print(f"best: {least.settings}, {least.missed} missed, by {least.shortfall}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
