"""The files of plugins: where they are, what they may import, and what they define when they are run."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from baselines.registry import line_of, said_by

FOREIGN = ("generators", "benchmark")  # the rooms that know factors


def run(module: str | None, file: Path, told: str) -> ModuleType:
    """What a plugin's file or module defines. module: its dotted name, None for a file. told: it, in a message.

    Raises ValueError, naming the line, where it does not run.
    """
    try:
        if module is not None:
            return importlib.import_module(module)
        spec = importlib.util.spec_from_file_location(f"dtones_plugin_{file.stem}", file)
        if spec is not None and spec.loader is not None:
            defined = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = defined
            spec.loader.exec_module(defined)
            return defined
    except (Exception, SystemExit) as error:  # whatever a stranger's file raises is the answer to the user's question
        raise ValueError(f"{told} does not run{line_of(error, file)}: {said_by(error)}") from error
    raise ValueError(f"'{file}' is not a Python file")


def file_of_module(name: str) -> Path:
    """The file of a module by its dotted name. Raises ValueError where there is none that results can be traced to."""
    if name.split(".")[0] in (*FOREIGN, "baselines"):
        raise ValueError(f"'{name}' is of dTones itself; a plugin is a file or a module of one's own")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is None:
        raise ValueError(
            f"no plugin module '{name}'; expected FILE.py, FILE.py:Name, or package.module:Name of what can be imported"
        )
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise ValueError(f"the plugin module '{name}' has no Python file, which its results must be traced to")
    return Path(spec.origin)


def check_imports(path: Path) -> None:
    """Raise ValueError, with the line, where a file imports the rooms that know factors. A file of no Python passes."""
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError):
        return  # told, with its line, when it is run
    for node in nodes:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            if module.split(".")[0] in FOREIGN:
                line = getattr(node, "lineno", 0)
                raise ValueError(
                    f"the plugin '{path}', line {line}, imports '{module}', which knows the factors: "
                    "a method learns from its batches alone, and may import from baselines"
                )
