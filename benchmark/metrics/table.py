"""The tidy table of scores: one row, one number; and the one list of the names that stand in it."""

from collections.abc import Collection
from dataclasses import dataclass

INFORMATION = "information"
ACCURACY = "accuracy"
CHANCE = "chance"
KEEP = "keep"
GAP = "gap"
PRESERVATION = "preservation"
DISENTANGLEMENT = "disentanglement"
BALANCE = "balance"
METRICS = (INFORMATION, ACCURACY, CHANCE, KEEP, GAP, PRESERVATION, DISENTANGLEMENT, BALANCE)

ALL = "all"


@dataclass(frozen=True)
class Score:
    """One number.

    metric: what was measured.
    block: the block, or union of blocks, it was measured on; None where it concerns the whole code.
    factor: the factor it concerns; None where it concerns them all.
    value: the number; its range is said by the metric's module.
    """

    metric: str
    block: str | None
    factor: str | None
    value: float


def rest_of(block: str, blocks: Collection[str]) -> str:
    """Name of the union of every block but one: the other block where there are two, else `all but <block>`."""
    others = [name for name in blocks if name != block]
    return others[0] if len(others) == 1 else f"{ALL} but {block}"
