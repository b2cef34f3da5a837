"""Preservation against disentanglement as an SVG picture: results in, the same bytes every time, without a library.

Plotting libraries write other bytes with each version, and a board that is checked byte for byte cannot use them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

# Okabe & Ito's colours, darkened until they stand out from white.
COLOURS = {
    "combined": "#0072b2",
    "contrastive": "#b34700",
    "non-contrastive": "#00795a",
    "reconstructive": "#8a3f74",
    "control": "#5a5f66",
    "other": "#7a6a00",
}
WIDTH, HEIGHT = 760, 500
LEFT, RIGHT, TOP, BOTTOM = 64, 744, 40, 444  # of the plot
RADIUS = 5
LINE = 14  # between two labels
STEPS = (0.05, 0.1, 0.2)  # between two ticks


@dataclass(frozen=True)
class Point:
    """A method: means of P and D, and half of their 95 % intervals (None: one seed)."""

    name: str
    family: str
    preservation: float
    disentanglement: float
    preservation_half: float | None
    disentanglement_half: float | None


def front(points: Iterable[Point]) -> list[Point]:
    """The Pareto front: points that no other beats or equals in both P and D while beating it in one; P ascending."""
    ordered = sorted(points, key=lambda one: (-one.preservation, -one.disentanglement, one.name))
    found: list[Point] = []
    for one in ordered:
        if not found or one.disentanglement > found[-1].disentanglement:
            found.append(one)
    return found[::-1]


def scatter(points: Sequence[Point], title: str) -> str:
    """The picture: D over P, coloured by family, intervals drawn, the front of all but controls marked."""
    across, up = _scale([p.preservation for p in points], LEFT, RIGHT), _scale([0.0, 1.0], BOTTOM, TOP)
    best = front(p for p in points if p.family != "control")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12" role="img">',
        f"<title>{_text(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(across, up),
        *_legend(points, bool(best)),
    ]
    if best:
        line = " ".join(f"{across(p.preservation)},{up(p.disentanglement)}" for p in best)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#16191d" stroke-dasharray="4 3"/>')
    parts += [_mark(p, across, up) for p in points]
    parts += _labels(points, across, up, {p.name for p in best})
    return "\n".join([*parts, "</svg>", ""])


class _scale:  # noqa: N801 - a function of one number, with its ticks
    """Numbers to places on the page, one decimal; from a round number under the least to 1."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        least = min([0.95, *values])
        self.step = next((step for step in STEPS if (1 - least) / step <= 6), STEPS[-1])
        self.low = max(0.0, math.floor(round(least / self.step, 6)) * self.step)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), 1.0)
        return round(self._start + (inside - self.low) / (1 - self.low) * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        return [round(self.low + i * self.step, 6) for i in range(round((1 - self.low) / self.step) + 1)]


def _axes(across: _scale, up: _scale) -> list[str]:
    parts = []
    for value in across.ticks():
        x = across(value)
        parts += [
            f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}" stroke="#dde1e6"/>',
            f'<text x="{x}" y="{BOTTOM + 18}" text-anchor="middle" fill="#4a525c">{value:.2f}</text>',
        ]
    for value in up.ticks():
        y = up(value)
        parts += [
            f'<line x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}" stroke="#dde1e6"/>',
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#4a525c">{value:.2f}</text>',
        ]
    middle = (TOP + BOTTOM) / 2
    return [
        *parts,
        f'<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle" fill="#16191d">'
        "P, preservation: what of the sound was kept</text>",
        f'<text x="18" y="{middle}" text-anchor="middle" fill="#16191d" transform="rotate(-90 18 {middle})">'
        "D, disentanglement: the share of it in its own place</text>",
    ]


def _legend(points: Sequence[Point], front_is_drawn: bool) -> list[str]:
    parts, x = [], float(LEFT)
    for family in [name for name in COLOURS if any(_family(p) == name for p in points)]:
        parts += [
            f'<circle cx="{x + 6}" cy="18" r="{RADIUS}" {_fill(family)}/>',
            f'<text x="{x + 16}" y="22" fill="#16191d">{family}</text>',
        ]
        x += 34 + 6.6 * len(family)
    if front_is_drawn:
        parts += [
            f'<line x1="{x}" y1="18" x2="{x + 22}" y2="18" stroke="#16191d" stroke-dasharray="4 3"/>',
            f'<text x="{x + 28}" y="22" fill="#16191d">Pareto front</text>',
        ]
    return parts


def _mark(point: Point, across: _scale, up: _scale) -> str:
    colour = COLOURS[_family(point)]
    x, y = across(point.preservation), up(point.disentanglement)
    parts = []
    if point.preservation_half is not None:
        ends = [across(point.preservation + sign * point.preservation_half) for sign in (-1, 1)]
        parts.append(f'<line x1="{ends[0]}" y1="{y}" x2="{ends[1]}" y2="{y}" stroke="{colour}"/>')
    if point.disentanglement_half is not None:
        ends = [up(point.disentanglement + sign * point.disentanglement_half) for sign in (-1, 1)]
        parts.append(f'<line x1="{x}" y1="{ends[0]}" x2="{x}" y2="{ends[1]}" stroke="{colour}"/>')
    told = f"{point.name} ({point.family}): P {point.preservation:.3f}, D {point.disentanglement:.3f}"
    dot = f'<circle cx="{x}" cy="{y}" r="{RADIUS}" {_fill(_family(point))}><title>{_text(told)}</title></circle>'
    return "".join([*parts, dot])


def _labels(points: Sequence[Point], across: _scale, up: _scale, bold: set[str]) -> list[str]:
    """Names beside their points, moved down where they would lie upon each other."""
    parts, taken = [], list[tuple[float, float, float]]()
    for point in sorted(points, key=lambda p: (up(p.disentanglement), across(p.preservation), p.name)):
        name = point.name if len(point.name) <= 28 else point.name[:27] + "…"
        width, x, y = 6.6 * len(name), across(point.preservation), up(point.disentanglement) - 7
        left = x + 8 + width > RIGHT
        start = x - 8 - width if left else x + 8
        while any(abs(y - other) < LINE and start < end and begin < start + width for begin, end, other in taken):
            y = round(y + 2, 1)
        taken.append((start, start + width, y))
        anchor, weight = ("end", x - 8) if left else ("start", x + 8), "bold" if point.name in bold else "normal"
        parts.append(
            f'<text x="{round(anchor[1], 1)}" y="{round(y, 1)}" text-anchor="{anchor[0]}" font-weight="{weight}" '
            f'fill="{COLOURS[_family(point)]}">{_text(name)}</text>'
        )
    return parts


def _family(point: Point) -> str:
    return point.family if point.family in COLOURS else "other"


def _fill(family: str) -> str:
    colour = COLOURS[family]
    return f'fill="#ffffff" stroke="{colour}" stroke-width="1.5"' if family == "control" else f'fill="{colour}"'


def _text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()))
