"""Pictures: where each factor is found, and what a swap of blocks sounds like. No display, no pyplot state.

Colours are readable with any colour vision and in grey: lightness alone carries the value.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

DPI = 150
OUTLINE = "#D55E00"  # vermilion of Okabe & Ito (2008), distinct from blue for every colour vision
RANGE_DB = 80.0  # what is quieter than this below the loudest is drawn as silence
TICKS_HZ = (200, 500, 1000, 2000, 4000, 8000, 16000)


def _save(figure: Figure, path: Path | str) -> None:
    FigureCanvasAgg(figure).print_figure(str(path), dpi=DPI)


def heat_map(
    information: Mapping[tuple[str, str], float], owners: Mapping[str, Sequence[str]], title: str, path: Path | str
) -> None:
    """Draws the information of each block about each factor as a PNG; the cells that should be dark are outlined.

    information: {(block, factor): 0..1}, for every block of `owners` and every factor, and for "all" if it is there;
    for
        "all" alone where the code is in one block, of no name.
    owners: {block: its factors}; rows and columns follow this order, so the outlined cells form a staircase.
    Raises KeyError naming the first cell that is missing.
    """
    factors = list(dict.fromkeys(factor for owned in owners.values() for factor in owned))
    told = {block for block, _ in information}
    owners = {} if told == {"all"} else owners
    blocks = list(owners) + (["all"] if "all" in told else [])
    values = np.array([[information[block, factor] for factor in factors] for block in blocks])

    figure = Figure(figsize=(2.6 + 1.05 * len(factors), 1.9 + 0.62 * len(blocks)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(factors)), factors)
    axes.set_yticks(range(len(blocks)), blocks)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > 0.7 else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    for block, owned in owners.items():
        for factor in owned:
            corner = (factors.index(factor) - 0.45, blocks.index(block) - 0.43)
            axes.add_patch(Rectangle(corner, 0.90, 0.86, fill=False, edgecolor=OUTLINE, linewidth=2.5))
    if "all" in blocks:
        axes.axhline(len(blocks) - 1.5, color="white", linewidth=4, zorder=1.5)
    figure.suptitle(textwrap.fill(title, 22 + 8 * len(factors)), fontsize="large")
    axes.set_xlabel("outlined: should be dark; the blocks' other cells: light", fontsize="small")
    axes.set_ylabel("block")
    figure.colorbar(image, ax=axes, label="usable information", ticks=[0, 0.25, 0.5, 0.75, 1])
    _save(figure, path)


@dataclass(frozen=True)
class SwapExample:
    """One pair and what became of it; spectrograms are float [mel, frame], dB.

    swap: decoded from the private block of a and the shared block of b; target: rendered with exactly those factors.
    factors_a, factors_b: {factor: its value, as a reader should see it}; shared: the factors that come from b.
    """

    input_a: NDArray[np.floating]
    input_b: NDArray[np.floating]
    reconstruction_a: NDArray[np.floating]
    swap: NDArray[np.floating]
    target: NDArray[np.floating]
    factors_a: Mapping[str, str]
    factors_b: Mapping[str, str]
    shared: Collection[str]

    @property
    def panels(self) -> dict[str, NDArray[np.floating]]:
        """Column title to spectrogram, left to right."""
        return {
            "input a": self.input_a,
            "input b": self.input_b,
            "reconstruction of a": self.reconstruction_a,
            "swap: private a, shared b": self.swap,
            "target: exactly rendered": self.target,
        }

    @property
    def label(self) -> str:
        """The factor values of a, b and target as a small table; a star marks what is shared."""
        lines = [["", "a", "b", "target"]]
        for factor, value in self.factors_a.items():
            other, star = self.factors_b[factor], "*" if factor in self.shared else " "
            lines.append([factor + star, value, other, other if star == "*" else value])
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join("  ".join(map(str.ljust, line, widths)) for line in lines)


def _mel_ticks(axes: Axes, mel_hz: NDArray[np.floating]) -> None:
    inside = [hz for hz in TICKS_HZ if mel_hz[0] <= hz <= mel_hz[-1]]
    axes.set_yticks(np.interp(inside, mel_hz, np.arange(len(mel_hz))), [f"{hz}" for hz in inside])


def _level_range(examples: Sequence[SwapExample], n_mels: int) -> tuple[float, float]:
    """The ends of the common colour scale, dB, after checking the shapes."""
    if not examples:
        raise ValueError("no examples to draw; give one or more")
    spectrograms = [panel for example in examples for panel in example.panels.values()]
    for panel in spectrograms:
        if panel.ndim != 2 or len(panel) != n_mels:
            raise ValueError(f"a spectrogram is {panel.shape}, and mel_hz names {n_mels} bands; give [mel, frame]")
    loudest = max(float(panel.max()) for panel in spectrograms)
    return max(loudest - RANGE_DB, min(float(panel.min()) for panel in spectrograms)), loudest


def swap_figure(examples: Sequence[SwapExample], mel_hz: Sequence[float], frame_s: float, path: Path | str) -> None:
    """Draws two or three swaps as a PNG, a row each, all spectrograms on one colour scale.

    mel_hz: centre of each mel band, Hz, ascending; frame_s: seconds from one frame to the next.
    Raises ValueError where there is no example or a spectrogram has another number of bands.
    """
    quietest, loudest = _level_range(examples, len(mel_hz))
    # A character of the label is 0.066 inch wide at 8 points; the rest is five panels and the colour bar.
    label_in = 0.2 + 0.066 * max(len(line) for example in examples for line in example.label.splitlines())
    figure = Figure(figsize=(label_in + 13.5, 0.9 + 2.1 * len(examples)))
    figure.set_layout_engine("constrained", w_pad=0.07, h_pad=0.05)
    grid = figure.subplots(len(examples), 6, squeeze=False, width_ratios=[label_in, 2.4, 2.4, 2.4, 2.4, 2.4])
    for example, (label_axes, *panel_axes) in zip(examples, grid, strict=True):
        label_axes.set_axis_off()
        label_axes.text(0, 0.5, example.label, family="monospace", fontsize=8, va="center")
        for axes, panel in zip(panel_axes, example.panels.values(), strict=True):
            extent = (0.0, panel.shape[1] * frame_s, -0.5, len(panel) - 0.5)
            image = axes.imshow(
                panel, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=quietest, vmax=loudest
            )
            _mel_ticks(axes, np.asarray(mel_hz, dtype=float))
            axes.tick_params(labelleft=axes is panel_axes[0], labelbottom=example is examples[-1])
        panel_axes[0].set_ylabel("frequency (Hz)")
    grid[0, 0].set_title("* shared: the target has b's", loc="left", fontsize=8, family="monospace")
    for column, title in enumerate(examples[0].panels, start=1):
        grid[0, column].set_title(title, fontsize="medium")
        grid[-1, column].set_xlabel("time (s)")
    figure.colorbar(image, ax=grid[:, 1:], label="level (dB)", pad=0.01)
    _save(figure, path)
