"""How long runs may take, by what runs like them took; and the plan in a line."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmark import results
from benchmark.jobs import Specification
from benchmark.plan import Plan
from benchmark.results import Result, ResultError
from benchmark.storage import Place
from benchmark.version import BENCHMARK_VERSION

# Seconds of a run where no result of its preset tells: what `combined` took on two cores; of `standard` what it should
# take on a GPU, for there it was not tried.
GUESSES = {"tiny": 20.0, "tuning": 25.0, "finals": 60.0, "short": 25.0, "quick": 70.0, "long": 150.0, "standard": 120.0}


def expected_seconds(todo: Sequence[Specification], known: Iterable[Result]) -> dict[str, float]:
    """How long each run may take, by id: the median of known results of its method, or its preset, or a guess."""
    by_method: dict[tuple[str, str], list[float]] = {}
    by_preset: dict[str, list[float]] = {}
    for result in known:
        seconds = sum(value for stage, value in result.cost.seconds.items() if stage != "start")
        by_method.setdefault((result.preset, result.method.partition(",")[0]), []).append(seconds)
        by_preset.setdefault(result.preset, []).append(seconds)
    return {
        run.id: statistics.median(
            by_method.get((run.preset, run.method))
            or by_preset.get(run.preset)
            or [GUESSES.get(run.preset, GUESSES["quick"])]
        )
        for run in todo
    }


def known_results(one: Plan, root: Place) -> list[Result]:
    """Results that tell how long runs take here: those of this version that can be read, of the presets asked for."""
    presets = {run.preset for run in one.todo}
    try:
        found = results.read_all(root, BENCHMARK_VERSION)
    except ResultError:
        found = list(one.there.values())
    return [result for result in found if result.preset in presets]


def told(seconds: float) -> str:
    """Seconds in words that a person would use."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


def summary(one: Plan, seconds: float, workers: int) -> str:
    """The plan in a line. seconds: of all its runs that are to do, one after the other."""
    parts = [f"{len(one.runs)} run{'s' if len(one.runs) != 1 else ''}"]
    if one.there:
        parts.append(f"{len(one.there)} there already")
    if one.stale:
        parts.append(f"{len(one.stale)} made by other code, to be made anew")
    if one.damaged:
        parts.append(f"{len(one.damaged)} damaged, to be made anew")
    if one.todo:
        at_once = f", {workers} at once" if workers > 1 else ""
        parts.append(f"{len(one.todo)} to do, about {told(seconds / workers)}{at_once}")
    return "; ".join(parts)
