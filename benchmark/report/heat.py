"""The heat map of usable information as a table: block by factor, read by eye and by screen readers alike."""

from collections.abc import Mapping, Sequence

from benchmark.board import Row
from benchmark.markdown import NONE, number
from benchmark.metrics.table import ALL
from benchmark.report.troubles import information

LIGHT, DARK = (238, 243, 250), (8, 48, 107)  # the ends of matplotlib's "Blues", as in `benchmark.plots`


def heat_map(row: Row, blocks: Mapping[str, Sequence[str]]) -> list[dict[str, object]]:
    """A line a block and one of all: {block, cells}; a cell has its text, colours, and whether it should be dark.

    Blocks of which nothing was measured are left out: a code of one block has the line of all alone.
    """
    lines = list[dict[str, object]]()
    for block, values in information(row, blocks).items():
        if block == ALL or any(value is not None for value in values.values()):
            owned = set(blocks.get(block, ()))
            cells = [_cell(value, factor in owned) for factor, value in values.items()]
            lines.append({"block": block, "cells": cells})
    return lines


def _cell(value: float | None, owned: bool) -> dict[str, object]:
    if value is None:
        return {"text": NONE, "style": "", "owned": owned}
    share = min(max(value, 0.0), 1.0)
    colour = [round(a + share * (b - a)) for a, b in zip(LIGHT, DARK, strict=True)]
    ink = "#000" if _luminance(colour) > 0.179 else "#fff"  # where both stand out as much, by WCAG's ratio
    return {
        "text": number(value, 2),
        "style": f"background:rgb({','.join(map(str, colour))});color:{ink}",
        "owned": owned,
    }


def _luminance(colour: Sequence[int]) -> float:
    """Relative luminance, 0 to 1. Source: WCAG 2.2, definition of relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
