"""What was measured, as a JSON file; and beside what was measured before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LAYOUT = 1  # of the files; another number, another layout


def document(command: str, machine: Mapping[str, object], parts: Mapping[str, object]) -> dict[str, Any]:
    """What a file holds. parts: by name, the figures of each."""
    return {"layout": LAYOUT, "command": command, "machine": dict(machine), "parts": dict(parts)}


def read(path: Path) -> dict[str, Any]:
    """An earlier document. Raises ValueError where there is none, or something else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(told, dict) or told.get("layout") != LAYOUT or not _is_of_parts(told):
        raise ValueError(f"{path} is not of this layout; expected what python -m benchmark.speed --json writes")
    return told


def _is_of_parts(told: Mapping[str, Any]) -> bool:
    return isinstance(told.get("machine"), dict) and isinstance(told.get("parts"), dict)


def ratios(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[float, float, float | None]]:
    """Old, new and new / old of every number that the parts of both documents have, by its path with dots between.

    The ratio is None where the old is 0.
    """
    before, after = dict(_numbers(old["parts"])), dict(_numbers(new["parts"]))
    return {
        path: (before[path], value, value / before[path] if before[path] else None)
        for path, value in after.items()
        if path in before
    }


def _numbers(node: object, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _numbers(value, f"{path}.{name}" if path else name)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, float(node)


def show(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Print the machines of both, and every ratio."""
    from benchmark.stages import console

    screen = console()
    for name, told in (("old", old), ("new", new)):
        machine = ", ".join(f"{key} {value}" for key, value in told["machine"].items())
        screen.print(f"{name}: {machine}", highlight=False, markup=False, soft_wrap=True)
    found = ratios(old, new)
    if not found:
        screen.print("no number in common")
    width = max(map(len, found), default=0)
    for path, (before, after, ratio) in found.items():
        share = "     -" if ratio is None else f"{ratio:6.3f}"
        screen.print(
            f"{path:{width}} {share}  {before:.6g} -> {after:.6g}", highlight=False, markup=False, soft_wrap=True
        )
