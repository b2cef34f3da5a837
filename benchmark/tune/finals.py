"""The finals: the first trial of a method and the best others, trained as long as for the board, and with other seeds.

A trial is a third of a run, and what is best there need not be best at full length. Who is best in the finals gives the
defaults. All are judged on validation clips, as the trials are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.tune.record import Record
from benchmark.tune.search import COMPLETE, FAILED, Asked, Evaluate, Told, Tried

FINALISTS = 2  # beside the first trial
SEEDS = (1002, 1003)  # apart from the trials' and the board's


def finalists(trials: Sequence[Tried]) -> list[Tried]:
    """The first trial and the best others, by number: those alone that are complete."""
    complete = [trial for trial in trials if trial.state == COMPLETE]
    best = sorted(complete, key=lambda trial: (-trial.balance, trial.number))[: FINALISTS + 1]
    first = [trial for trial in complete if trial.number == 0]
    others = [trial for trial in best if trial.number != 0][:FINALISTS]
    return sorted([*first, *others], key=lambda trial: trial.number)


def final(records: Mapping[str, Record], evaluate: Evaluate, preset: str) -> dict[str, Record]:
    """The finals of some methods, all their runs together. records: of their trials. preset: of the finals."""
    asked = [
        (method, trial, seed)
        for method, record in records.items()
        for trial in finalists(record.trials)
        for seed in SEEDS
    ]
    outcomes = evaluate([Asked(method, trial.settings, seed) for method, trial, seed in asked])
    told: dict[tuple[str, int], list[Told | None]] = {}
    for (method, trial, _), outcome in zip(asked, outcomes, strict=True):
        told.setdefault((method, trial.number), []).append(outcome)
    return {
        method: Record(
            record.task,
            preset,
            tuple(_ended(trial, told[method, trial.number]) for trial in finalists(record.trials)),
            SEEDS,
        )
        for method, record in records.items()
    }


def _ended(trial: Tried, outcomes: Sequence[Told | None]) -> Tried:
    """A finalist; failed where one of its runs did, and what came of those before it."""
    whole = [outcome for outcome in outcomes if outcome is not None]
    if len(whole) == len(outcomes):
        return Tried(trial.number, COMPLETE, trial.settings, tuple(whole))
    known = outcomes[: outcomes.index(None)]
    return Tried(trial.number, FAILED, trial.settings, tuple(one for one in known if one is not None))
