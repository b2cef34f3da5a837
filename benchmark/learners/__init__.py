"""Oracles that learn: encoders that are given the factors in training, as no method ever is.

They show what the trunk could do and what a term could gain if it knew. They go by `oracle.<file>`, never rank, and are
found by folder; whatever lies elsewhere, plugins too, is given no factor.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.oracles import PREFIX

if TYPE_CHECKING:
    from baselines.contract import Method

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """What they are asked for by, as `oracle.supervised`."""
    return [PREFIX + path.stem for path in sorted(FOLDER.glob("*.py")) if not path.stem.startswith("_")]


def path_of(name: str) -> Path:
    """The source file of one of `names()`."""
    return FOLDER / f"{name.removeprefix(PREFIX)}.py"


def load(name: str) -> type[Method]:
    """The class of one of `names()`."""
    from baselines.registry import method_in

    return method_in(importlib.import_module(f"benchmark.learners.{name.removeprefix(PREFIX)}"))


def is_one(source: Path) -> bool:
    """Whether a source file is one of them."""
    return source.resolve() in {path_of(name) for name in names()}
