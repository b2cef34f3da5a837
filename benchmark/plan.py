"""From requests to runs: which there are, which are done already, which are out of date, how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import generators
from baselines.plugins import Address
from benchmark import options as checks
from benchmark import results
from benchmark.execution import hashed
from benchmark.feature_store import space_version
from benchmark.jobs import Specification
from benchmark.metrics.table import WIDEST
from benchmark.oracles import Oracle
from benchmark.requests import Request, Value
from benchmark.results import Result, ResultError
from benchmark.scoring import scoring_hash
from benchmark.storage import Place
from benchmark.tasks import Task, load_preset, load_task
from benchmark.train import declined
from benchmark.version import BENCHMARK_VERSION

if TYPE_CHECKING:
    from baselines.contract import CommonSettings, Method
    from baselines.encoders import Foreign


@dataclass(frozen=True)
class Plan:
    """Every run that was asked for, once.

    there: results that are up to date, by the run's id. stale: ids of runs whose result is of other code or settings.
    damaged: what is wrong with a result that cannot be read, by id. left_out: a line for each method of a group that
    declines a task.
    """

    runs: list[Specification]
    there: dict[str, Result]
    stale: set[str]
    damaged: dict[str, str]
    left_out: list[str]

    @property
    def todo(self) -> list[Specification]:
        """Runs without an up-to-date result."""
        return [run for run in self.runs if run.id not in self.there]


def plan(requests: Iterable[Request], root: Place, *, force: bool = False) -> Plan:
    """Every run of some requests, tasks together, for their clips are the same.

    force: take no result as there. Raises ValueError, in one line, for whatever is wrong with a request.
    """
    runs: dict[str, Specification] = {}
    left_out: dict[str, None] = {}
    for request in requests:
        for task_name in request.task:
            found, declined = _of_task(request, load_task(task_name))
            runs |= {run.id: run for run in found}
            left_out |= dict.fromkeys(declined)
    _check_places(runs.values())
    one = Plan(list(runs.values()), {}, set(), {}, list(left_out))
    for run in [] if force else one.runs:
        try:
            result = stored(run, root)
        except ResultError as error:
            one.damaged[run.id] = str(error)
            continue
        if result is not None and result.id == run.id:
            one.there[run.id] = result
        elif result is not None:
            one.stale.add(run.id)
    return one


def stored(run: Specification, root: Place) -> Result | None:
    """The result that lies in a run's place, of whatever id; None where there is none. Raises ResultError."""
    file = place_of(run, root)
    return results.read(file) if file.exists() else None


def _of_task(request: Request, task: Task) -> tuple[list[Specification], list[str]]:
    load_preset(request.preset)
    seeds = checks.checked_seeds(request.seeds)
    methods = checks.chosen_methods(request.method, request.plugin)
    address = None if request.plugin is None else Address.of(request.plugin)
    runs, left_out = [], []
    for name, (chosen, source) in methods.items():
        reason = declines(chosen, task)
        if reason is not None:
            if name in request.method:
                raise ValueError(f"{name} cannot do {task.name}: {reason}")
            left_out.append(f"{name} is left out, for it cannot do {task.name}: {reason}")
            continue
        own = None
        if request.plugin is not None and address is not None and name == address.name:
            own = request.plugin, address.file().read_bytes().decode()
        for given in request.settings():
            settings = checks.settings_of(name, chosen, given)
            for seed in seeds:
                runs.append(specification(task, request.preset, name, source, own, settings, given, seed))
    return runs, left_out


def specification(
    task: Task,
    preset: str,
    name: str,
    source: Path,
    plugin: tuple[str, str] | None,
    settings: CommonSettings | None,
    given: dict[str, Value],
    seed: int,
) -> Specification:
    """The specification of one run, with its id.

    plugin: its address, and the text of its file. settings: all; given: those that were set.
    """
    label = checks.label(name, settings, given)
    fields = decisive(task, preset, label, source, settings, seed)
    return Specification(task.name, preset, name, label, plugin, given, seed, results.identity(fields))


def decisive(
    task: Task, preset: str, label: str, source: Path, settings: CommonSettings | None, seed: int
) -> dict[str, Any]:
    """What decides the outcome of a run: the fields that `results.DECISIVE` names."""
    return {
        "benchmark_version": BENCHMARK_VERSION,
        "preset": preset,
        "task": task.name,
        "task_version": task.version,
        "space_version": space_version(task.space),
        "method": label,
        "settings": settings.model_dump() if settings is not None else {},
        "seed": seed,
        "source_hash": source_hash(source, task.name),
        "scored_by": scored_by(),
    }


@cache
def source_hash(source: Path, task: str) -> str:
    """Hash of what decides the embeddings of a method's file on a task; taken once a process, for files may change."""
    return hashed(source, load_task(task))


@cache
def scored_by() -> str:
    """Hash of what scores embeddings, taken once a process."""
    return scoring_hash()


def _check_places(runs: Iterable[Specification]) -> None:
    """Raise ValueError where two different runs would be stored in one place."""
    seen: dict[tuple[str, str, str, int], Specification] = {}
    for run in runs:
        other = seen.setdefault((run.task, run.preset, run.label, run.seed), run)
        if other is not run:
            raise ValueError(f"two different runs are called {run.title}, preset {run.preset}; rename one's plugin")


def place_of(run: Specification, root: Place) -> Place:
    """The file of a run's result."""
    return results.path(root, BENCHMARK_VERSION, run.preset, run.task, run.label, run.seed)


def artefacts_of(run: Specification, root: Place) -> Place:
    """The folder of a run's pictures, losses and embeddings."""
    return results.artefact_dir(root, BENCHMARK_VERSION, run.preset, run.task, run.label, run.seed)


def declines(chosen: type[Method] | Oracle | Foreign, task: Task) -> str | None:
    """Why a method or an oracle cannot do the task; None where it can. An encoder of somebody else's takes any."""
    if isinstance(chosen, Oracle):
        return chosen.declines(task.blocks) or _too_wide(chosen, task)
    return declined(chosen, task) if isinstance(chosen, type) else None


def _too_wide(chosen: Oracle, task: Task) -> str | None:
    """Why an oracle's code cannot be ranked; None where it can."""
    space = generators.space(task.space)
    codes = chosen(np.zeros((1, len(space.names)), np.int64), space.names, space.n_levels, task.blocks, seed=0)
    wide = [f"{block}' would be {code.shape[1]}" for block, code in codes.items() if code.shape[1] > WIDEST]
    return f"its block '{wide[0]} wide, and at most {WIDEST} can be ranked" if wide else None
