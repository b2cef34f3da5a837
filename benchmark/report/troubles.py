"""What went wrong most, in words: what a code lost, and what it holds in the wrong place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.board import Row
from benchmark.markdown import number
from benchmark.metrics.table import ALL, BALANCE, INFORMATION
from benchmark.statistics import mean_interval

WORTH_TELLING = 0.02  # of usable information; what is smaller moves with the seed of the probes
MOST = 6


@dataclass(frozen=True)
class Trouble:
    """One thing that went wrong. size: usable information, 0 to 1, mean over seeds. text: a sentence."""

    size: float
    text: str


def information(row: Row, blocks: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float | None]]:
    """Mean over seeds of the usable information of each block, and of all, about each factor; None: not measured."""
    factors = [factor for owned in blocks.values() for factor in owned]
    return {
        block: {factor: _mean(row.values(INFORMATION, block, factor)) for factor in dict.fromkeys(factors)}
        for block in (*blocks, ALL)
    }


def troubles(row: Row, blocks: Mapping[str, Sequence[str]]) -> list[Trouble]:
    """The largest losses and leaks of a method, the largest first; then a seed that lies far below the others."""
    table, found = information(row, blocks), list[Trouble]()
    for owner, factors in blocks.items():
        for factor in factors:
            kept = table[ALL][factor]
            if kept is not None:
                found.append(Trouble(1 - kept, f"Lost: {_share(1 - kept)} of {factor} is found nowhere in the code."))
            for block in blocks:
                leaked = table[block][factor]
                if block != owner and leaked is not None:
                    text = f"Leaked: {_share(leaked)} of {factor} can be read from {block}; it belongs in {owner}."
                    found.append(Trouble(leaked, text))
            own = table[owner][factor]
            if own is not None and kept is not None:
                text = (
                    f"Misplaced: {_share(kept - own)} of {factor} is in the code, but not in {owner}, where it belongs."
                )
                found.append(Trouble(kept - own, text))
    told = sorted((one for one in found if one.size >= WORTH_TELLING), key=lambda one: (-one.size, one.text))
    return told[:MOST] + _worst_seed(row)


def _worst_seed(row: Row) -> list[Trouble]:
    """The seed with the least B, where it is further below the mean than two standard deviations of the others."""
    values = row.by_seed(BALANCE)
    if len(values) < 3:
        return []
    seed = min(values, key=lambda one: (values[one], one))
    others = [value for one, value in values.items() if one != seed]
    mean = mean_interval(others)[0]
    spread = (sum((value - mean) ** 2 for value in others) / (len(others) - 1)) ** 0.5
    below = mean - values[seed]
    if below < max(2 * spread, WORTH_TELLING):
        return []
    return [
        Trouble(below, f"Uneven: seed {seed} has B = {number(values[seed])}, {number(below)} below the other seeds.")
    ]


def _mean(values: Sequence[float]) -> float | None:
    return mean_interval(values)[0] if values else None


def _share(value: float) -> str:
    return f"{number(100 * value, 1)} %"
