"""The search: TPE by Optuna, in rounds of a fixed size, poor trials cut short after their first seed.

A trial is run with the seed 1000, then, unless a median rule prunes it, with 1001; what it is worth is the mean of
B. Which trials there are depends on the results of earlier rounds alone: not on how many go on at once, nor on the
order in which they end. So a search that is begun again asks for the same trials, and finds them done. Source:
Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"; Golovin et al. 2017 (the median rule).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from benchmark.tune.spaces import Choice, Real, Settings, rounded, space_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

SEEDS = (1000, 1001)  # apart from the board's
ROUND = 4  # trials of a method that are asked for together
DRAWN = 8  # trials, the first among them, before the sampler learns from those that were
UNPRUNED = 4  # trials that are run in full before the median rule begins
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True)
class Asked:
    """A run to do."""

    method: str
    settings: Settings
    seed: int


@dataclass(frozen=True)
class Told:
    """What came of a run: P, D, B and seconds."""

    preservation: float
    disentanglement: float
    balance: float
    seconds: float


@dataclass(frozen=True)
class Tried:
    """A trial that has ended. told: of each seed, in the order of `SEEDS`; fewer where it was pruned or failed."""

    number: int
    state: str
    settings: Settings
    told: tuple[Told, ...]

    @property
    def balance(self) -> float:
        """The mean of B over the seeds. Raises statistics.StatisticsError where there are none."""
        return fmean(one.balance for one in self.told)


# The outcome of each run, in their order; None for one that failed.
Evaluate = Callable[[Sequence[Asked]], Sequence[Told | None]]
# Takes every trial of a method that has ended, after each round.
Keep = Callable[[str, Sequence[Tried]], None]


def search(methods: Sequence[str], count: int, evaluate: Evaluate, keep: Keep) -> None:
    """`count` trials of each method, all methods' rounds together. Raises ValueError where Optuna is not installed."""
    studies = {method: _begun(method) for method in methods}
    done: dict[str, list[Tried]] = {method: [] for method in methods}
    for start in range(0, count, ROUND):
        size = min(ROUND, count - start)
        asked = [(method, studies[method].ask()) for method in methods for _ in range(size)]
        given = [suggested(method, trial) for method, trial in asked]
        for (method, _), tried in zip(asked, _round(studies, asked, given, evaluate), strict=True):
            done[method].append(tried)
        for method in methods:
            keep(method, done[method])


def _begun(method: str) -> Study:
    try:
        import optuna
    except ImportError:
        raise ValueError("tuning needs Optuna: pip install -e '.[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=DRAWN, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
    )
    study.enqueue_trial(
        {name: 0 if isinstance(where, Choice) else where.first for name, where in space_of(method).items()}
    )
    return study


def suggested(method: str, trial: Trial) -> Settings:
    """The settings of a trial, as they are tried."""
    settings: Settings = {}
    for name, where in space_of(method).items():
        if isinstance(where, Real):
            settings[name] = rounded(trial.suggest_float(name, where.low, where.high, log=True))
        else:
            place = trial.suggest_categorical(name, range(len(where.values)))
            settings[name] = where.values[place]
    return settings


def _round(
    studies: dict[str, Study], asked: Sequence[tuple[str, Trial]], given: Sequence[Settings], evaluate: Evaluate
) -> list[Tried]:
    """Run trials with the first seed, those that are worth it with the others, and tell the samplers."""
    told: list[list[Told]] = [[] for _ in asked]
    states, left = [COMPLETE] * len(asked), list(range(len(asked)))
    for step, seed in enumerate(SEEDS):
        outcomes = evaluate([Asked(asked[place][0], given[place], seed) for place in left])
        for place, outcome in zip(left, outcomes, strict=True):
            if outcome is None:
                states[place] = FAILED
            else:
                told[place].append(outcome)
                asked[place][1].report(outcome.balance, step)
        for place in left if seed != SEEDS[-1] else []:
            if states[place] == COMPLETE and asked[place][1].should_prune():
                states[place] = PRUNED
        left = [place for place in left if states[place] == COMPLETE]
    ended = []
    for (method, trial), settings, state, outcomes in zip(asked, given, states, told, strict=True):
        tried = Tried(trial.number, state, settings, tuple(outcomes))
        _tell(studies[method], trial, tried)
        ended.append(tried)
    return ended


def _tell(study: Study, trial: Trial, tried: Tried) -> None:
    from optuna.trial import TrialState

    if tried.state == COMPLETE:
        study.tell(trial, tried.balance)
    else:
        study.tell(trial, state=TrialState.PRUNED if tried.state == PRUNED else TrialState.FAIL)
