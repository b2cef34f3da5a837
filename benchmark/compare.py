"""Two methods side by side: which differences are real, and how many seeds would show them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from itertools import pairwise as neighbouring

from benchmark.markdown import NONE, number, probability, table
from benchmark.results import Result
from benchmark.statistics import MOST_SEEDS, PairedTest, against, mean_interval, paired_p

METRICS = {"P": "preservation", "D": "disentanglement", "B": "balance"}

ABOUT = f"""\
Which of these differences in B are real: each ranked method against the next one down, over the seeds that both have;
p is Holm's, over all pairs. The last column is how many seeds would tell these two apart with a probability of 0.8, in
a single test at 5 %, were the difference and its spread over seeds what they are here ({NONE}: over {MOST_SEEDS:,}).
"""


def neighbours(values: Mapping[str, Mapping[int, float]], order: Sequence[str]) -> str:
    """A Markdown table: each ranked method against the next one down; empty for fewer than two.

    values: {method: {seed: B}} of all that are ranked. order: their names, the best first.
    """
    pairs, lines = list(neighbouring(order)), []
    for (first, second), (test, p) in zip(pairs, against(values, pairs), strict=True):
        lines.append([first, second, *told(test), probability(p), _seeds(test.seeds_needed)])
    header = ["method", "against", "difference in B", "seeds", "p (Holm)", "seeds needed"]
    return table(header, lines, left=2) if lines else ""


def comparison(results: Sequence[Result], first: str, second: str) -> str:
    """Means, difference, 95 % t interval, p and seeds needed of P, D and B, for each preset and task that both have.

    p is of one paired t test each, not corrected. Raises ValueError where the methods share no two seeds anywhere.
    """
    parts = []
    ordered = sorted((run for run in results if run.method in (first, second)), key=_place)
    for (preset, task, *_), group in groupby(ordered, key=_place):
        runs = list(group)
        lines = [_line(letter, metric, runs, first, second) for letter, metric in METRICS.items()]
        told = [line for line in lines if line is not None]
        if told:
            header = ["", first, second, "difference", "seeds", "p", "seeds needed"]
            parts.append(f"{preset}: {task}\n\n" + table(header, told, left=1))
    if not parts:
        raise ValueError(f"'{first}' and '{second}' have no two seeds in common in any table; run both on the same")
    return "\n".join(parts)


def _place(run: Result) -> tuple[str, str, str, str]:
    return run.preset, run.task, run.task_version, run.space_version


def _line(letter: str, metric: str, runs: Sequence[Result], first: str, second: str) -> list[str] | None:
    values: dict[str, dict[int, float]] = {first: {}, second: {}}
    for run in runs:
        for score in run.scores:
            if (score.metric, score.block, score.factor) == (metric, None, None):
                values[run.method][run.seed] = score.value
    common = sorted(values[first].keys() & values[second].keys())
    if len(common) < 2:
        return None
    test = paired_p(values[first], values[second])
    means = [number(mean_interval([values[name][seed] for seed in common])[0]) for name in (first, second)]
    return [letter, *means, *told(test), probability(test.two_sided), _seeds(test.seeds_needed)]


def told(test: PairedTest) -> list[str]:
    """A difference with half of its 95 % t interval, and how many seeds it is of."""
    sign = "+" if float(number(test.difference)) > 0 else ""
    return [f"{sign}{number(test.difference)} ± {number(test.half_width)}", str(test.n)]


def _seeds(needed: int | None) -> str:
    return NONE if needed is None else str(needed)
