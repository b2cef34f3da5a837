"""Which methods there are: one file each in `baselines/methods/`, found by folder; others are plugins."""

from __future__ import annotations

import ast
import difflib
import importlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from baselines.contract import CommonSettings, Method
    from baselines.networks import Trunk

FOLDER = Path(__file__).parent / "methods"


def names() -> list[str]:
    """Names of the built-in methods, without importing any."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def path_of(name: str) -> Path:
    """Source file of a built-in method. Raises ValueError with the nearest name where there is none."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"no method '{name}'{hint} python -m benchmark.list shows all {len(names())}")
    return FOLDER / f"{name}.py"


def summary(path: Path) -> str:
    """First line of a method file's docstring, read without running it."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "(no docstring)").splitlines()[0]


def load(name: str) -> type[Method]:
    """The class of a built-in method. Raises ValueError where there is none of that name."""
    path_of(name)
    return method_in(importlib.import_module(f"baselines.methods.{name}"))


def line_of(error: BaseException, path: Path) -> str:
    """Where in a file an error came from, as the middle of a message; empty where it did not pass through the file."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return f", line {lines[-1]}" if lines else ""


def said_by(error: BaseException) -> str:
    """What an error says, with its kind, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def method_in(module: ModuleType) -> type[Method]:
    """The one Method that a module defines. Raises ValueError where there is none, or more than one."""
    from baselines.contract import Method

    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ValueError(f"{module.__file__} must define one Method; it defines {len(found)}")
    return checked(found[0], module.__file__)


def checked(cls: type[Method], path: Path | str | None) -> type[Method]:
    """The class, if it has what a method needs. path: its file. Raises ValueError."""
    from baselines.contract import Method

    if cls.embed is Method.embed:
        raise ValueError(f"{path}: {cls.__name__} has no embed: write one that returns the blocks")
    if cls.training_step is Method.training_step and cls.optimisers is Method.optimisers:
        raise ValueError(
            f"{path}: {cls.__name__} has no training_step: write one that returns the loss, or, "
            "for a method that does not train, an optimisers that returns []"
        )
    return cls


def built(cls: type[Method], path: Path, trunk: Trunk, blocks: tuple[str, ...], settings: CommonSettings) -> Method:
    """A new method of this class. path: its file.

    Raises ValueError, naming the line, where its `__init__` fails or leaves out the base class's.
    """
    advice = f"{path}: begin {cls.__name__}.__init__ with super().__init__(trunk, blocks, settings)"
    try:
        method = cls(trunk, blocks, settings)
    except Exception as error:  # as for a plugin that does not run
        if "before Module.__init__() call" in str(error):
            raise ValueError(f"{advice}{line_of(error, path)}: {said_by(error)}") from error
        raise ValueError(f"{path}: {cls.__name__} cannot be built{line_of(error, path)}: {said_by(error)}") from error
    if not {"blocks", "settings", "_modules"} <= vars(method).keys():
        raise ValueError(advice)
    return method
