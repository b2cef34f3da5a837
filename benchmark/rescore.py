"""Score kept embeddings anew, without training: `python -m benchmark.run --rescore`.

A new metric, or a mended one, needs no new training. The newest result of each run is read, its embeddings are scored
by today's code, and a result of today's benchmark version is written, with the settings, the cost and the environment
of the run that made the embeddings. Scores that take the clips' features or the model's decoder are kept as they were.
Embeddings are kept as they were scored, so on the same CPU the same code gives the same scores, to the last digit.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

import generators
from benchmark import artefacts, oracles, results
from benchmark.cli import DONE, FAILED, USAGE, complain
from benchmark.execution import JUDGED
from benchmark.metrics.table import FROM_THE_MODEL
from benchmark.options import chosen_device
from benchmark.results import DECISIVE, Result, ResultError
from benchmark.scoring import scores_of, scoring_hash
from benchmark.stages import Stages, console
from benchmark.storage import Place, place, reachable
from benchmark.tasks import Preset, Task, load_preset, load_task
from benchmark.version import BENCHMARK_VERSION
from generators.splits import Role


def main(options: argparse.Namespace) -> int:
    """Score every result that the options select anew. Status 1 where some of them have no kept embeddings."""
    try:
        root = reachable(place(options.results))
        device, wanted = chosen_device(options.device), chosen(options)
    except ValueError as error:
        complain(error)
        return USAGE
    failures = 0
    for result in wanted:
        name = f"{result.method} on {result.task}, {result.preset}, seed {result.seed}"
        try:
            new = rescored(result, root, device, Stages(console()))
        except (ResultError, ValueError) as error:
            complain(f"{name}: {error}")
            failures += 1
            continue
        if new is None:
            complain(f"{name}: no embeddings are kept beside the result of version {result.benchmark_version}")
            failures += 1
            continue
        print(f"{name}: {told(result, new)}")
    return FAILED if failures else DONE


def chosen(options: argparse.Namespace) -> list[Result]:
    """The newest result of each run that the options select, of any benchmark version; by default every one.

    Raises ValueError where there is none, ResultError for a damaged file.
    """
    newest: dict[tuple[str, str, str, int], Result] = {}
    for version in results.versions(options.results):
        for result in results.read_all(options.results, version):
            newest.setdefault((result.preset, result.task, result.method, result.seed), result)
    wanted = [result for result in newest.values() if _selected(result, options)]
    if not wanted:
        raise ValueError(f"no results in {options.results} to score anew with these options")
    return wanted


def _selected(result: Result, options: argparse.Namespace) -> bool:
    methods = None if options.method is None or "all" in options.method else set(options.method)
    if methods is not None and "oracles" in methods:
        methods |= set(oracles.names())
    given = (
        (methods, result.method),
        (None if options.task is None else [load_task(name).name for name in options.task], result.task),
        (None if options.preset is None else [options.preset], result.preset),
        (options.seeds, result.seed),
    )
    return all(names is None or value in names for names, value in given)


def rescored(result: Result, root: Place, device: torch.device, stages: Stages) -> Result | None:
    """The result with scores of today's code, in the place of its own; None where no embeddings are kept.

    Raises ResultError where embeddings are damaged, ValueError where the task is no longer there.
    """
    task = load_task(result.task)
    space = generators.space(task.space)
    folder = _folder(root, result)
    codes = artefacts.kept(folder, space)
    if codes is None:
        return None
    owned = {block: [name for name in space.names if name in factors] for block, factors in task.blocks.items()}
    if owned != result.blocks:
        raise ResultError(f"{folder}: its blocks were {result.blocks}, and those of {task.name} are {owned}")
    for role, wanted in clips_of(task, load_preset(result.preset)).items():
        if len(codes[role].levels) != wanted:
            there = f"{len(codes[role].levels):,} {role} clips are kept in {folder}"
            raise ResultError(
                f"{there}, and '{result.preset}' now has {wanted:,}: run it again, for scores depend on it"
            )
    with stages.stage("score", f"scoring {result.method}, seed {result.seed}, anew") as report:
        trained = load_preset(result.preset).judge == "validation"
        probe, test = replace(codes["probe"], trained=trained), codes["test"]
        found = scores_of(task, space, probe, test, device, report)
    scores = [results.Score(metric=s.metric, block=s.block, factor=s.factor, value=s.value) for s in found]
    scores += [score for score in result.scores if score.metric in FROM_THE_MODEL]
    changed = {"benchmark_version": BENCHMARK_VERSION, "scores": scores, "scored_by": scoring_hash()}
    if all(getattr(result, name) == value for name, value in changed.items()):
        return result
    new = result.model_copy(update=changed)
    new = new.model_copy(update={"id": results.identity(new.model_dump(include=set(DECISIVE)))})
    if new.benchmark_version != result.benchmark_version or new.scores != result.scores:
        artefacts.carry(new, folder, _folder(root, new))
    results.write(new, root)
    return new


def clips_of(task: Task, preset: Preset) -> dict[Role, int]:
    """How many clips a run of today is judged by."""
    rows = task.split.rows(generators.space(task.space))
    if preset.judge == "validation":  # as `features.on_validation` takes them
        return {"probe": (len(rows["train"]) + 1) // 2, "test": len(rows["validation"]) * preset.clips["validation"]}
    return {role: len(rows[role]) * preset.clips[role] for role in JUDGED}


def told(old: Result, new: Result) -> str:
    """What became of P, D and B, in a line."""
    if new.benchmark_version == old.benchmark_version and new.scores == old.scores:
        return "the same to the last digit"
    before = old.ranked()
    moved = [
        f"{metric} {value:.4f} ({f'was {before[metric]:.4f}' if metric in before else 'new'})"
        for metric, value in new.ranked().items()
    ]
    return f"{', '.join(moved)}; version {old.benchmark_version} -> {new.benchmark_version}"


def _folder(root: Place, result: Result) -> Place:
    address = (result.benchmark_version, result.preset, result.task, result.method, result.seed)
    return results.artefact_dir(root, *address)
