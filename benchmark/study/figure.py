"""P against D as the weight of contrast grows from nothing: a curve a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.plots import DPI
from benchmark.statistics import mean_interval
from benchmark.study.record import RANKED, Row
from benchmark.study.strategies import BASE, CONTRAST_ALONE, STRATEGIES, WEIGHTS

# Okabe & Ito (2008): distinct for every colour vision; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")


CROWDED = ((0.898, 0.932), (0.70, 0.94))  # of P and of D: where most curves end, drawn again at a larger scale
INSET = (0.24, 0.06, 0.33, 0.38)  # of the axes: left, bottom, width, height


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the part `weight` of a record as a PNG. Each point is a mean over seeds; the size grows with the weight."""
    found: dict[str, list[Row]] = {}
    alone: list[Row] = []
    for row in rows:
        if row.part == "weight":
            found.setdefault(row.cell, []).append(row)
        elif (row.part, row.cell) == ("alone", CONTRAST_ALONE):
            alone.append(row)
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    _curves(axes, found, 1.0)
    for name, mine, mark in ((BASE, found.get(BASE), "*"), (CONTRAST_ALONE, alone, "X")):
        if mine:
            p, d = ([getattr(row, score) for row in mine] for score in RANKED[:2])
            (x, wide), (y, high) = mean_interval(p), mean_interval(d)
            axes.errorbar(
                x, y, high, wide, fmt=mark, color="black", markersize=11, elinewidth=0.8, label=name, zorder=3
            )
    inset = axes.inset_axes(INSET)
    _curves(inset, found, 0.7)
    inset.set_xlim(CROWDED[0])
    inset.set_ylim(CROWDED[1])
    inset.tick_params(labelsize="x-small")
    axes.indicate_inset_zoom(inset, edgecolor="grey")
    axes.set_xlabel("P, preservation")
    axes.set_ylabel("D, disentanglement")
    weights = f"weights {WEIGHTS[0]:g} to {WEIGHTS[-1]:g}: larger marks, more weight on contrast"
    axes.set_title(f"{weights}; of black marks, 95 % intervals", fontsize="small")
    axes.legend(frameon=False, fontsize="small", loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure).print_figure(str(path), dpi=DPI, metadata={"Software": None})


def _curves(axes: Axes, found: Mapping[str, Sequence[Row]], scale: float) -> None:
    """A curve a strategy, from no contrast on. scale: of the marks."""
    means = {
        cell: (fmean(row.preservation for row in mine), fmean(row.disentanglement for row in mine))
        for cell, mine in found.items()
    }
    for (strategy, _), colour, marker in zip(STRATEGIES.items(), COLOURS, MARKERS, strict=True):
        names = [BASE, *(f"{strategy} {weight:g}" for weight in WEIGHTS)]
        points = [(means[name], 4 + 2 * place) for place, name in enumerate(names) if name in means]
        if len(points) < 2:
            continue
        axes.plot(*zip(*(point for point, _ in points), strict=True), color=colour, linewidth=1, zorder=1)
        for place, ((x, y), size) in enumerate(points[1:]):
            label = strategy if place == 0 else None
            axes.plot(x, y, marker, color=colour, markersize=scale * size, label=label, zorder=2, alpha=0.7)
