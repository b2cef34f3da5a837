"""The calibration table of the leaderboard: encoders whose scores are known, beside what was measured of them."""

from collections.abc import Sequence

from benchmark.markdown import by_block, interval, mean, number, table
from benchmark.oracles import FAMILY, ORACLES, STYLES
from benchmark.results import Result

METRICS = {"P": "preservation", "D": "disentanglement", "B": "balance"}

ABOUT = """\
Calibration: encoders that are given the factors and write them down in a known way, so that their scores are known by
hand. Beside each expected score what was measured, of codes of one number a factor / of one-hot codes. They do not
rank; what is measured wrongly here is measured wrongly above.
"""


ABOUT_LEARNERS = """\
Oracles that learn: they are given the factors in training, as no method is. `oracle.supervised` is a reference
for what this trunk and budget can read, no bound; `oracle.masked` is `combined` with its false negatives left out.
"""


def ceilings(results: Sequence[Result]) -> str:
    """The table of the oracles that learn among some results of one task; empty where there are none."""
    known = {one.label for one in ORACLES}
    lines = []
    for name in sorted({run.method for run in results if run.family == FAMILY} - known):
        runs = [run for run in results if run.method == name]
        lines.append([name, *(interval(values(runs, metric)) for metric in METRICS.values()), str(len(runs))])
    return table(["oracle", *METRICS, "seeds"], lines, left=1) if lines else ""


def calibration(results: Sequence[Result]) -> str:
    """The table of the oracles among some results of one task; empty where there are none."""
    lines = []
    for name in dict.fromkeys(one.name for one in ORACLES):
        styles = {one.style: one for one in ORACLES if one.name == name}
        runs = {style: [run for run in results if run.method == styles[style].label] for style in STYLES}
        found = [run for style in STYLES for run in runs[style]]
        if not found:
            continue
        expected = styles[STYLES[0]].expected(found[0].blocks)
        cells = []
        for value, metric in zip(expected, METRICS.values(), strict=True):
            measured = {style: mean(values(runs[style], metric)) for style in STYLES}
            cells += [number(value), by_block(measured)]
        lines.append([f"oracle.{name}", styles[STYLES[0]].summary, *cells, str(len({run.seed for run in found}))])
    header = [part for letter in METRICS for part in (f"{letter} expected", f"{letter} measured")]
    return table(["oracle", "what it does", *header, "seeds"], lines, left=2) if lines else ""


def values(results: Sequence[Result], metric: str) -> list[float]:
    """A metric of the whole code in each result that has it."""
    return [s.value for run in results for s in run.scores if (s.metric, s.block, s.factor) == (metric, None, None)]
