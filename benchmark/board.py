"""The text of the leaderboard: results in, Markdown out, the same bytes every time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmark.calibration import ABOUT as ABOUT_CALIBRATION
from benchmark.calibration import ABOUT_LEARNERS, calibration, ceilings
from benchmark.compare import ABOUT as ABOUT_NEIGHBOURS
from benchmark.compare import neighbours
from benchmark.detail_tables import by_block_and_factor, by_dimension, by_probe
from benchmark.main_tables import ABOUT_ONE_BLOCK, ABOUT_OVERALL, one_block, overall, ranking
from benchmark.markdown import NONE
from benchmark.metrics.table import BALANCE, DISENTANGLEMENT, PRESERVATION
from benchmark.oracles import FAMILY as ORACLE
from benchmark.picture import Point, scatter
from benchmark.purposes import ABOUT as ABOUT_PURPOSES
from benchmark.purposes import purposes
from benchmark.results import Result
from benchmark.statistics import mean_interval, ranks

COMMAND = "python -m benchmark.leaderboard"
CONTROL = "control"
# As `benchmark.tasks` has them, which is not read here: a leaderboard is of results alone.
BOARD = ("phrases/timbre", "phrases/pitch", "phrases/loudness", "phrases/rhythm")

ABOUT = f"""\
**P** (preservation) is how much of what was in the sound can be read back from the whole representation, **D**
(disentanglement) the share of it that is in its own block and nowhere else, and **B** (balance), which ranks, is high
only where both are; each goes from 0, nothing, to 1, everything, and is a mean over seeds ± half of a 95 % t interval.
Seeds vary a method's initial weights and the examples it draws; the clips are the same for all.
Rank is 1 + the number of methods shown to have a better B, by a t test paired by seed, Holm-corrected at 5 % over all
pairs of the table. It says that and no more: a method whose seeds spread wide can have a better rank than one of a
higher mean, two of different ranks need not differ, and ranks can move when methods join. Controls, and methods with
fewer than five common seeds, have none ({NONE}). Presets never share a table. `{COMMAND}` rebuilds
this file from `results/` alone; with `--compare A B` it says which differences between two methods are real.
"""

NOT_UNIFORM = "† Its seeds are not runs of the same code and settings: unranked until they are run again.\n"
BY_HAND = "‡ Settings set by hand (`--set`): shown, not ranked; a method is ranked with its own defaults.\n"


@dataclass(frozen=True)
class Row:
    """One method, at one choice of settings, in one table: its results, one a seed, and its rank (None: unranked)."""

    results: tuple[Result, ...]
    rank: int | None

    @property
    def name(self) -> str:
        """The method's name, marked where its seeds are not runs of one thing, and where its settings were set."""
        return self.results[0].method + ("" if uniform(self.results) else " †") + (" ‡" if self.by_hand else "")

    @property
    def control(self) -> bool:
        """Whether the method is there to be compared with, not to compete."""
        return self.results[0].family == CONTROL

    @property
    def by_hand(self) -> bool:
        """Whether settings were set that are not the method's defaults: a method is ranked with what it comes with."""
        return by_hand(self.results[0])

    def by_seed(self, metric: str, block: str | None = None) -> dict[int, float]:
        """A metric of the whole code, or of a block, {seed: value}."""
        return {run.seed: value for run in self.results for value in _values([run], metric, block, None)}

    def values(self, metric: str, block: str | None = None, factor: str | None = None) -> list[float]:
        """The metric at each seed that has it."""
        return _values(self.results, metric, block, factor)


def uniform(results: Sequence[Result]) -> bool:
    """Whether all seeds of a method ran the same code with the same settings."""
    first = results[0]
    same = ("source_hash", "scored_by", "settings")
    return all(getattr(run, name) == getattr(first, name) for run in results for name in same)


def by_hand(result: Result) -> bool:
    """Whether a result is of settings that are not the method's defaults: they are then part of its name."""
    return "," in result.method


def _values(results: Iterable[Result], metric: str, block: str | None, factor: str | None) -> list[float]:
    key = (metric, block, factor)
    return [result.by_key[key] for result in results if key in result.by_key]


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Rows of one table: the ranked by rank, the unranked, controls, those set by hand; each by B, then P, downwards.

    Oracles are none of them.
    """
    runs_of: dict[str, list[Result]] = {}
    for result in results:
        runs_of.setdefault(result.method, []).append(result)
    names = sorted({result.method for result in results if result.family != ORACLE})
    methods = {name: tuple(runs_of[name]) for name in names}
    balances = {
        name: {run.seed: value for run in runs for value in _values([run], "balance", None, None)}
        for name, runs in methods.items()
        if runs[0].family != CONTROL and uniform(runs) and not by_hand(runs[0])
    }
    rank = ranks({name: values for name, values in balances.items() if values})
    rows = [Row(runs, rank.get(name)) for name, runs in methods.items()]

    def order(row: Row) -> tuple[object, ...]:
        means = [-mean_interval(row.values(metric) or [-1.0])[0] for metric in ("balance", "preservation")]
        return (row.by_hand, row.control, row.rank is None, row.rank or 0, *means, row.name)

    return sorted(rows, key=order)


def _section(results: Sequence[Result], picture: str) -> str:
    """One preset and task: what it is, the ranking, who holds what where, and the oracles. picture: its address."""
    first, rows = results[0], rows_of(results)
    owned = "; ".join(f"`{b}` should hold {', '.join(factors) or 'no factor'}" for b, factors in first.blocks.items())
    parts = [
        f"## {first.preset}: {first.task}\n",
        f"Task version {first.task_version}, sounds version {first.space_version}. {owned}.\n",
    ]
    if rows:
        whole, single = _by_blocks(rows)
        parts += [ranking(whole)] if whole else []
        parts += (
            [f"![P against D of each method, families coloured, intervals drawn](<{picture}>)\n"] if picture else []
        )
        parts += [*_notes(rows), *_real(rows)]
        parts += [ABOUT_ONE_BLOCK, one_block(single)] if single else []
        for tables in (by_probe, by_block_and_factor, by_dimension):
            parts += tables(rows, first.blocks)
        beside = purposes(rows)
        parts += [ABOUT_PURPOSES, beside] if beside else []
    oracles = calibration(results)
    learning = ceilings(results)
    parts += [ABOUT_CALIBRATION, oracles] if oracles else []
    return "\n".join([*parts, *([ABOUT_LEARNERS, learning] if learning else [])])


def _by_blocks(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Rows whose code has the task's blocks, and those of one block; where no code could have D, all are the first."""
    single = [row for row in rows if not row.values(BALANCE)] if all(rows[0].results[0].blocks.values()) else []
    return [row for row in rows if row not in single], single


def _points(rows: Sequence[Row]) -> list[Point]:
    """Rows as points of the picture: with the method's own defaults, and with a D."""
    points = []
    for row in rows:
        p, d = row.values(PRESERVATION), row.values(DISENTANGLEMENT)
        if d and not row.by_hand:
            (p_mean, p_half), (d_mean, d_half) = mean_interval(p), mean_interval(d)
            points.append(Point(row.name, row.results[0].family, p_mean, d_mean, p_half, d_half))
    return points


def by_table(results: Sequence[Result]) -> list[list[Result]]:
    """Results table by table: of each preset the board's tasks first, the main one before all, then others by name."""

    def order(result: Result) -> tuple[object, ...]:
        place = BOARD.index(result.task) if result.task in BOARD else len(BOARD)
        return (result.preset, place, *_table_key(result), result.method, result.seed)

    ordered = sorted(results, key=order)
    return [list(group) for _, group in groupby(ordered, key=_table_key)]


def pictures(results: Sequence[Result]) -> dict[str, str]:
    """P against D of every table that has a method with both: SVG by file, `preset/task.svg`; the same bytes always."""
    found: dict[str, str] = {}
    for group, file in zip(by_table(results), _files(by_table(results)), strict=True):
        points = _points(rows_of(group))
        if points:
            found[file] = scatter(points, f"P against D, {group[0].preset}: {group[0].task}")
    return found


def _files(groups: Sequence[Sequence[Result]]) -> list[str]:
    """A file name for the picture of each table, no two the same."""
    stems = [f"{group[0].preset}/{group[0].task}" for group in groups]
    again = [stems[:place].count(stem) for place, stem in enumerate(stems)]
    return [f"{stem}{f'~{count + 1}' if count else ''}.svg" for stem, count in zip(stems, again, strict=True)]


def _overall(groups: Sequence[Sequence[Result]]) -> list[str]:
    """All tasks of one preset together, where it has two or more."""
    tasks = {}
    for group in groups:
        rows = [row for row in rows_of(group) if row.values(BALANCE)]
        if rows:
            tasks[group[0].task] = rows
    if len(tasks) < 2:
        return []
    counted = [task for task in tasks if task in BOARD]
    if len(counted) < 2:
        counted = list(tasks)
    about = ABOUT_OVERALL.format(tasks=", ".join(counted))
    return [f"## {groups[0][0].preset}: all tasks\n", about, overall(tasks, counted)]


def _notes(rows: Sequence[Row]) -> list[str]:
    return [
        *([NOT_UNIFORM] if not all(uniform(row.results) for row in rows) else []),
        *([BY_HAND] if any(row.by_hand for row in rows) else []),
    ]


def _real(rows: Sequence[Row]) -> list[str]:
    """Each ranked method against the next one down."""
    ranked = [row for row in rows if row.rank is not None]
    balances = {row.name: row.by_seed(BALANCE) for row in ranked}
    found = neighbours(balances, sorted(balances, key=lambda name: -mean_interval(list(balances[name].values()))[0]))
    return [ABOUT_NEIGHBOURS, found] if found else []


def _table_key(result: Result) -> tuple[object, ...]:
    blocks = tuple((block, tuple(factors)) for block, factors in result.blocks.items())
    return (result.preset, result.task, result.task_version, result.space_version, blocks)


def text(
    results: Sequence[Result],
    benchmark_version: str | None,
    older: Sequence[str] = (),
    folder: str = "results/pictures",
) -> str:
    """The whole leaderboard in Markdown.

    older: benchmark versions whose results are not shown. folder: where `pictures` lie, as the file's links name it.
    """
    parts = ["# Leaderboard\n", ABOUT]
    if not results:
        return "\n".join([*parts, "There are no results yet.\n"])
    since = f" Older ones, with other numbers, lie beside them: {', '.join(older)}." if older else ""
    parts.append(f"Results of benchmark version {benchmark_version}.{since}\n")
    groups, drawn = by_table(results), pictures(results)
    files = dict(zip(map(id, groups), _files(groups), strict=True))
    for _, tables in groupby(groups, key=lambda group: group[0].preset):
        of_preset = list(tables)
        parts += _overall(of_preset)
        for group in of_preset:
            file = files[id(group)]
            parts.append(_section(group, f"{folder}/{file}" if file in drawn else ""))
    return "\n".join(parts)
