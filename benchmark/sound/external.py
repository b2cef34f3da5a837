"""The tools that measure. None is ours, and none is needed to make sound: they come with the extra `test`."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

TOOLS = ("librosa", "mir_eval", "pyloudnorm")


class MissingToolError(ValueError):
    """A tool that measures is not installed, said in one line."""


def tool(name: str) -> Any:
    """Import a tool, or a module of one, when it is needed. Raises MissingToolError naming the extra to install."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in TOOLS:
            raise
        raise MissingToolError(
            f"{error.name} is not installed; it measures the sound and comes with the extra 'test': "
            "pip install 'dtones[test]'"
        ) from None


def tool_versions() -> dict[str, str]:
    """Version of each tool, and of what it counts with. Raises MissingToolError."""
    for name in TOOLS:
        tool(name)
    return {name: version(name) for name in (*TOOLS, "numpy", "scipy")}
