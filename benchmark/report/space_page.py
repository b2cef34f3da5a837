"""The page of a space: hear each factor move alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.report.folder import Folder

if TYPE_CHECKING:
    from benchmark.report.sound import Space
    from generators.factors import Factor


MOST_LEVELS = 24  # of a factor: as many as `phrases` has pitches; `syntone` has 400 frequencies, a page of 17 MB


def space_page(name: str, folder: Folder) -> dict[str, object]:
    """What `space.html.j2` shows; where the space cannot render here, why."""
    from benchmark.report.sound import open_space

    try:
        space = open_space(name, False)
    except (ImportError, OSError, ValueError) as error:
        return {"name": name, "space": None, "why": " ".join(str(error).split()), "factors": []}
    middle = np.array([factor.n_levels // 2 for factor in space.generator.space.factors])
    factors = [_factor(space, folder, column, middle) for column in range(len(middle))]
    return {"name": name, "space": space, "why": None, "factors": factors}


def _factor(space: Space, folder: Folder, column: int, middle: np.ndarray) -> dict[str, object]:
    """One factor at each of its levels, or at some evenly spread, all others in the middle, nuisances off."""
    from benchmark.report.sound import flac, spectrogram

    factor = space.generator.space.factors[column]
    chosen = np.unique(np.linspace(0, factor.n_levels - 1, min(factor.n_levels, MOST_LEVELS)).astype(int))
    levels = np.repeat(middle[None], len(chosen), axis=0)
    levels[:, column] = chosen
    clips = space.render(levels, np.zeros(len(levels), np.int64))
    pictures = space.decibels(clips)
    still = [
        f"{other.name} {value_text(other, int(level))}"
        for number, (other, level) in enumerate(zip(space.generator.space.factors, middle, strict=True))
        if number != column
    ]
    steps = [
        {
            "text": value_text(factor, int(level)),
            "sound": folder.media(flac(clips[row], space.sample_rate), "flac"),
            "picture": folder.media(spectrogram(pictures[row]), "png"),
        }
        for row, level in enumerate(chosen)
    ]
    return {"name": factor.name, "unit": factor.unit, "n_levels": factor.n_levels, "still": still, "steps": steps}


def value_text(factor: Factor, level: int) -> str:
    """A level as a reader knows it."""
    value = factor.values[level]
    return value if isinstance(value, str) else f"{value:.4g} {factor.unit}".strip()
