"""The text of the leaderboard: results in, Markdown out, the same bytes every time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from benchmark.results import Result
from benchmark.statistics import mean_interval, ranks

COMMAND = "python -m benchmark.leaderboard"
NONE = "—"
CONTROL = "control"

ABOUT = f"""\
**P** (preservation) is how much of what was in the sound can be read back from the whole representation, **D**
(disentanglement) the share of it that is in its own block and nowhere else, and **B** (balance), which ranks, is high
only where both are; each goes from 0, nothing, to 1, everything, and is a mean over seeds ± half of a 95 % t interval.
Seeds vary a method's initial weights and the examples it draws; the clips are the same for all.
Rank is 1 + the number of methods with a better B by a t test paired by seed, Holm-corrected at 5 %, so methods that
cannot be told apart share a rank; controls, and methods with fewer than five common seeds, have none ({NONE}). Presets
never share a table, and `{COMMAND}` rebuilds this file from `results/` alone.
"""

# Metric, what stands beside it, and what a reader must know.
DETAILS: tuple[tuple[str, Sequence[str], str], ...] = (
    (
        "information",
        ("keep", "gap"),
        "Usable information, 0 (chance) to 1, in each block and in all together; in bold what should be high. *keep* is"
        " what is in all blocks of a block's own factors, *gap* what is in it and nowhere else.\n",
    ),
    (
        "accuracy",
        (),
        "Accuracy of the probe on test clips, likewise; the last row is chance.\n",
    ),
)


@dataclass(frozen=True)
class Row:
    """One method in one table: its results, one a seed, and its rank (None: unranked)."""

    results: tuple[Result, ...]
    rank: int | None

    @property
    def name(self) -> str:
        """The method's name, marked where its seeds are not runs of one thing."""
        return self.results[0].method + ("" if uniform(self.results) else " †")

    @property
    def control(self) -> bool:
        """Whether the method is there to be compared with, not to compete."""
        return self.results[0].family == CONTROL

    def values(self, metric: str, block: str | None = None, factor: str | None = None) -> list[float]:
        """The metric at each seed that has it."""
        return _values(self.results, metric, block, factor)


def uniform(results: Sequence[Result]) -> bool:
    """Whether all seeds of a method ran the same code with the same settings."""
    first = results[0]
    return all(run.source_hash == first.source_hash and run.settings == first.settings for run in results)


def _values(results: Iterable[Result], metric: str, block: str | None, factor: str | None) -> list[float]:
    key = (metric, block, factor)
    return [s.value for r in results for s in r.scores if (s.metric, s.block, s.factor) == key]


def _number(value: float, decimals: int = 3) -> str:
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _mean(values: Sequence[float]) -> str:
    return _number(mean_interval(values)[0]) if values else NONE


def _interval(values: Sequence[float]) -> str:
    if not values:
        return NONE
    mean, half_width = mean_interval(values)
    return _number(mean) if half_width is None else f"{_number(mean)} ± {_number(half_width)}"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A Markdown table whose first `left` columns are text."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    lines = [header, rule, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Rows of one table: the ranked by rank, then the unranked, then controls; within each by B, then P, downwards."""
    methods = {}
    for name in sorted({result.method for result in results}):
        methods[name] = tuple(result for result in results if result.method == name)
    balances = {
        name: {run.seed: value for run in runs for value in _values([run], "balance", None, None)}
        for name, runs in methods.items()
        if runs[0].family != CONTROL and uniform(runs)
    }
    rank = ranks({name: values for name, values in balances.items() if values})
    rows = [Row(runs, rank.get(name)) for name, runs in methods.items()]

    def order(row: Row) -> tuple[object, ...]:
        means = [-mean_interval(row.values(metric) or [-1.0])[0] for metric in ("balance", "preservation")]
        return (row.control, row.rank is None, row.rank or 0, *means, row.name)

    return sorted(rows, key=order)


def _main_table(rows: Sequence[Row]) -> str:
    header = ["rank", "method", "family", "P", "D", "B", "reconstruction R²", "seconds (median)", "seeds", "device"]
    metrics = ("preservation", "disentanglement", "balance", "reconstruction_r2")
    lines = []
    for row in rows:
        seconds = median(run.cost.total_seconds for run in row.results)
        devices = ", ".join(sorted({run.environment.device for run in row.results}))
        lines.append(
            [NONE if row.rank is None else str(row.rank), row.name, row.results[0].family]
            + [_interval(row.values(metric)) for metric in metrics]
            + [_number(seconds, 0 if seconds >= 10 else 1), str(len(row.results)), devices]
        )
    return _markdown(header, lines, left=3)


def _split_cell(cells: dict[str, str], owners: Sequence[str] = ()) -> str:
    """One cell with a number a block; those in bold should be high."""
    if set(cells.values()) == {NONE}:
        return NONE
    return " / ".join(f"**{cell}**" if block in owners and cell != NONE else cell for block, cell in cells.items())


def _factor_table(rows: Sequence[Row], metric: str, blocks: dict[str, list[str]], beside: Sequence[str] = ()) -> str:
    """The metrics `beside` in each block, then per factor the metric in each block and in all; at the end chance."""
    factors = list(dict.fromkeys(factor for owned in blocks.values() for factor in owned))
    owners = {factor: [block for block, owned in blocks.items() if factor in owned] for factor in factors}
    places = [*blocks, "all"]
    lines = []
    for row in rows:
        cells = [_split_cell({block: _mean(row.values(name, block)) for block in blocks}) for name in beside]
        for factor in factors:
            means = {place: _mean(row.values(metric, place, factor)) for place in places}
            cells.append(_split_cell(means, owners[factor]))
        lines.append([row.name, *cells])
    if metric == "accuracy":
        runs = [run for row in rows for run in row.results]
        lines.append(["*chance*", *(_mean(_values(runs, "chance", None, factor)) for factor in factors)])
    header = [f"{name}: {' / '.join(blocks)}" for name in beside] + [f"{f}: {' / '.join(places)}" for f in factors]
    return _markdown(["method", *header], lines, left=1)


def _section(results: Sequence[Result]) -> str:
    """One preset and task: what it is, the ranking, and who holds what where."""
    first, rows = results[0], rows_of(results)
    owned = "; ".join(f"`{block}` should hold {', '.join(factors)}" for block, factors in first.blocks.items())
    parts = [
        f"## {first.preset}: {first.task}\n",
        f"Task version {first.task_version}, sounds version {first.space_version}. {owned}.\n",
        _main_table(rows),
    ]
    if not all(uniform(row.results) for row in rows):
        parts.append("† Its seeds are not runs of the same code and settings: unranked until they are run again.\n")
    for metric, beside, about in DETAILS:
        if any(score.metric == metric for result in results for score in result.scores):
            parts += [about, _factor_table(rows, metric, first.blocks, beside)]
    return "\n".join(parts)


def _table_key(result: Result) -> tuple[object, ...]:
    blocks = tuple((block, tuple(factors)) for block, factors in result.blocks.items())
    return (result.preset, result.task, result.task_version, result.space_version, blocks)


def text(results: Sequence[Result], benchmark_version: str | None, older: Sequence[str] = ()) -> str:
    """The whole leaderboard in Markdown. older: benchmark versions whose results are not shown."""
    parts = ["# Leaderboard\n", ABOUT]
    if not results:
        return "\n".join([*parts, "There are no results yet.\n"])
    since = f" Older ones, with other numbers, lie beside them: {', '.join(older)}." if older else ""
    parts.append(f"Results of benchmark version {benchmark_version}.{since}\n")
    ordered = sorted(results, key=lambda result: (*_table_key(result), result.method, result.seed))
    return "\n".join([*parts, *(_section(list(group)) for _, group in groupby(ordered, key=_table_key))])
