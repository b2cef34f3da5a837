"""A hash of a method's source and of everything of the project that it imports."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("generators", "baselines", "benchmark")


def source_hash(*starts: Path) -> str:
    """SHA-256 over the files and, transitively, the project's modules that they import. Hexadecimal.

    Comments and layout count: a hash that is too careful costs a run, one that is too lax costs a wrong table. A module
    that is imported by a name put together at run time is not seen: give it as a start.
    """
    waiting, seen = [path.resolve() for path in starts], set[Path]()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += _imports(path)
    digest = hashlib.sha256()
    for name, path in sorted((_name(path), path) for path in seen):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _name(path: Path) -> str:
    """A file's place in the project's packages; elsewhere its bare name, which is the same on every machine."""
    inside = any(path.is_relative_to(ROOT / package) for package in PACKAGES)
    return path.relative_to(ROOT).as_posix() if inside else path.name


def _imports(path: Path) -> list[Path]:
    """Files of the project that a file imports by name, the `__init__.py` of their packages among them."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    parts = [module.split(".") for module in modules if module.split(".")[0] in PACKAGES]
    files = [ROOT.joinpath(*names).with_suffix(".py") for names in parts]
    files += [ROOT.joinpath(*names[:end], "__init__.py") for names in parts for end in range(1, len(names) + 1)]
    return [file for file in files if file.is_file()]
