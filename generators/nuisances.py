"""Nuisances: what is random in a clip and not a factor. Each has a name, units and ranges, and can be switched off."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """One physical quantity that a nuisance moves, uniformly from `low` to `high`."""

    quantity: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Nuisance:
    """Something random that is drawn from a clip's seed.

    ranges: what it moves, and how far. default: whether it is on where nothing else is asked for.
    """

    name: str
    ranges: tuple[Range, ...]
    default: bool = True


def chosen(nuisances: bool | Collection[str], known: Collection[Nuisance]) -> frozenset[str]:
    """Names of the nuisances that are on: the space's default for True, none for False, else those named.

    Raises ValueError naming the nearest where a name is unknown.
    """
    names = [nuisance.name for nuisance in known]
    if isinstance(nuisances, bool):
        return frozenset(nuisance.name for nuisance in known if nuisance.default and nuisances)
    if isinstance(nuisances, str):
        raise ValueError(f"nuisances is '{nuisances}'; expected True, False or a collection of {', '.join(names)}")
    for name in nuisances:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise ValueError(f"no nuisance '{name}'{hint} There are: {', '.join(names) or 'none in this space'}")
    return frozenset(nuisances)
