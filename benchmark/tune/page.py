"""The page that says what was tried and chosen, from the records alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

from benchmark.markdown import NONE, number, table
from benchmark.tune import earlier
from benchmark.tune.finals import FINALISTS
from benchmark.tune.finals import SEEDS as FINAL_SEEDS
from benchmark.tune.record import LETTERS, Record, file_of, read
from benchmark.tune.search import COMPLETE, FAILED, PRUNED, ROUND, SEEDS, UNPRUNED, Tried
from benchmark.tune.spaces import SPACES, Settings

ABOUT = f"""\
One representative of each family, and `reconstructive`, gets the same number of trials by `python -m
benchmark.tune`, on a task that the board does not use and on clips that rank nobody: probes are fitted on training
clips and read on validation clips. The first trial has the values that the method came with; TPE (Optuna) chose the
others, in rounds of {ROUND}, from the ranges below. A trial is trained with seed {SEEDS[0]}; where its B is under
the median of the complete trials, from the {UNPRUNED + 1}th on, it is pruned; else it is trained with seed
{SEEDS[1]} too, and is worth the mean. The first trial and the best {FINALISTS} others are then trained as long as for
the board, with seeds {" and ".join(map(str, FINAL_SEEDS))}; the one of the highest mean B there gave the defaults, as
they are: what is tried has two significant digits. Other methods have the values of their papers and what they share
with their representative.

B of what was chosen is the best of several and so looks better than it is: the board's seeds, task and clips are
others. Two seeds and this many trials find good settings, not the best.
"""

EARLIER = "## Version 0.2: where the first trials of three are from"


def versions(folder: Path) -> list[str]:
    """Benchmark versions of which there are records, the newest first."""
    found = {path.parent.name for path in folder.glob("*/*_trials.csv")}
    return sorted(found, key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name), reverse=True)


def records(folder: Path, version: str, stage: str = "trials") -> dict[str, Record]:
    """The records of a version's trials or finals, by method, in the order of the search. Raises RecordError."""
    paths = {method: file_of(folder, version, method, stage) for method in SPACES}
    return {method: read(path) for method, path in paths.items() if path.is_file()}


def chosen(folder: Path, method: str) -> Settings | None:
    """The settings that tuning chose of a method: by its newest finals, or by the trials where these had none.

    None where it has neither. Raises RecordError.
    """
    for version in versions(folder):
        for stage in ("finals", "trials"):
            path = file_of(folder, version, method, stage)
            best = read(path).chosen() if path.is_file() else None
            if best is not None:
                return best.settings
    return dict(earlier.chosen(folder, method)) if method in earlier.methods(folder) else None


def page(folder: Path) -> str:
    """The whole page, in Markdown. folder: of the records. Raises RecordError."""
    text = ["# Tuning", "", ABOUT]
    for version in versions(folder):
        found = records(folder, version)
        where = " and ".join(dict.fromkeys(f"task {one.task}, preset {one.preset}" for one in found.values()))
        text += [f"## Version {version}", "", f"Of {where}. Every trial is in `{folder.name}/{version}/`.", ""]
        text += [_table(found), _lacking(found)]
        if last := records(folder, version, "finals"):
            preset = " and ".join(dict.fromkeys(one.preset for one in last.values()))
            text += [f"The finals, preset {preset}:", "", _finals(last)]
    if not versions(folder):
        text += ["No trial of this search has been run yet.", ""]
    text += ["## What is searched", "", _ranges()]
    if earlier.methods(folder):
        text += [EARLIER, "", earlier.section(folder)]
    return "\n".join(text).rstrip() + "\n"


def _table(found: dict[str, Record]) -> str:
    header = ["method", "settings of the best trial", "trials", "pruned", "failed", "best"]
    lines = [_line(method, record) for method, record in found.items()]
    return table([*header, "P", "D", "B", "B of the first", "median B, first seed"], lines, left=2)


def _finals(found: dict[str, Record]) -> str:
    """A line a method: B of each finalist, by the trial's number, and who was chosen."""
    lines = []
    for method, record in found.items():
        best = record.chosen()
        told = ", ".join(
            f"{trial.number}: {number(trial.balance) if trial.state == COMPLETE else trial.state}"
            for trial in record.trials
        )
        lines.append([method, NONE if best is None else _told(best.settings), told, *_means(best)])
    return table(["method", "chosen settings", "B of each finalist", "P", "D", "B"], lines, left=3)


def _told(settings: Settings) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in settings.items())


def _means(best: Tried | None) -> list[str]:
    """P, D and B of a trial, means over its seeds; dashes where there is none."""
    if best is None:
        return [NONE] * 3
    return [number(fmean(getattr(one, score) for one in best.told)) for score in LETTERS.values()]


def _line(method: str, record: Record) -> list[str]:
    best, trials = record.chosen(), record.trials
    counts = [str(sum(trial.state == state for trial in trials)) for state in (PRUNED, FAILED)]
    if best is None:
        return [method, "none is complete", str(len(trials)), *counts, *[NONE] * 6]
    middle = number(median(trial.told[0].balance for trial in trials if trial.told))
    return [
        method,
        _told(best.settings),
        str(len(trials)),
        *counts,
        str(best.number),
        *_means(best),
        _first(trials),
        middle,
    ]


def _first(trials: Sequence[Tried]) -> str:
    """B of the trial that had the values known before; a dash where it did not end."""
    return number(trials[0].balance) if trials[0].state == COMPLETE else NONE


def _lacking(found: dict[str, Record]) -> str:
    """What is missing or uneven, in a sentence each."""
    none = [method for method in SPACES if method not in found]
    most = max(len(record.trials) for record in found.values())
    few = [f"{method} ({len(record.trials)})" for method, record in found.items() if len(record.trials) < most]
    lines = [f"Not run: {', '.join(none)}."] if none else []
    lines += [f"With fewer trials than the others' {most}: {', '.join(few)}."] if few else []
    return "".join(f"{line}\n" for line in lines)


def _ranges() -> str:
    rows = [
        [method, name, str(where), _short(where.first)]
        for method, space in SPACES.items()
        for name, where in space.items()
    ]
    return table(["method", "setting", "range", "first trial"], rows, left=4)


def _short(value: float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
