"""Which methods there are: one file each in `baselines/methods/`, found by folder, and plugins by path."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from baselines.contract import Method

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


def load_plugin(path: Path) -> type[Method]:
    """The class of a method in a file of one's own; its name is the file's, without `.py`.

    Raises ValueError where the file is missing, does not run, holds no method or takes a built-in method's name.
    """
    if not path.is_file():
        raise ValueError(f"no plugin file '{path}'; expected a Python file that defines a Method")
    if path.stem in names():
        raise ValueError(f"the plugin '{path}' takes the name of a built-in method: rename the file")
    spec = importlib.util.spec_from_file_location(f"dtones_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a stranger's file raises is the answer to the user's question
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"the plugin '{path}' does not run{_line_of(error, path)}: {what}") from error
    return method_in(module)


def _line_of(error: BaseException, path: Path) -> str:
    """Where in a file an error came from, as the middle of a message; empty where it cannot be told."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


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
    if found[0].embed is Method.embed:
        raise ValueError(f"{module.__file__}: {found[0].__name__} has no embed: write one that returns the blocks")
    return found[0]
