"""The contact sheet of a space: spectrograms, one row a factor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from generators.factors import Factor, Levels
from generators.generator import Generator

WINDOW_S, FRAMES, BANDS = 0.064, 100, 120
LOWEST_HZ = (50, 100, 200, 400)  # where the frequency axis may start
RANGE_DB = 80
WIDTH, ROW_HEIGHT = 15.0, 2.05  # inches
LEFT, RIGHT = 0.04, 0.945

FloatArray = NDArray[np.float64]
Row = tuple[Levels, NDArray[np.int16]]


def value_text(factor: Factor, level: int) -> str:
    """The physical value of a level, in three figures or to the nearest whole number."""
    value = factor.values[level]
    return value if isinstance(value, str) else f"{value:.3g}" if abs(value) < 1_000 else f"{value:.0f}"


def draw(generator: Generator, still: Levels, rows: Sequence[Row], path: Path) -> None:
    """Draw a row of spectrograms for each factor, on one scale of colour, time and frequency.

    still: the levels of the factors that do not move, int64 [factors]. rows: for each factor, levels [clip, factors]
    and clips, int16 [clip, sample].
    """
    spectra = [spectrograms(clips / 32_768, generator.sample_rate) for _, clips in rows]
    lowest_hz, loudest_db = _limits(spectra, generator.sample_rate)
    bands = [in_bands(each, lowest_hz, generator.sample_rate) for each in spectra]
    figure = Figure(figsize=(WIDTH, ROW_HEIGHT * len(rows) + 0.45), dpi=110)
    bottom, top = 0.4 / figure.get_figheight(), 1 - 0.5 / figure.get_figheight()
    grid = figure.add_gridspec(len(rows), 1, left=LEFT, right=RIGHT, bottom=bottom, top=top, hspace=0.42)
    scale = {"vmin": loudest_db - RANGE_DB, "vmax": loudest_db, "cmap": "magma"}
    extent = (0.0, generator.n_samples / generator.sample_rate, np.log2(lowest_hz), np.log2(generator.sample_rate / 2))
    for column, (factor, (levels, _)) in enumerate(zip(generator.space.factors, rows, strict=True)):
        panels = grid[column].subgridspec(1, len(levels), wspace=0.005 * len(levels)).subplots(squeeze=False)[0]
        for panel, level, image in zip(panels, levels[:, column], bands[column], strict=True):
            shown = panel.imshow(image, origin="lower", aspect="auto", interpolation="nearest", extent=extent, **scale)
            panel.set_title(value_text(factor, int(level)), fontsize=9, pad=3)
            _axes(panel, extent, first=panel is panels[0])
        _headline(figure, panels[0], generator, column, still)
    _colour_bar(figure, shown, bottom, top)
    figure.savefig(path)


def spectrograms(clips: FloatArray, sample_rate: int) -> FloatArray:
    """Level of each clip around FRAMES moments, dB full scale: float64 [clip, frame, bin].

    A sine at full scale reads 0 dB. Silence reads -120 dB.
    """
    window = np.hanning(int(WINDOW_S * sample_rate))
    # mirrored at its ends, or a steady tone would seem to start and stop with a click
    padded = np.pad(clips, [(0, 0), (len(window) // 2, len(window) // 2)], mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=1)
    starts = np.linspace(0, frames.shape[1] - 1, FRAMES).astype(int)
    transforms = np.fft.rfft(frames[:, starts] * window, 8 * len(window), axis=-1)
    return 20 * np.log10(np.abs(transforms) / (window.sum() / 2) + 1e-6)


def in_bands(spectra: FloatArray, lowest_hz: float, sample_rate: int) -> FloatArray:
    """The highest level in each of BANDS bands, equally wide in octaves: float64 [clip, band, frame]."""
    n_bins = spectra.shape[-1]
    edges = np.geomspace(lowest_hz, sample_rate / 2, BANDS + 1)[:-1] / (sample_rate / 2) * (n_bins - 1)
    return np.maximum.reduceat(spectra, edges.astype(int), axis=-1).swapaxes(1, 2)


def _limits(spectra: Sequence[FloatArray], sample_rate: int) -> tuple[float, float]:
    """Where the frequency axis starts, Hz, and the scale of colour ends, dB: the same for all rows."""
    loudest_db = 5 * np.ceil(max(each.max() for each in spectra) / 5)
    lasting = np.max([each.mean(1).max(0) for each in spectra], axis=0)  # onsets, which are at all frequencies, do not
    lowest = np.flatnonzero(lasting > lasting.max() - RANGE_DB / 4)[0] / (len(lasting) - 1) * sample_rate / 2
    return max([hertz for hertz in LOWEST_HZ if hertz < lowest], default=LOWEST_HZ[0]), loudest_db


def _axes(panel: Axes, extent: tuple[float, float, float, float], first: bool) -> None:
    """Octaves upwards, seconds along; numbers at the first panel of a row, so that they are read once."""
    octaves = [hertz for hertz in (62.5, 125, 250, 500, 1_000, 2_000, 4_000, 8_000) if extent[2] <= np.log2(hertz)]
    panel.set_yticks(np.log2(octaves), [f"{hertz:g}" for hertz in octaves] if first else [""] * len(octaves))
    seconds = np.arange(0, extent[1] + 0.01, 0.5 if extent[1] < 3 else 1)
    panel.set_xticks(seconds, [f"{second:g}" for second in seconds[:-1]] + [f"{seconds[-1]:g} s"])
    panel.tick_params(labelsize=7, length=2, pad=1.5, labelbottom=first)
    for side in panel.spines.values():
        side.set_visible(False)
    if first:
        panel.set_ylabel("Hz", fontsize=8, labelpad=1)


def _headline(figure: Figure, panel: Axes, generator: Generator, column: int, still: Levels) -> None:
    """The factor that moves and its unit, and what stays still, over the row."""
    factor = generator.space.factors[column]
    box = panel.get_position()
    height = box.y1 + 0.2 / figure.get_figheight()
    name = f"{factor.name}, {factor.unit}" if factor.unit else factor.name
    figure.text(box.x0, height, name, fontsize=12, fontweight="bold", va="bottom")
    others = [
        f"{other.name} {value_text(other, int(level))}{' ' + other.unit if other.unit else ''}"
        for other, level in zip(generator.space.factors, still, strict=True)
        if other is not factor
    ]
    nuisances = f"nuisances: {', '.join(sorted(generator.nuisances)).replace('_', ' ') or 'none'}"
    text = "still: " + ", ".join([*others, nuisances])
    figure.text(RIGHT, height, text, fontsize=9, color="0.4", va="bottom", ha="right")


def _colour_bar(figure: Figure, shown: AxesImage, bottom: float, top: float) -> None:
    bar = figure.colorbar(shown, cax=figure.add_axes((RIGHT + 0.008, bottom, 0.009, top - bottom)))
    bar.set_label("dB full scale", fontsize=8)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_visible(False)
