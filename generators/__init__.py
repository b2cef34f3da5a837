"""Sound whose factors are known: `generators.load("phrases")`."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.factors import FactorSpace
    from generators.generator import Generator

# name: (module, class); the module's SPACE is the space, known before any sound is made
SPACES = {
    "phrases": ("generators.phrases", "Phrases"),
    "tones": ("generators.tones", "Tones"),
    "syntone": ("generators.syntone", "Syntone"),
    "syntone-bandlimited": ("generators.syntone_bandlimited", "SyntoneBandlimited"),
    "soundfont": ("generators.soundfont", "Soundfont"),
}


def load(name: str, nuisances: bool | Collection[str] = True, **options: Any) -> Generator:
    """The generator of a space by name.

    nuisances: True for those that are on by default (for `syntone`, which is as published, none), False for none, or
    the names of those that are to be on. options: what else the space's class takes, as `device` or `soundfont`.
    Raises ValueError listing the spaces, the nuisances or the options that there are.
    """
    module, generator = _entry(name)
    generator = getattr(importlib.import_module(module), generator)
    known = [option for option in inspect.signature(generator).parameters if option != "nuisances"]
    for option in options:
        if option not in known:
            raise ValueError(f"space '{name}' has no option '{option}'; it has: {', '.join(known)}")
    return generator(nuisances, **options)


def space(name: str) -> FactorSpace:
    """The factors of a space by name, without making any sound. Raises ValueError listing the spaces that there are."""
    return importlib.import_module(_entry(name)[0]).SPACE


def _entry(name: str) -> tuple[str, str]:
    if name not in SPACES:
        near = difflib.get_close_matches(name, SPACES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"no space '{name}'{hint} There are: {', '.join(SPACES)}")
    return SPACES[name]
