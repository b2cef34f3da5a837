"""What the runs of the study of strategies show: each sentence follows from tests, by a rule, whichever way they fall.

A difference is said where a paired t test over seeds, corrected by Holm over all tests of its part and of P, D and B,
finds one at 5 %; elsewhere it is said that none was found, which is not that there is none. A loss that would speak
against the paper's finding counts before that correction: with few seeds and many tests, correcting would favour it.
That nothing is lost is said only where the whole 95 % interval of the difference in P lies above -MARGIN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.markdown import number, probability
from benchmark.statistics import SEEDS_TO_BE_RANKED, SIGNIFICANCE, PairedTest, holm, paired_p, pairwise
from benchmark.study.record import RANKED, Row
from benchmark.study.strategies import BASE, CONTRAST_ALONE, STRATEGIES, WEIGHTS, Cell

MARGIN = 0.01  # what of P may go before something is lost: some five times what other probe seeds move it by
LETTERS = dict(zip(RANKED, "PDB", strict=True))
By = dict[tuple[str, str], list[Row]]


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

    @property
    def way(self) -> int:
        """1: it is higher; -1: it is lower; 0: no difference was found."""
        return 0 if not self.real else 1 if self.test.difference > 0 else -1

    @property
    def fell(self) -> bool:
        """Whether it is lower at 5 %, not corrected."""
        return self.test.two_sided < SIGNIFICANCE and self.test.difference < 0

    @property
    def kept(self) -> bool:
        """Whether more than the margin cannot have been lost, as far as 95 % intervals tell."""
        return self.test.difference - self.test.half_width > -MARGIN

    @property
    def same(self) -> bool:
        """Whether a change of more than the margin, either way, is excluded, as far as 95 % intervals tell."""
        return abs(self.test.difference) + self.test.half_width <= MARGIN

    @property
    def change(self) -> str:
        """The difference and half of its 95 % interval, which is not corrected for many."""
        return f"{LETTERS[self.score]} {self.test.difference:+.3f} ± {number(self.test.half_width)}"


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


def said(found: Sequence[Finding], cell: str) -> str:
    """What tests say of a cell against its reference: `P +0.012, B +0.080; no difference found in D`."""
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
    return _by_balance(strategy, rows, max)


def _by_balance(strategy: str, rows: By, pick: Callable[..., float]) -> float | None:
    """The weight of a strategy whose mean B `pick`, which is max or min, takes; None where it was not run."""
    means = {}
    for weight in WEIGHTS:
        mine = rows.get(("weight", f"{strategy} {weight:g}"), [])
        if mine:
            means[weight] = sum(row.balance for row in mine) / len(mine)
    return pick(means, key=lambda weight: means[weight]) if means else None


def at_best(rows: By) -> dict[str, str]:
    """Strategies that were run, each with the cell of its best weight."""
    weights = {strategy: best_weight(strategy, rows) for strategy in STRATEGIES}
    return {strategy: f"{strategy} {weight:g}" for strategy, weight in weights.items() if weight is not None}


def answers(found: Sequence[Finding], rows: By) -> list[str]:
    """The study's question, strategy by strategy, each at its best weight against no contrast."""
    best, ends = at_best(rows), {f"{WEIGHTS[0]:g}": ", the least tried", f"{WEIGHTS[-1]:g}": ", the largest tried"}
    lines = []
    for strategy in STRATEGIES:
        if strategy not in best:
            lines.append(f"- *{strategy}*: not run.")
            continue
        weight = best[strategy].rpartition(" ")[2]
        changes = ", ".join(one.change for one in found if one.cell == best[strategy])
        told = f"{said(found, best[strategy])}{f' ({changes})' if changes else ''}"
        lines.append(f"- *{strategy}*, at its best weight {weight}{ends.get(weight, '')}: {told}.")
    return lines


def rivals(rows: By) -> list[str]:
    """Which strategies are better than which in B, each at its best weight: all pairs that have the seeds for it."""
    values = {strategy: by_seed(rows["weight", cell], "balance") for strategy, cell in at_best(rows).items()}
    pairs = pairwise(values)
    if not pairs:
        return [f"No two strategies have {SEEDS_TO_BE_RANKED} seeds in common to be compared by."]
    lines = []
    for (a, b), (test, p) in pairs.items():
        if p < SIGNIFICANCE:
            over, under = (a, b) if test.difference > 0 else (b, a)
            lines.append(f"- *{over}* over *{under}*: B {abs(test.difference):+.3f} (p {probability(p)}).")
    alike = f"The other {len(pairs) - len(lines)} of {len(pairs)} pairs are not told apart."
    if not lines:
        return ["No two are told apart."]
    return lines + (["", alike] if len(lines) < len(pairs) else [])


def alone(found: Sequence[Finding]) -> str:
    """Whether reconstruction and contrast, each without the other, show a trade-off: by the part `alone`."""
    mine = {one.score: one for one in found if one.cell == CONTRAST_ALONE}
    if not mine:
        return "Whether each alone shows a trade-off cannot be told: fewer than two seeds to test it by."
    p, d = mine["preservation"], mine["disentanglement"]
    told = f"Contrast alone beside reconstruction alone: {p.change}, {d.change}. "
    if (p.way, d.way) == (-1, 1):
        return told + "It separates more and keeps less: neither has both."
    if (p.way, d.way) == (1, -1):
        return told + "It keeps more and separates less: neither has both."
    if p.same and d.same:
        return told + f"Neither differs by more than {MARGIN:g}, so no trade-off."
    if p.way == d.way == 0:
        return told + "No difference was found, nor is one excluded: too few seeds to tell."
    better = "Contrast" if p.way + d.way > 0 else "Reconstruction"
    if any(one.way == 0 and not one.same for one in (p, d)):
        return told + f"{better} alone is the better one where they differ; too few seeds tell of the other score."
    return told + f"{better} alone is the better one where they differ: no trade-off between the two here."


def points(cells: Sequence[Cell]) -> dict[str, str]:
    """Combinations in the part `alone`, each its own cell: at weights that were fixed before these runs."""
    return {cell.name: cell.name for cell in cells if cell.part == "alone" and cell.name not in (BASE, CONTRAST_ALONE)}


def verdict(found: Sequence[Finding], combined: Mapping[str, str]) -> str:
    """Whether, combined, attributes separate without loss of information. combined: strategies, each with its cell."""
    if not any(one.cell in combined.values() for one in found):
        return "It cannot be told: fewer than two seeds to test it by."
    separates, unsure, unknown, loses, lowers = {}, {}, {}, [], []
    for strategy, cell in combined.items():
        mine = {one.score: one for one in found if one.cell == cell}
        if not mine:
            continue
        p, d = mine["preservation"], mine["disentanglement"]
        if d.way < 0:
            lowers.append(strategy)
        elif d.way > 0 and p.kept:
            separates[strategy] = p
        elif d.way > 0 and p.fell:
            loses.append(strategy)
        elif d.way > 0:
            unsure[strategy] = p
        elif d.test.difference + d.test.half_width > MARGIN:
            unknown[strategy] = d
    text = []
    if separates:
        text.append(
            f"It holds here for {', '.join(separates)}: beside no contrast D rises, and no more than {MARGIN:g} of P "
            f"is lost ({_changes(separates)})."
        )
    if unsure:
        text.append(
            f"Undecided for {', '.join(unsure)}: D rises, and no loss of P is found, but one of more than {MARGIN:g} "
            f"is not excluded ({_changes(unsure)})."
        )
    if loses and text:
        text.append(f"Of {', '.join(loses)} D rises at a price in P.")
    elif loses:
        text.append(f"It does not hold here: where contrast raises D ({', '.join(loses)}), P falls.")
    if unknown:
        whether = (
            f"Whether D rises is undecided for {', '.join(unknown)}"
            if text
            else "Undecided: no strategy was found to raise D over no contrast, but too few seeds were run to exclude "
            "that one does"
        )
        text.append(f"{whether} ({_changes(unknown)}).")
    if not text:
        text.append("It is not supported here: no strategy was found to raise D over no contrast.")
    text += [f"Of {', '.join(lowers)} D falls."] if lowers else []
    return " ".join(text)


def _changes(found: Mapping[str, Finding]) -> str:
    return "; ".join(f"{strategy}: {one.change}" for strategy, one in found.items())


def beside_contrast(cells: Sequence[Cell], rows: By) -> str:
    """What combinations at fixed weights keep and separate beside contrast alone; empty where it was not run."""
    alone_rows = rows.get(("alone", CONTRAST_ALONE), [])
    told, lower = [], []
    for name in points(cells):
        mine = rows.get(("alone", name), [])
        if len({row.seed for row in mine} & {row.seed for row in alone_rows}) < 2:
            continue
        p, d = (
            Finding(name, CONTRAST_ALONE, score, paired_p(by_seed(mine, score), by_seed(alone_rows, score)), 1.0)
            for score in RANKED[:2]
        )
        told.append(f"{name}: {p.change}, {d.change}")
        lower += [name] if p.fell else []
    if not told:
        return ""
    kept = f"Contrast alone keeps more than {', '.join(lower)}" if lower else "None is found to keep less"
    return f"{kept} ({'; '.join(told)})."


def price(rows: By) -> list[str]:
    """P, D and B at the worst weight of each strategy, and at its largest, beside those at its best."""
    lines = []
    for strategy, best in at_best(rows).items():
        worst = f"{strategy} {_by_balance(strategy, rows, min):g}"
        for name in dict.fromkeys((worst, f"{strategy} {WEIGHTS[-1]:g}")):
            mine, far = rows["weight", best], rows.get(("weight", name), [])
            if best == name or len({row.seed for row in mine} & {row.seed for row in far}) < 2:
                continue
            tests = {score: paired_p(by_seed(far, score), by_seed(mine, score)) for score in RANKED}
            changes = ", ".join(Finding(name, best, score, test, 1.0).change for score, test in tests.items())
            least = ", the worst," if name == worst else ""
            weights = f"{name.rpartition(' ')[2]}{least} beside {best.rpartition(' ')[2]}"
            lines.append(f"- *{strategy}*, weight {weights}: {changes}.")
    return lines


def sweep(found: Sequence[Finding]) -> str:
    """How much the sweep of weights can decide: its tests, and what they find."""
    real = [f"{LETTERS[one.score]} of *{one.cell}* ({one.test.difference:+.3f})" for one in found if one.real]
    told = f"of its {len(found)} tests " + (
        f"only these find a difference: {', '.join(real)}" if real else "none finds one"
    )
    return f"The sweep of weights describes more than it decides: {told}."


def by_part(found: Mapping[str, Sequence[Finding]], part: str, cells: Sequence[Cell]) -> list[str]:
    """What tests say of each cell of a part against its reference."""
    return [f"- *{cell.name}*: {said(found[part], cell.name)}." for cell in cells if cell.against is not None]
