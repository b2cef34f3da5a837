"""Preservation, disentanglement and balance, from a table of usable information.

For a block b that owns the factors F_b, with I(f; z) from `information.py`:

    keep_b = mean over F_b of I(f; all blocks)
    gap_b  = mean over F_b of max(0, I(f; b) - I(f; all other blocks))
    preservation P    = mean over blocks of keep_b
    disentanglement D = geometric mean over blocks of gap_b / keep_b, a block counting 0 where keep_b < 0.05
    balance B         = geometric mean over blocks of gap_b

All five lie in [0, 1]. P = 1: every factor can be read exactly; 0, which is also chance: none is read better than from
its frequencies. D = 1: all that was kept is in its own place and nowhere else; 0, also chance: in some block nothing is
(a code whose factors are everywhere reads 0). B = 1: everything kept, everything in place; 0: some block holds nothing
of its own.

They cannot see what usable information cannot see (a copy that no probe can read counts as absent), nor anything inside
a block: a block is a set of dimensions, and which dimension holds what makes no difference.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from benchmark.metrics.table import ALL, rest_of

# Under this a share of what was kept is a ratio of two estimates of nothing.
LEAST_KEPT = 0.05

Information = Mapping[str, Mapping[str, float]]
Blocks = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Balance:
    """The numbers of one code; every one in [0, 1].

    keep, gap: block -> mean over the factors it owns.
    factor_gap: block -> factor it owns -> max(0, I(f; block) - I(f; all other blocks)).
    """

    keep: dict[str, float]
    gap: dict[str, float]
    factor_gap: dict[str, dict[str, float]]
    preservation: float
    disentanglement: float
    balance: float


def balance(information: Information, blocks: Blocks) -> Balance:
    """Preservation, disentanglement and balance of a code whose every block owns a factor.

    information: input -> factor -> I(f; input) in [0, 1]. The inputs are each block, `all`, and, for more than two
        blocks, `all but <block>`.
    blocks: block -> the factors that belong in it; at least two blocks, each owning at least one factor.
    Raises ValueError when there is one block, when a block owns nothing, or when a needed input or factor is missing.
    """
    empty = [block for block, factors in blocks.items() if not factors]
    if len(blocks) < 2 or empty:
        raise ValueError(
            f"blocks {sorted(blocks)}, of which {empty} own no factor: disentanglement needs two blocks or more, each "
            "owning a factor; ask `kept` and `preservation` alone"
        )
    keep = kept(information, blocks)
    factor_gap = {block: _gaps(information, block, blocks) for block in blocks}
    gap = {block: _mean(gaps.values()) for block, gaps in factor_gap.items()}
    shares = [gap[block] / keep[block] if keep[block] >= LEAST_KEPT else 0.0 for block in blocks]
    return Balance(
        keep=keep,
        gap=gap,
        factor_gap=factor_gap,
        preservation=preservation(keep),
        disentanglement=_geometric_mean(shares),
        balance=_geometric_mean(gap.values()),
    )


def kept(information: Information, blocks: Blocks) -> dict[str, float]:
    """keep_b, the mean information that all blocks together hold on b's factors, for each block that owns any.

    Raises ValueError when the table lacks `all` or one of the factors.
    """
    return {
        block: _mean(_read(information, ALL, factor) for factor in sorted(factors))
        for block, factors in blocks.items()
        if factors
    }


def preservation(keep: Mapping[str, float]) -> float:
    """P, the mean of keep_b over blocks. Raises ValueError when no block owns a factor."""
    if not keep:
        raise ValueError("no block owns a factor; preservation needs one block that does")
    return _mean(keep.values())


def _gaps(information: Information, block: str, blocks: Blocks) -> dict[str, float]:
    rest = rest_of(block, blocks)
    return {
        factor: max(0.0, _read(information, block, factor) - _read(information, rest, factor))
        for factor in sorted(blocks[block])
    }


def _read(information: Information, source: str, factor: str) -> float:
    try:
        value = information[source][factor]
    except KeyError:
        raise ValueError(f"no information on factor '{factor}' from '{source}' in the table; probe it first") from None
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"information on factor '{factor}' from '{source}' is {value}; expected a number in [0, 1]")
    return value


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _geometric_mean(values: Iterable[float]) -> float:
    listed = list(values)
    # At most 1 in exact arithmetic; a root can round a hair above it.
    return min(1.0, math.prod(listed) ** (1.0 / len(listed)))
