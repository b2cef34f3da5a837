"""P against D as the weight of contrast grows from nothing: a curve a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.plots import DPI
from benchmark.study.record import Row
from benchmark.study.strategies import BASE, STRATEGIES, WEIGHTS

# Okabe & Ito (2008): distinct for every colour vision; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the part `weight` of a record as a PNG. Each point is a mean over seeds; the size grows with the weight."""
    means = {}
    for cell in {row.cell for row in rows if row.part == "weight"}:
        mine = [row for row in rows if (row.part, row.cell) == ("weight", cell)]
        means[cell] = fmean(row.preservation for row in mine), fmean(row.disentanglement for row in mine)
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for (strategy, _), colour, marker in zip(STRATEGIES.items(), COLOURS, MARKERS, strict=True):
        names = [BASE, *(f"{strategy} {weight:g}" for weight in WEIGHTS)]
        points = [(means[name], 4 + 2 * place) for place, name in enumerate(names) if name in means]
        if len(points) < 2:
            continue
        axes.plot(*zip(*(point for point, _ in points), strict=True), color=colour, linewidth=1, zorder=1)
        for place, ((x, y), size) in enumerate(points[1:]):
            label = strategy if place == 0 else None
            axes.plot(x, y, marker, color=colour, markersize=size, label=label, zorder=2, alpha=0.85)
    if BASE in means:
        axes.plot(*means[BASE], "*", color="black", markersize=14, label=BASE, zorder=3)
    axes.set_xlabel("P, preservation")
    axes.set_ylabel("D, disentanglement")
    axes.set_title("larger marks: more weight on contrast", fontsize="medium")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure).print_figure(str(path), dpi=DPI, metadata={"Software": None})
