"""Whether a submission is in order, without running any of its code: its card, its source, its results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import generators
from baselines import registry
from benchmark import results
from benchmark.execution import hashed
from benchmark.feature_store import space_version
from benchmark.oracles import PREFIX
from benchmark.results import Result
from benchmark.scoring import scoring_hash
from benchmark.strangers import collected, printable
from benchmark.submit.card import FOLDER, Card, read, sha256
from benchmark.tasks import BOARD, load_task
from benchmark.version import BENCHMARK_VERSION

PRESET, SEEDS = "quick", (0, 1, 2, 3, 4)  # of the board
ALSO = ("soundfont/timbre",)  # on the board, but no submission needs it


@dataclass(frozen=True)
class _Wanted:
    """What the board wants."""

    preset: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]


def problems(root: Path, preset: str = PRESET, tasks: Iterable[str] = BOARD, seeds: Iterable[int] = SEEDS) -> list[str]:
    """What is wrong with the submissions in a results folder, a line each; none, and all is in order.

    preset, tasks, seeds: those that the board wants.
    """
    found, told = collected(root, BENCHMARK_VERSION)
    newer = [version for version in results.versions(root) if results.age(version) > results.age(BENCHMARK_VERSION)]
    told += [
        f"{root / version}: there is no benchmark version {version}; this is {BENCHMARK_VERSION}" for version in newer
    ]
    files = sorted((root / FOLDER).glob("*/card.json"))
    wanted, methods = _Wanted(preset, tuple(tasks), tuple(seeds)), {file.parent.name for file in files}
    for file in files:
        told += _of_a_card(file, found, wanted)
    strays = {one.method for one in found if not _is_built_in(one.method)} - methods
    told += [f"{root / FOLDER / name}: there are results of '{name}', and no card.json" for name in sorted(strays)]
    if not files and not told:
        told.append(f"{root}: there is no card in {root / FOLDER}; python -m benchmark.submit FILE.py writes one")
    return [printable(line) for line in told]


def wanting(card: Card) -> list[str]:
    """What the board wants beyond a card, a line each; none, and it is a whole submission."""
    wanted = _Wanted(PRESET, BOARD, SEEDS)
    return _missing(card, wanted) + ([] if card.preset == PRESET else [f"preset: {PRESET}, not {card.preset}"])


def _missing(card: Card, wanted: _Wanted) -> list[str]:
    told = [f"tasks: {task} is missing" for task in wanted.tasks if task not in card.tasks]
    return told + [f"seeds: {seed} is missing" for seed in wanted.seeds if seed not in card.seeds]


def _is_built_in(method: str) -> bool:
    """Whether a result is of what the benchmark comes with, at any settings."""
    name = method.partition(",")[0]
    return name in registry.names() or name.startswith(PREFIX)


def _of_a_card(file: Path, found: list[Result], wanted: _Wanted) -> list[str]:
    try:
        card = read(file)
        source = file.parent / card.plugin
        if sha256(source) != card.plugin_sha256:
            return [f"{source}: it is not the file that the card's plugin_sha256 is of"]
    except ValueError as error:
        return [str(error)]
    told = [f"{file}: {line}" for line in _against_the_board(card, wanted)]
    root = file.parent.parent.parent
    there = {(one.task, one.seed): one for one in found if (one.method, one.preset) == (card.method, card.preset)}
    for task in card.tasks if not told else []:
        for seed in card.seeds:
            place = results.path(root, BENCHMARK_VERSION, card.preset, task, card.method, seed)
            result = there.get((task, seed))
            if result is None:
                told.append(f"{place}: there is no such result that can be used")
            else:
                told += [f"{place}: {line}" for line in _of_a_result(result, source)]
    return told


def _against_the_board(card: Card, wanted: _Wanted) -> list[str]:
    told = []
    if _is_built_in(card.method) or "," in card.method:
        told.append(f"method: '{card.method}' is the name of a built-in method, or of settings set by hand")
    if card.benchmark_version != BENCHMARK_VERSION:
        told.append(f"benchmark_version: it is {card.benchmark_version}; the board's is {BENCHMARK_VERSION}")
    if card.preset != wanted.preset:
        told.append(f"preset: it is {card.preset}; the board's is {wanted.preset}")
    told += [f"tasks: {task} is not on the board" for task in card.tasks if task not in (*wanted.tasks, *ALSO)]
    return told + _missing(card, wanted)


def _of_a_result(result: Result, source: Path) -> list[str]:
    """Whether a result is of this code, this source and this task."""
    task = load_task(result.task)
    names = generators.space(task.space).names
    expected = {
        "task_version": task.version,
        "space_version": space_version(task.space),
        "blocks": {block: [name for name in names if name in owned] for block, owned in task.blocks.items()},
        "source_hash": _hashed(source, result.task),
        "scored_by": scoring_hash(),
    }
    told = [
        f"{field}: it is {getattr(result, field)}; of this code and the submitted source it would be {value}"
        for field, value in expected.items()
        if getattr(result, field) != value
    ]
    return told if result.id is not None else [*told, "id: it is missing"]


def _hashed(source: Path, task: str) -> str:
    """The source hash of a file that is read, and never run; empty where it is no Python."""
    try:
        return hashed(source, load_task(task))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
