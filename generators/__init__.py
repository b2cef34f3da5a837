"""Sound whose factors are known: `generators.load("phrases")`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generators.factors import FactorSpace
    from generators.generator import Generator

# name: (module, class); the module's SPACE is the space, known before any sound is made
SPACES = {"phrases": ("generators.phrases", "Phrases")}


def load(name: str) -> Generator:
    """The generator of a space by name. Raises ValueError listing the spaces that there are."""
    module, generator = _entry(name)
    return getattr(importlib.import_module(module), generator)()


def space(name: str) -> FactorSpace:
    """The factors of a space by name, without making any sound. Raises ValueError listing the spaces that there are."""
    return importlib.import_module(_entry(name)[0]).SPACE


def _entry(name: str) -> tuple[str, str]:
    if name not in SPACES:
        raise ValueError(f"no space '{name}'; there are: {', '.join(SPACES)}")
    return SPACES[name]
