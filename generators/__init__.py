"""Sound whose factors are known: `generators.load("phrases")`."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generators.factors import FactorSpace
    from generators.generator import Generator

# name: (module, class); the module's SPACE is the space, known before any sound is made
SPACES = {"phrases": ("generators.phrases", "Phrases")}


def load(name: str, nuisances: bool | Collection[str] = True) -> Generator:
    """The generator of a space by name.

    nuisances: True for all that the space has, False for none, or the names of those that are to be on.
    Raises ValueError listing the spaces, or the nuisances, that there are.
    """
    module, generator = _entry(name)
    return getattr(importlib.import_module(module), generator)(nuisances)


def space(name: str) -> FactorSpace:
    """The factors of a space by name, without making any sound. Raises ValueError listing the spaces that there are."""
    return importlib.import_module(_entry(name)[0]).SPACE


def _entry(name: str) -> tuple[str, str]:
    if name not in SPACES:
        raise ValueError(f"no space '{name}'; there are: {', '.join(SPACES)}")
    return SPACES[name]
