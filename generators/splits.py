"""Which combinations of levels train, validate, probe and test: four roles, disjoint."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from generators.factors import FactorSpace
from generators.hashing import hash64

Role = Literal["train", "validation", "probe", "test"]
ROLES: tuple[Role, ...] = get_args(Role)

# Probe and test are a quarter each: 2,304 of the 9,216 combinations of `phrases`, 96 clips a pitch.
SHARES: dict[Role, float] = {"train": 0.4, "validation": 0.1, "probe": 0.25, "test": 0.25}

_STREAM = 101  # apart from the streams that draw nuisances


def iid(space: FactorSpace) -> dict[Role, NDArray[np.int64]]:
    """Every role a uniform draw of combinations, in hash order: the same on every machine, whatever the library.

    Returns, for each role, rows of `space.grid()`: int64 [n], ascending. The roles are disjoint and cover the grid.
    Raises ValueError where a role would lack a level of some factor.
    """
    order = np.argsort(hash64(torch.arange(space.size), _STREAM).numpy(), kind="stable")
    ends = np.rint(np.cumsum([SHARES[role] for role in ROLES]) * space.size).astype(int)
    parts = np.split(order, ends[:-1])
    roles = {role: np.sort(part).astype(np.int64) for role, part in zip(ROLES, parts, strict=True)}
    for role, combinations in roles.items():
        _check_cover(space, role, combinations)
    return roles


def _check_cover(space: FactorSpace, role: Role, combinations: NDArray[np.int64]) -> None:
    levels = space.levels_at(combinations)
    for column, factor in enumerate(space.factors):
        present = len(np.unique(levels[:, column]))
        if present < factor.n_levels:
            raise ValueError(
                f"the space is too small to split: {role} has {present} of {factor.n_levels} levels of {factor.name}"
            )
