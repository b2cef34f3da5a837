"""What is in which role of an export, in words: what its split does, how roles were drawn, in what order rows lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from generators import splits
from generators.dataset.plan import Plan, Rows
from generators.factors import FactorSpace
from generators.splits import LEARNING, SHARES, Role

PURPOSES: dict[Role, str] = {
    "train": "to train representations on",
    "validation": "to choose settings on; of the same distribution as train",
    "probe": "to fit probes on; a uniform draw, whatever the split",
    "test": "to report on; a uniform draw, whatever the split",
}


def learning_of(clips: dict[Role, Rows]) -> str:
    """Those of train and validation that there are: `train and validation`; empty where there is neither."""
    return " and ".join(role for role in LEARNING if role in clips)


def split_told(plan: Plan, space: FactorSpace, clips: dict[Role, Rows]) -> str:
    """What the split does, in a sentence."""
    split = splits.parse(plan.split)
    where = learning_of(clips) or "train and validation, which are not here,"
    if split.kind == "iid":
        return "Every role is a uniform draw of combinations."
    if split.kind == "extrapolate":
        (name,) = split.factors
        factor = space.factors[space.column(name)]
        left = factor.n_levels - int(np.floor(split.amount * factor.n_levels + 0.5))
        return f"In {where} `{name}` has its lowest {left} of {factor.n_levels} levels alone."
    first, second = split.factors
    if split.kind == "heldout":
        counts = [space.n_levels[space.column(name)] for name in split.factors]
        held = int(splits.held_pairs(counts[0], counts[1], split.amount).sum())
        return (
            f"In {where} {held} of the {counts[0] * counts[1]} pairs of a level of `{first}` with one of `{second}` "
            "are held out, so that none of them occurs; every level of either does."
        )
    return (
        f"In {where} `{first}` and `{second}` depend on each other, at a strength of {split.amount:g} between 0, "
        "independent, and 1, as much as they can while each level stays as frequent as it was."
        + _dependence(space, clips, (first, second))
    )


def roles_told(plan: Plan, space: FactorSpace, clips: dict[Role, Rows]) -> str:
    """How roles were drawn."""
    share = ", ".join(f"{role} {SHARES[role]:.0%}" for role in clips)
    changed = "" if plan.split == "iid" else "; the split then changed train and validation alone"
    drawn = (
        f"Of the {space.size:,} combinations each is in one role at the most, dealt uniformly ({share}){changed}. "
        "No role has all of them, and levels are not balanced beyond what chance does."
    )
    if splits.parse(plan.split).kind == "correlated" and learning_of(clips):
        drawn += f" In {learning_of(clips)} a combination may come several times, each time with a seed of its own."
    return drawn


def order_told(space: FactorSpace) -> str:
    """In what order rows lie, and what to do about it."""
    first, *others = (f"`{name}`" for name in space.names)
    return (
        f"Rows are sorted by {first}, then by {', '.join(others)}: the first thousand clips of a role have few levels "
        f"of {first}. To train, shuffle the whole role, or a stream through a buffer as large as it."
    )


def _dependence(space: FactorSpace, clips: dict[Role, Rows], names: tuple[str, str]) -> str:
    """How much one of two factors tells of the other in train, as measured in its rows."""
    if "train" not in clips:
        return ""
    levels = space.levels_at(clips["train"].combinations)
    columns = [space.column(name) for name in names]
    table = np.zeros([space.n_levels[column] for column in columns])
    np.add.at(table, tuple(levels[:, columns].T), 1)
    entropies = [_entropy(table.sum(1)), _entropy(table.sum(0))]
    bits = sum(entropies) - _entropy(table.ravel())
    return f" In train one tells {bits:.2f} bit of the other, of {min(entropies):.2f} that it could."


def _entropy(counts: NDArray[np.float64]) -> float:
    """In bits."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())
