"""What runs left beside their results, read as data of strangers: what is damaged or too large counts as missing."""

import csv
import io
import math
import zlib
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.results import Result, ResultError, path
from benchmark.storage import Place

LARGEST_BYTES = 64 * 2**20  # a run leaves a tenth of a megabyte
CURVE_POINTS = 120  # of each loss: a screen shows no more
EMBEDDED_POINTS = 700  # clips in a picture of embeddings


@dataclass(frozen=True)
class Embedding:
    """Test clips in two dimensions, block by block.

    levels: int64 [clip, factor]. points: {block: [clip, 2]}, -1 to 1. explained: {block: share of its variance shown}.
    """

    levels: NDArray[np.int64]
    points: dict[str, NDArray[np.float64]]
    explained: dict[str, float]


def folder(artefacts: Place, result: Result) -> Place:
    """Where a run's artefacts lie, if they do. Raises ResultError for names that cannot be folders."""
    names = (result.benchmark_version, result.preset, result.task, result.method)
    return path(artefacts, *names, result.seed).parent / f"seed{result.seed}"


def read(artefacts: Place, result: Result, name: str) -> bytes | None:
    """A file that a run left, or None where it is not there, cannot be read, or is larger than any run leaves.

    None too for a run whose names cannot be folders: it has left nothing.
    """
    try:
        place = folder(artefacts, result) / name
        if not place.is_file() or place.stat().st_size > LARGEST_BYTES:
            return None
        return place.read_bytes()
    except (OSError, ResultError):
        return None


def arrays(content: bytes | None) -> dict[str, NDArray[np.generic]] | None:
    """The arrays of an npz file; None where there is none, or one that is damaged."""
    if content is None:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if sum(info.file_size for info in file.zip.infolist()) > LARGEST_BYTES:
                return None
            return {name: file[name] for name in file}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, AttributeError):
        return None


def losses(content: bytes | None) -> dict[str, list[list[float]]]:
    """{term: [[step, value], ...]} of a `losses.csv`, thinned to the mean of stretches; {} where there is none."""
    if content is None:
        return {}
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        for number, line in enumerate(csv.DictReader(io.StringIO(content.decode()))):
            step = _finite(line.pop("step", None))
            for term, text in line.items():
                value = _finite(text)
                if isinstance(term, str) and value is not None:
                    found.setdefault(term, []).append((number if step is None else step, value))
    except (UnicodeDecodeError, csv.Error):
        return {}
    return {term: _thinned(curve) for term, curve in found.items()}


def _finite(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _thinned(curve: list[tuple[float, float]]) -> list[list[float]]:
    parts = np.array_split(np.array(curve), min(CURVE_POINTS, len(curve)))
    return [[float(round(part[:, 0].mean(), 1)), float(f"{part[:, 1].mean():.4g}")] for part in parts]


def embedding(content: bytes | None) -> Embedding | None:
    """Principal components of the kept test codes; None where there are none that are whole."""
    found = arrays(content)
    if found is None or "levels" not in found:
        return None
    levels = found.pop("levels")
    if levels.ndim != 2 or not np.issubdtype(levels.dtype, np.integer) or len(levels) < 3:
        return None
    blocks = {name: np.asarray(codes, np.float64) for name, codes in found.items() if _is_code(codes, len(levels))}
    shown = np.unique(np.linspace(0, len(levels) - 1, EMBEDDED_POINTS).astype(int))
    points, explained = {}, {}
    for name, codes in blocks.items():
        places, explained[name] = _principal(codes)
        points[name] = places[shown]
    return Embedding(levels[shown].astype(np.int64), points, explained) if points else None


def _is_code(codes: NDArray[np.generic], n_clips: int) -> bool:
    return codes.ndim == 2 and len(codes) == n_clips and codes.dtype.kind == "f" and bool(np.isfinite(codes).all())


def _principal(codes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """[clip, d] -> the first two principal components, scaled to -1..1, and the share of variance that they hold."""
    centred = codes - codes.mean(axis=0)
    largest = np.abs(centred).max()
    if not largest > 0 or not np.isfinite(largest):
        return np.zeros((len(codes), 2)), 0.0
    values, vectors = np.linalg.eigh((centred / largest).T @ (centred / largest))
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])  # eigenvectors have no sign
    places = centred @ axes
    places = np.hstack([places, np.zeros((len(codes), 2 - places.shape[1]))]) / np.abs(places).max()
    return places, float(values[::-1][:2].sum() / values.sum())
