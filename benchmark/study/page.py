"""The page of the study of strategies: tables, figure and conclusions, from its record alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.markdown import NONE, interval, number, probability, table
from benchmark.study.conclusions import (
    MARGIN,
    By,
    Finding,
    alone,
    answers,
    at_best,
    beside_contrast,
    by_part,
    findings,
    grouped,
    points,
    price,
    rivals,
    sweep,
    verdict,
)
from benchmark.study.record import RANKED, Row
from benchmark.study.strategies import SEEDS, STRATEGIES, Cell

TITLES = {
    "weight": "The weight of contrast, strategy by strategy",
    "alone": "Each contrast alone, all together, and contrast without reconstruction",
    "left out": "All contrasts, each left out in turn",
    "terms": "Other terms and their forms, each changed alone",
    "temperature": "Temperature",
    "false negatives": "False negatives",
}

ABOUT = """\
Made by `python -m benchmark.study strategies` (with `--report` from `strategies.csv` alone). Benchmark version
{version}, preset `{preset}`, {seeds} seeds planned, task `phrases/timbre` unless it says otherwise; scores on test
clips. All but *contrast alone*, which is the method `contrastive` with its own settings, are points of the combined
family, `baselines/combination.py`, on one base: reconstruction from exchanged shared codes, a rate and an independence
term on the private block. *No contrast* is that base.

The weight of a strategy of several contrasts is that of the shared block; the others' are in proportion:
{proportions}. The named points have {points}, *all four* all of these.

We report a difference where a t test paired by seed finds one at 5 %, Holm-corrected over all cells of its part and P,
D and B. Intervals, after a ±, are of 95 % and not corrected. Whether P falls is tested without that correction, which
would favour "no loss"; that nothing is lost is said where the interval excludes a loss of more than {margin:g}. Parts
share runs: *no contrast*, shared contrast at weight 0.1 and others are the same runs in several, and what one part
shows, another with more cells, thus a larger correction, or with fewer seeds may not.

P values do not allow for what was chosen or added after a look: the best and the worst weights, which were picked on
these same runs; the weights of the named points, chosen earlier, on clips of this same task; seeds beyond those
planned ({beyond}). The preset has one probe clip of each combination; with more, D falls a little, more for some
methods than for others (`results/probe_clips.json`).
"""
FINDING = """\
The paper (arXiv 2507.22995) finds that reconstruction and contrast each show a trade-off, and that, combined
effectively, attributes separate without loss of information.
"""
BATCH = """\
Batch size was left out: it is the preset's, the same for every method, and a run cannot set it."""


def page(cells: Sequence[Cell], record: Sequence[Row], *, figure: str, seeds: int = SEEDS) -> str:
    """The whole page, in Markdown. figure: its file, or nothing where none was drawn."""
    rows = grouped(record)
    own: dict[str, list[Cell]] = {}
    for cell in cells:
        own.setdefault(cell.part, []).append(cell)
    found = {part: findings(part, mine, rows) for part, mine in own.items()}
    version, preset = (
        ", ".join(sorted({getattr(row, name) for row in record})) or NONE for name in ("benchmark_version", "preset")
    )
    text = [
        "# Which contrastive strategy, joined to reconstruction how, separates without losing?",
        "",
        ABOUT.format(
            version=version,
            preset=preset,
            seeds=seeds,
            margin=MARGIN,
            proportions=_proportions(),
            points=_points(),
            beyond=_beyond(own, rows, seeds),
        ),
        *_answer(found, rows, cells),
    ]
    if figure:
        text += ["", f"![P against D as the weight of contrast grows, a curve a strategy]({figure})"]
    for part, mine in own.items():
        if any((part, cell.name) in rows for cell in mine):
            text += _section(part, mine, rows, found)
    text += ["", "## What was cut", "", *missing(cells, rows, seeds), BATCH]
    return "\n".join(text) + "\n"


def _proportions() -> str:
    """Of each strategy of several contrasts."""
    told = []
    for strategy, (_, shares) in STRATEGIES.items():
        parts = [f"{share:g}" for share in shares.values() if share]
        if len(parts) > 1:
            told.append(f"*{strategy}* {' : '.join(parts)}")
    return ", ".join(told)


def _points() -> str:
    """The weights of contrast of the part `alone`, where each is by itself."""
    from baselines import registry

    settings = {
        "shared": ("combined_shared", "contrast_weight"),
        "private": ("combined_private", "private_contrast_weight"),
        "across": ("combined_across", "across_contrast_weight"),
        "swap": ("combined", "swap_weight"),
    }
    weights = {
        name: registry.load(method).Settings.model_fields[setting].default
        for name, (method, setting) in settings.items()
    }
    return ", ".join(f"*{name}* {weight:g}" for name, weight in weights.items())


def _beyond(own: Mapping[str, Sequence[Cell]], rows: By, seeds: int) -> str:
    """Parts with more seeds than planned."""
    most = {part: max((len(rows.get((part, cell.name), [])) for cell in mine), default=0) for part, mine in own.items()}
    return "; ".join(f"*{part}* has {count}" for part, count in most.items() if count > seeds) or "none"


def _answer(found: Mapping[str, Sequence[Finding]], rows: By, cells: Sequence[Cell]) -> list[str]:
    combined = points(cells)
    costs, beside = price(rows), beside_contrast(cells, rows)
    tested = {one.cell for one in found["alone"]} & set(combined.values())
    fixed = verdict(found["alone"], combined) if tested else ""
    return [
        "## Answer",
        "",
        FINDING,
        f"*Each alone.* {alone(found['alone'])}",
        "",
        *([f"*Combined, at the weights of the named points.* {fixed}", ""] if fixed else []),
        *([f"*Combined, beside contrast alone.* {beside}", ""] if beside else []),
        f"*Combined, at the best weights.* {verdict(found['weight'], at_best(rows))} {sweep(found['weight'])}",
        "",
        "Its data, sizes and strategies are not public: no number here reproduces one of its.",
        "",
        "Each strategy at its best weight, the one of the highest mean B in these same runs, beside no contrast:",
        "",
        *answers(found["weight"], rows),
        "",
        "Beside each other, in B, each at its best weight, Holm-corrected over all pairs:",
        "",
        *rivals(rows),
        *(["", "Far from the best weight, beside it:", "", *costs] if costs else []),
    ]


def _section(part: str, cells: Sequence[Cell], rows: By, found: Mapping[str, Sequence[Finding]]) -> list[str]:
    reference = next(cell.name for cell in cells if cell.against is None)
    conclusions = ["", *by_part(found, part, cells)] if part != "weight" else []  # which is the answer
    return [
        "",
        f"## {TITLES.get(part, part[:1].upper() + part[1:])}",
        "",
        f"Differences are from *{reference}*.",
        "",
        part_table(part, cells, rows, found[part]).rstrip(),
        *conclusions,
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


def missing(cells: Sequence[Cell], rows: By, seeds: int) -> list[str]:
    """What was not run: cells without a row, and those with fewer seeds than planned; of a whole part, its name."""
    none: list[str] = []
    few: list[str] = []
    for part in dict.fromkeys(cell.part for cell in cells):
        counts = {cell.name: len(rows.get((part, cell.name), [])) for cell in cells if cell.part == part}
        most = max(counts.values())
        if most == 0:
            none.append(f"the part *{part}*")
            continue
        none += [f"{part}: {name}" for name, count in counts.items() if count == 0]
        if set(counts.values()) - {0} == {most} and 0 < most < seeds:
            few.append(f"the part *{part}* ({most} of {seeds} seeds)")
        else:
            few += [f"{part}: {name} ({count} of {seeds} seeds)" for name, count in counts.items() if 0 < count < seeds]
    lines = [f"Not run: {'; '.join(none)}."] if none else []
    lines += [f"With fewer seeds: {'; '.join(few)}."] if few else []
    return lines or ["Nothing of the plan is missing."]
