"""The page of the study of strategies: tables, figure and conclusions, from its record alone.

A conclusion is said where a paired t test over seeds, corrected by Holm over all tests of its part and of P, D and B,
finds a difference at 5 %; elsewhere the page says that none was found. What was not run is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.markdown import NONE, interval, number, probability, table
from benchmark.statistics import SIGNIFICANCE, PairedTest, holm, paired_p
from benchmark.study.record import RANKED, Row
from benchmark.study.strategies import STRATEGIES, WEIGHTS, Cell

LETTERS = dict(zip(RANKED, "PDB", strict=True))
By = dict[tuple[str, str], list[Row]]

TITLES = {
    "weight": "The weight of contrast, strategy by strategy",
    "terms": "Terms, each changed alone",
    "temperature": "Temperature",
    "false negatives": "False negatives",
}


ABOUT = """\
Made by `python -m benchmark.study strategies` (with `--report` from `strategies.csv` alone). Benchmark version
{version}, preset `{preset}`, {seeds} seeds asked for, task `phrases/timbre` unless it says otherwise; scores on test
clips. All are points of the combined family, `baselines/combination.py`, on one base: reconstruction from exchanged
shared codes, a rate and an independence term on the private block. *No contrast* is that base. A difference is called
one where a t test paired by seed finds it at 5 %, Holm-corrected over all cells of its part and P, D and B.
"""
FINDING = """\
The paper (arXiv 2507.22995) finds that reconstruction and contrast each show a trade-off, and that, combined
effectively, attributes separate without loss of information. """


@dataclass(frozen=True)
class Finding:
    """A cell against its part's reference, in one score. p: two-sided, by Holm over the part."""

    cell: str
    against: str
    score: str
    test: PairedTest
    p: float

    @property
    def real(self) -> bool:
        """Whether there is a difference, at 5 %."""
        return self.p < SIGNIFICANCE


def grouped(rows: Sequence[Row]) -> By:
    """Rows by part and cell, seeds ascending."""
    found: By = {}
    for row in sorted(rows, key=lambda row: row.seed):
        found.setdefault((row.part, row.cell), []).append(row)
    return found


def by_seed(rows: Sequence[Row], score: str) -> dict[int, float]:
    """{seed: value} of a score."""
    return {row.seed: getattr(row, score) for row in rows}


def findings(part: str, cells: Sequence[Cell], rows: By) -> list[Finding]:
    """Every cell of a part against its reference, in P, D and B, where both have two seeds or more in common."""
    asked = []
    for cell in cells:
        if cell.against is None:
            continue
        mine, others = rows.get((part, cell.name), []), rows.get((part, cell.against), [])
        if len({row.seed for row in mine} & {row.seed for row in others}) >= 2:
            asked += [(cell, score, paired_p(by_seed(mine, score), by_seed(others, score))) for score in RANKED]
    corrected = holm([test.two_sided for _, _, test in asked])
    return [
        Finding(cell.name, str(cell.against), score, test, p)
        for (cell, score, test), p in zip(asked, corrected, strict=True)
    ]


def part_table(part: str, cells: Sequence[Cell], rows: By, found: Sequence[Finding]) -> str:
    """A row a cell: P, D, B and, beside B, its difference from the reference."""
    lines = []
    tests = {(one.cell, one.score): one for one in found}
    for cell in cells:
        mine = rows.get((part, cell.name), [])
        scores = [interval([getattr(row, score) for row in mine]) for score in RANKED]
        test = tests.get((cell.name, "balance"))
        difference = NONE if test is None else f"{test.test.difference:+.3f} ± {number(test.test.half_width)}"
        lines.append([cell.name, *scores, difference, NONE if test is None else probability(test.p), str(len(mine))])
    return table(["", "P", "D", "B", "difference in B", "p (Holm)", "seeds"], lines, left=1)


def said(found: Sequence[Finding], cell: str) -> str:
    """What tests say of a cell against its reference, in words: `P +.012, B +.080; D not told apart`."""
    mine = [one for one in found if one.cell == cell]
    real = [f"{LETTERS[one.score]} {one.test.difference:+.3f}" for one in mine if one.real]
    other = [LETTERS[one.score] for one in mine if not one.real]
    if not mine:
        return "fewer than two seeds to test it by"
    if not real:
        return f"no difference found in {', '.join(other)}"
    return ", ".join(real) + (f"; no difference found in {', '.join(other)}" if other else "")


def best_weight(strategy: str, rows: By) -> float | None:
    """The weight of the highest mean B of a strategy, 0 aside; None where it was not run."""
    means = {}
    for weight in WEIGHTS:
        mine = rows.get(("weight", f"{strategy} {weight:g}"), [])
        if mine:
            means[weight] = sum(row.balance for row in mine) / len(mine)
    return max(means, key=lambda weight: means[weight]) if means else None


def answers(found: Mapping[str, Sequence[Finding]], rows: By) -> list[str]:
    """The study's question, strategy by strategy, each at its best weight against no contrast."""
    lines = []
    for strategy in STRATEGIES:
        weight = best_weight(strategy, rows)
        if weight is None:
            lines.append(f"- *{strategy}*: not run.")
            continue
        cell = f"{strategy} {weight:g}"
        lines.append(f"- *{strategy}*, at its best weight {weight:g}: {said(found['weight'], cell)}.")
    return lines


def verdict(found: Mapping[str, Sequence[Finding]], rows: By) -> str:
    """Whether the paper's finding holds here: combined, attributes separate without loss of information."""
    separates, loses = [], []
    for strategy in STRATEGIES:
        weight = best_weight(strategy, rows)
        if weight is None:
            continue
        mine = {one.score: one for one in found["weight"] if one.cell == f"{strategy} {weight:g}"}
        if not mine:
            continue
        if mine["disentanglement"].real and mine["disentanglement"].test.difference > 0:
            separates.append(strategy)
            if mine["preservation"].real and mine["preservation"].test.difference < 0:
                loses.append(strategy)
    without = [name for name in separates if name not in loses]
    if without:
        return f"It holds here for {', '.join(without)}: beside no contrast D rises and no loss of P is found." + (
            f" Of {', '.join(loses)} D rises at a price in P." if loses else ""
        )
    if loses:
        return f"It does not hold here: where contrast raises D ({', '.join(loses)}), P falls."
    return "It is not supported here: no strategy was found to raise D over no contrast."


def tradeoff(rows: By) -> list[str]:
    """P and D at the largest weight of each strategy beside those at its best: what too much contrast costs."""
    lines = []
    for strategy in STRATEGIES:
        best = best_weight(strategy, rows)
        last = rows.get(("weight", f"{strategy} {WEIGHTS[-1]:g}"), [])
        if best is None or best == WEIGHTS[-1] or not last:
            continue
        mine = rows[("weight", f"{strategy} {best:g}")]
        if len({row.seed for row in mine} & {row.seed for row in last}) < 2:
            continue
        tests = {score: paired_p(by_seed(last, score), by_seed(mine, score)) for score in RANKED}
        changes = ", ".join(
            f"{LETTERS[score]} {test.difference:+.3f} ± {number(test.half_width)}" for score, test in tests.items()
        )
        lines.append(f"- *{strategy}*, weight {WEIGHTS[-1]:g} beside {best:g}: {changes}.")
    return lines


def missing(cells: Sequence[Cell], rows: By, seeds: int) -> list[str]:
    """What was not run: cells without a row, and those with fewer seeds than asked for."""
    lines = []
    none = [f"{cell.part}: {cell.name}" for cell in cells if (cell.part, cell.name) not in rows]
    few = [
        f"{cell.part}: {cell.name} ({len(rows[cell.part, cell.name])} of {seeds} seeds)"
        for cell in cells
        if 0 < len(rows.get((cell.part, cell.name), [])) < seeds
    ]
    if none:
        lines.append(f"Not run: {'; '.join(none)}.")
    if few:
        lines.append(f"With fewer seeds: {'; '.join(few)}.")
    return lines or ["Nothing of the plan is missing."]


def page(cells: Sequence[Cell], record: Sequence[Row], *, preset: str, seeds: int, figure: str) -> str:
    """The whole page, in Markdown."""
    rows = grouped(record)
    parts = list(dict.fromkeys(cell.part for cell in cells))
    own = {part: [cell for cell in cells if cell.part == part] for part in parts}
    found = {part: findings(part, own[part], rows) for part in parts}
    version = ", ".join(sorted({row.benchmark_version for row in record}))
    text = [
        "# Which contrastive strategy, joined to reconstruction how, separates without losing?",
        "",
        ABOUT.format(version=version, preset=preset, seeds=seeds),
        "## Answer",
        "",
        *answers(found, rows),
        "",
        FINDING + verdict(found, rows),
        "",
        "Its data, sizes and strategies are not public: no number here reproduces one of its.",
    ]
    costs = tradeoff(rows)
    if costs:
        text += [
            "",
            "What more contrast than that costs (mean and half of a 95 % interval, not corrected):",
            "",
            *costs,
        ]
    if figure:
        text += ["", f"![P against D as the weight of contrast grows, a curve a strategy]({figure})"]
    for part in parts:
        if any((part, cell.name) in rows for cell in own[part]):
            text += ["", f"## {TITLES.get(part, part[:1].upper() + part[1:])}", ""]
            reference = next(cell.name for cell in own[part] if cell.against is None)
            text += [
                f"Differences are from *{reference}*.",
                "",
                part_table(part, own[part], rows, found[part]).rstrip(),
            ]
    text += ["", "## What was cut", "", *missing(cells, rows, seeds)]
    text += ["Batch size was left out: it is the budget's, which is the same for everybody."]
    return "\n".join(text) + "\n"
