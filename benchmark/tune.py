"""Choose settings in the open: `python -m benchmark.tune` gives each method the same number of trials.

A trial trains with settings drawn at random from the table below and is scored by B on validation clips: probes are
fitted on training clips, one of each combination, and read on validation clips. Probe and test clips are never touched.
The best few are trained anew in full with another seed, and the best of these is chosen. `results/tuning/` holds every
trial (where a method's are there, only its finals are run), and `results/tuning.md` says which was best.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from baselines import registry
from baselines.networks import Trunk
from benchmark.cli import USAGE, Parser, complain
from benchmark.embedding import embed
from benchmark.feature_store import prepare
from benchmark.features import Prepared
from benchmark.options import chosen_device, settings_for
from benchmark.results import check_writable, write_whole
from benchmark.score import Codes, score
from benchmark.stages import Stages, console
from benchmark.tasks import Preset, Task, load_preset, load_task, nearest
from benchmark.train import train
from generators.factors import FactorSpace

Value = float | int
Trial = dict[str, Value]

TRIALS, FINALS = "trials", "finals"  # the two stages, each a file
FINALISTS = 3  # of each method: the best trials, trained in full

# The first value of each list is that of trial 0; the rest is what a user of the method would try next.
SEARCH: dict[str, dict[str, list[Value]]] = {
    "combined": {
        "learning_rate": [2e-3, 1e-3, 3e-3],
        "swap_weight": [0.03, 0.01, 0.1],
        "rate_weight": [0.003, 0.006, 0.01],
        "independence_weight": [1.0, 0.5, 2.0],
        "resolution": [3.0, 2.0, 4.0],
    },
    "contrastive": {
        "learning_rate": [2e-3, 1e-3, 3e-3],
        "temperature": [0.2, 0.1, 0.5],
        "private_weight": [1.0, 0.3, 3.0],
        "independence_weight": [1.0, 0.5, 2.0],
        "noise": [0.2, 0.05, 0.5],
        "resolution": [2.0, 3.0, 0.0],
    },
    "reconstructive": {
        "learning_rate": [2e-3, 1e-3, 3e-3],
        "own_weight": [0.0, 0.3],
        "rate_weight": [0.003, 0.006, 0.01],
        "independence_weight": [1.0, 0.5, 2.0],
        "resolution": [3.0, 2.0, 4.0],
    },
}


def trials(method: str, count: int) -> list[Trial]:
    """The settings to try: the first of each list, then draws that depend on the method's name and number alone.

    Raises ValueError where there are not so many, and for a method that has no list.
    """
    if method not in SEARCH:
        raise ValueError(f"no search for '{method}'{nearest(method, SEARCH)} There are: {', '.join(SEARCH)}")
    space = SEARCH[method]
    most = prod(len(values) for values in space.values())
    if not 1 <= count <= most:
        raise ValueError(f"--trials is {count}; expected 1 to {most}, the number of different trials of '{method}'")
    drawn = [{name: values[0] for name, values in space.items()}]
    rng = np.random.default_rng(list(method.encode()))
    while len(drawn) < count:
        trial = {name: values[int(rng.integers(len(values)))] for name, values in space.items()}
        if trial not in drawn:
            drawn.append(trial)
    return drawn


def first_draws(space: FactorSpace, levels: np.ndarray) -> np.ndarray:
    """Rows of the first clip of each combination, in the order of the combinations."""
    return np.unique(space.combinations(levels), return_index=True)[1]


def evaluate(name: str, trial: Trial, task: Task, preset: Preset, prepared: Prepared, seed: int) -> dict[str, float]:
    """Train with these settings and score on validation clips: P, D, B."""
    cls = registry.load(name)
    settings = settings_for(name, cls.Settings, dict(trial))
    space, data, shape = prepared.space, prepared.data, prepared.front_end
    device = data.roles["train"].features.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        trunk = Trunk(shape.n_frames, shape.n_mels, preset.width, preset.depth)
        method = cls(trunk, tuple(task.blocks), settings).to(device)
        train(method, task, space, data.roles["train"], preset, seed, lambda done, total: None)
    method.eval()
    known, held = data.roles["train"], data.roles["validation"]
    rows = first_draws(space, known.levels)
    with torch.no_grad():
        probe = Codes(known.levels[rows], _numpy(embed(method, known.features[torch.from_numpy(rows).to(device)])))
        test = Codes(held.levels, _numpy(embed(method, held.features)))
    blocks = {block: tuple(sorted(owned)) for block, owned in task.blocks.items()}
    names, n_levels = space.names, space.n_levels
    scores = score(blocks, names, n_levels, probe, test, seed=0, device=str(device))
    wanted = ("preservation", "disentanglement", "balance")
    return {one.metric: one.value for one in scores if one.metric in wanted and one.block is None}


def _numpy(blocks: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: codes.cpu().numpy() for name, codes in blocks.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the trials and write what they gave. Returns the exit status."""
    parser = Parser(prog="python -m benchmark.tune", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--method", nargs="+", default=list(SEARCH), metavar="NAME", help=", ".join(SEARCH))
    parser.add_argument("--trials", type=int, default=8, help="trials of each method (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=1_000, help="training steps of a trial (default: %(default)s)")
    parser.add_argument("--task", default="phrases/timbre")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args(argv)
    try:
        task, device = load_task(options.task), chosen_device(options.device)
        drawn = {name: trials(name, options.trials) for name in options.method}
        if options.steps < 1:
            raise ValueError(f"--steps is {options.steps}; expected 1 or more")
        folder = options.results / "tuning"
        check_writable(folder)
    except ValueError as error:
        complain(error)
        return USAGE
    quick = load_preset("quick")
    preset = replace(quick, steps=options.steps, clips={"train": quick.clips["train"], "validation": 3})
    screen = console()
    prepared = prepare(task, preset, device, Stages(screen))
    full = replace(preset, steps=quick.steps)
    for name in options.method:
        first, last = _file(folder, name, TRIALS), _file(folder, name, FINALS)
        if not first.is_file():
            _stage(first, name, dict(enumerate(drawn[name])), task, preset, prepared, 1_000, screen)
        finalists = {number: drawn[name][number] for number in leaders(first, FINALISTS)}
        _stage(last, name, finalists, task, full, prepared, 1_001, screen)
    write_whole(options.results / "tuning.md", report(folder, options))
    return 0


def _stage(
    path: Path,
    name: str,
    numbered: dict[int, Trial],
    task: Task,
    preset: Preset,
    prepared: Prepared,
    seed: int,
    screen: Console,
) -> None:
    """Evaluate trials and write them to a file, a row each, when all are done."""
    rows: list[dict[str, Value]] = []
    for number, trial in numbered.items():
        start = time.perf_counter()
        scores = evaluate(name, trial, task, preset, prepared, seed)
        rows.append({"trial": number, **trial, **{metric: round(value, 4) for metric, value in scores.items()}})
        seconds = time.perf_counter() - start
        screen.print(f"{path.stem} {number}  B {scores['balance']:.3f}  {trial}  {seconds:.0f} s", highlight=False)
    _write_csv(path, rows)


def _file(folder: Path, name: str, stage: str) -> Path:
    return folder / f"{name}_{stage}.csv"


def leaders(path: Path, count: int) -> list[int]:
    """Numbers of the trials of the highest B in a file, the best first."""
    ordered = sorted(_rows(path), key=lambda row: -float(row["balance"]))
    return [int(row["trial"]) for row in ordered[:count]]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_csv(path: Path, rows: list[dict[str, Value]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def best(folder: Path, name: str) -> tuple[dict[str, str], int]:
    """The finalist (without finals: the trial) of the highest B, as text, and how many trials its method had."""
    tried = _rows(_file(folder, name, TRIALS))
    return max(finalists(folder, name) or tried, key=lambda row: float(row["balance"])), len(tried)


def finalists(folder: Path, name: str) -> list[dict[str, str]]:
    """The finals of a method, none where they have not been run."""
    path = _file(folder, name, FINALS)
    return _rows(path) if path.is_file() else []


def report(folder: Path, options: argparse.Namespace) -> str:
    """The page that says what was tried and chosen."""
    lines = [
        "# Tuning",
        "",
        f"Task {options.task}, preset quick, B on validation clips: probes are fitted on training clips, one of each",
        "combination, and read on validation clips. Each method had the same number of trials, of",
        f"{options.steps} steps and seed 1000: the first with the values that we would have guessed, the others drawn",
        f"at random from the lists in `benchmark/tune.py`. The best {FINALISTS} of each were trained anew, for the",
        "preset's full budget and with seed 1001; the best of these gave the defaults. Where finals were not run, the",
        "best trial did. Every trial is in `tuning/`.",
        "",
        "The trials are of benchmark version 0.2: float32, and of each factor's probes the best one alone.",
        "",
        "What the trials do not show. The terms, the trunk and the first guesses were settled on prototypes of",
        "`combined`, some fifty short trainings; about twenty of the earliest were read on test clips of the same",
        "combinations. Its contrast on swaps was added, in nine trainings read on validation clips, after version",
        "0.1 had shown, on test clips, that without it `combined` and `reconstructive` cannot be told apart; one",
        "more was read on test clips, to see what more probe clips change. `contrastive` and `reconstructive` took",
        "over what was learnt there: trunk, discrete shared code, independence term, rounding, and as trial 0 the",
        "best settings known. Not tuned: the groups of a shared code and, for `combined`, weight and temperature of",
        "the contrast on it. Half of the steps are not the whole: ranks of settings differ between the stages, more",
        "for `reconstructive` than for `combined`, and the finals are one seed. Some chosen values lie at an end of",
        "a list: so few trials find good settings, not the best. The budget is steps and clips: a step of",
        "`combined` encodes its swaps too, and one of `contrastive` two copies of each clip.",
        "",
        f"Made by `python -m benchmark.tune --trials {options.trials} --steps {options.steps}`.",
        "",
        "| method | trials | chosen | P | D | B | B of the other finalists | median B of the trials | its settings |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in SEARCH:
        if not _file(folder, name, TRIALS).is_file():
            continue
        chosen, count = best(folder, name)
        others = [row["balance"] for row in finalists(folder, name) if row["trial"] != chosen["trial"]]
        median = float(np.median([float(row["balance"]) for row in _rows(_file(folder, name, TRIALS))]))
        settings = ", ".join(f"{setting} {chosen[setting]}" for setting in SEARCH[name])
        lines.append(
            f"| {name} | {count} | {chosen['trial']} | {float(chosen['preservation']):.3f} | "
            f"{float(chosen['disentanglement']):.3f} | {float(chosen['balance']):.3f} | "
            f"{', '.join(f'{float(value):.3f}' for value in others) or 'not run'} | {median:.3f} | {settings} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
