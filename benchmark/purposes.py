"""Does a method do what its family is for? Its own score beside that of `untrained`, which has learnt nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from benchmark.compare import told
from benchmark.markdown import number, probability, table
from benchmark.metrics.table import BALANCE, GAP, PRESERVATION
from benchmark.statistics import SIGNIFICANCE, holm, mean_interval, paired_p

if TYPE_CHECKING:
    from benchmark.board import Row

CONTROL = "untrained"
PRIVATE = "private"
# Family -> the score that it is for.
PURPOSES = {"contrastive": GAP, "non-contrastive": GAP, "reconstructive": PRESERVATION, "combined": BALANCE}
NAMES = {GAP: "gap of what is shared", PRESERVATION: "P", BALANCE: "B"}

ABOUT = f"""\
Does each method do what its family is for, by the score that this is: contrast the gap of what is shared,
reconstruction P, both together B? Beside `{CONTROL}`, paired by seed; p is Holm's, over this table. *No*: it was not
shown to be better than an encoder that has learnt nothing.
"""


def purposes(rows: Sequence[Row]) -> str:
    """A Markdown table, methods in the order of the rows; empty where there is no control, or no method to test.

    rows: of one task. Those set by hand, and those with fewer than two seeds in common with the control, are left out.
    """
    control = next((row for row in rows if row.name == CONTROL), None)
    if control is None:
        return ""
    found = []
    for row in rows:
        metric = PURPOSES.get(row.results[0].family)
        if metric and not row.by_hand:
            own, others = _by_seed(row, metric), _by_seed(control, metric)
            if len(own.keys() & others.keys()) > 1:
                found.append((row, metric, own, others))
    tests = [paired_p(own, others) for *_, own, others in found]
    lines = [
        [
            row.name,
            row.results[0].family,
            NAMES[metric],
            *(
                number(mean_interval([values[seed] for seed in sorted(own.keys() & others.keys())])[0])
                for values in (own, others)
            ),
            *told(test),
            probability(p),
            "yes" if test.difference > 0 and p < SIGNIFICANCE else "no",
        ]
        for (row, metric, own, others), test, p in zip(found, tests, holm([t.two_sided for t in tests]), strict=True)
    ]
    header = ["method", "family", "score", "method's", f"{CONTROL}'s", "difference", "seeds", "p (Holm)", "better"]
    return table(header, lines, left=3) if lines else ""


def _by_seed(row: Row, metric: str) -> Mapping[int, float]:
    """The score at each seed; of a gap the mean over the blocks that are shared."""
    if metric != GAP:
        return row.by_seed(metric)
    blocks = [block for block in row.results[0].blocks if block != PRIVATE]
    by_block = [row.by_seed(GAP, block) for block in blocks]
    common = set.intersection(*(set(values) for values in by_block)) if by_block else set()
    return {seed: fmean(values[seed] for values in by_block) for seed in sorted(common)}
