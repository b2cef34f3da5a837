"""Trials of benchmark version 0.2, by a search that was another: where the first trials of three methods are from.

Settings were drawn at random from short lists; the best three of eight half-length trials were trained anew in
full, with another seed, on `phrases/timbre`, and the best of these was chosen. `<folder>/<method>_trials.csv`,
`_finals.csv`.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import median

from benchmark.markdown import number, table
from benchmark.tune.record import RecordError

SCORES = ("preservation", "disentanglement", "balance")

ABOUT = """\
Task phrases/timbre, preset quick of benchmark version 0.2 (float32, and of each factor's probes the best one
alone), B on validation clips: probes are fitted on training clips, one of each combination, and read on validation
clips. Each method had the same number of trials, of 1000 steps and seed 1000: the first with the values that we
would have guessed, the others drawn at random from short lists. The best 3 of each were trained anew, for the
preset's full budget and with seed 1001; the best of these gave the defaults, with which the search of today
begins. Every trial is in `tuning/`.

What the trials do not show. The terms, the trunk and the first guesses were settled on prototypes of
`combined`, some fifty short trainings; about twenty of the earliest were read on test clips of the same
combinations. Its contrast on swaps was added, in nine trainings read on validation clips, after version
0.1 had shown, on test clips, that without it `combined` and `reconstructive` cannot be told apart; one
more was read on test clips, to see what more probe clips change. `contrastive` and `reconstructive` took
over what was learnt there: trunk, discrete shared code, independence term, rounding, and as trial 0 the
best settings known. Not tuned: the groups of a shared code and, for `combined`, weight and temperature of
the contrast on it. Half of the steps are not the whole: ranks of settings differ between the stages, more
for `reconstructive` than for `combined`, and the finals are one seed. Some chosen values lie at an end of
a list: so few trials find good settings, not the best. The budget is steps and clips: a step of
`combined` encodes its swaps too, and one of `contrastive` two copies of each clip.
"""


def methods(folder: Path) -> list[str]:
    """Methods that have trials of that version, by name."""
    return sorted(path.name.removesuffix("_trials.csv") for path in folder.glob("*_trials.csv"))


def chosen(folder: Path, method: str) -> dict[str, float]:
    """The settings that were chosen. Raises RecordError where the file is damaged."""
    best = _best(_rows(folder, method, "finals"))
    return {name: value for name, value in best.items() if name not in ("trial", *SCORES)}


def section(folder: Path) -> str:
    """What was tried and chosen, in Markdown."""
    lines = []
    for method in methods(folder):
        trials, finals = _rows(folder, method, "trials"), _rows(folder, method, "finals")
        best = _best(finals)
        others = [number(row["balance"]) for row in finals if row is not best]
        middle = number(median(row["balance"] for row in trials))
        settings = ", ".join(f"{name} {value:g}" for name, value in chosen(folder, method).items())
        scores = [number(best[score]) for score in SCORES]
        lines.append([method, settings, str(len(trials)), f"{best['trial']:g}", *scores, ", ".join(others), middle])
    header = ["method", "its settings", "trials", "chosen", "P", "D", "B", "B of the other finalists"]
    return ABOUT + "\n" + table([*header, "median B of the trials"], lines, left=2)


def _best(rows: list[dict[str, float]]) -> dict[str, float]:
    return max(rows, key=lambda row: row["balance"])


def _rows(folder: Path, method: str, stage: str) -> list[dict[str, float]]:
    path = folder / f"{method}_{stage}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from None
    except (TypeError, ValueError) as error:
        raise RecordError(f"{path}: not a record of trials ({error})") from None
    if not rows or not {"trial", *SCORES} <= rows[0].keys():
        raise RecordError(f"{path}: not a record of trials (it lacks rows, or columns)")
    return rows
