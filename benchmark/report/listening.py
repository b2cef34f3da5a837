"""What can be heard of a method: the input, its reconstruction, a swap, and what the swap should have been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.board import Row
from benchmark.report import kept
from benchmark.report.contents import Table
from benchmark.report.folder import Folder
from benchmark.storage import Place
from benchmark.swap_examples import FILE, SwapExamples, from_arrays

if TYPE_CHECKING:
    from benchmark.report.sound import Samples, Space
    from generators.factors import FactorSpace

PAIRS = 3  # as many as in `swap.png`
# Seeds of test clips start here: `benchmark.features` counts a milliard a role, and test is the fourth.
TEST_SEEDS = 3 * 10**9
Pairs = tuple[str, NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Listening:
    """Who makes sound and pictures for the pages of methods. folder: where they go."""

    folder: Folder

    def of(self, table: Table, row: Row, artefacts: Place) -> dict[str, object]:
        """Examples for a page: {seed, block, examples, why: what is missing and why (None: nothing), picture}."""
        try:
            space = _space(table)
        except MuteError as reason:
            return {"seed": None, "block": None, "examples": [], "why": str(reason), "picture": None}
        for run in row.results:
            examples = _decoded(kept.read(artefacts, run, FILE), space)
            if examples is not None:
                return self._heard(space, run.seed, examples)
        for run in row.results:
            pairs = _pairs(kept.arrays(kept.read(artefacts, run, "test.npz")), table, space.generator.space)
            if pairs is not None:
                return self._inputs(space, run.seed, pairs, kept.read(artefacts, run, "swap.png"))
        why = "No embeddings or decoded features of this method are kept beside these results."
        return {"seed": None, "block": None, "examples": [], "why": why, "picture": None}

    def _heard(self, space: Space, seed: int, examples: SwapExamples) -> dict[str, object]:
        shown = []
        for i in range(min(PAIRS, len(examples.levels_a))):
            clips = [
                self._clip(space, title, levels[i], seeds[i])
                for title, levels, seeds in (
                    ("input a", examples.levels_a, examples.seeds_a),
                    ("input b", examples.levels_b, examples.seeds_b),
                    ("exact target", examples.levels_target, examples.seeds_target),
                )
            ]
            own = self._features(space, "reconstruction of a", examples.reconstruction[i])
            swap = self._features(space, f"swap: {examples.block} of b, the rest of a", examples.swap[i])
            shown.append([*clips[:2], own, swap, clips[2]])
        return {"seed": seed, "block": examples.block, "examples": shown, "why": None, "picture": None}

    def _inputs(self, space: Space, seed: int, pairs: Pairs, picture: bytes | None) -> dict[str, object]:
        """The clips of the pairs that `swap.png` shows, which are the same for every method of a task."""
        block, rows, levels = pairs
        shown = [
            [
                self._clip(space, title, levels[i, part], TEST_SEEDS + rows[i, part % 2])
                for part, title in enumerate(("input a", "input b", "exact target"))
            ]
            for i in range(len(rows))
        ]
        why = (
            f"The decoded features of this method were not kept as numbers ({FILE}), so its reconstructions and swaps "
            "cannot be heard; input and exact target are rendered again."
        )
        png = picture if picture is not None and picture.startswith(b"\x89PNG\r\n\x1a\n") else None
        address = None if png is None else self.folder.media(png, "png")
        return {"seed": seed, "block": block, "examples": shown, "why": why, "picture": address}

    def _clip(self, space: Space, title: str, levels: NDArray[np.int64], seed: int) -> dict[str, object]:
        clip = space.render(levels[None], np.array([seed]))
        said = _said(space.generator.space, levels)
        return self._panel(space, title, said, clip[0], space.decibels(clip)[0])

    def _features(self, space: Space, title: str, decibels: NDArray[np.floating]) -> dict[str, object]:
        return self._panel(space, title, "decoded; Griffin-Lim", space.heard(decibels), decibels)

    def _panel(
        self, space: Space, title: str, said: str, clip: Samples, decibels: NDArray[np.floating]
    ) -> dict[str, object]:
        from benchmark.report.sound import flac, spectrogram

        return {
            "title": title,
            "said": said,
            "sound": self.folder.media(flac(clip, space.sample_rate), "flac"),
            "picture": self.folder.media(spectrogram(decibels), "png"),
        }


class MuteError(Exception):
    """Why nothing can be rendered, for a reader."""


def _space(table: Table) -> Space:
    """The space of a table, rendering. Raises MuteError, which says why none can be rendered."""
    from generators import SPACES

    if table.space not in SPACES:
        raise MuteError(f"This dTones has no sounds '{table.space}', so nothing can be rendered.")
    from benchmark.report.sound import open_space

    try:
        space = open_space(table.space, True)
    except (ImportError, OSError, ValueError) as error:
        raise MuteError(f"The sounds '{table.space}' cannot be rendered here: {' '.join(str(error).split())}") from None
    version = space.generator.version
    if version != table.space_version:
        raise MuteError(
            f"These results are of version {table.space_version} of the sounds, and this dTones has {version}."
        )
    return space


def _decoded(content: bytes | None, space: Space) -> SwapExamples | None:
    """What is kept of a run, if it is whole and of this space and front end."""
    arrays = kept.arrays(content)
    try:
        examples = from_arrays(arrays) if arrays is not None else None
        for levels in (examples.levels_a, examples.levels_b, examples.levels_target) if examples else ():
            space.generator.space.check(levels)
    except ValueError:
        return None
    settings = space.front_end.settings
    return examples if examples and examples.swap.shape[1:] == (settings.n_frames, settings.n_mels) else None


def _pairs(arrays: dict[str, NDArray[np.generic]] | None, table: Table, space: FactorSpace) -> Pairs | None:
    """The block that is swapped, rows of a and b [pair, 2], and levels of a, b and the target [pair, 3, factor]."""
    from benchmark.features import swap_pairs
    from benchmark.tasks import PRESETS

    known = PRESETS.get(table.preset)
    if known is None or known.judge != "test":  # else the kept clips are not those of the role test
        return None
    if arrays is None or "levels" not in arrays or not all(table.blocks.values()):
        return None

    block, owned = next(iter(table.blocks.items()))
    try:
        levels = space.check(arrays["levels"])
        a, b = swap_pairs(space, levels, frozenset(owned), PAIRS)
    except ValueError:
        return None
    target = levels[a].copy()
    for name in owned:
        target[:, space.column(name)] = levels[b, space.column(name)]
    return block, np.stack([a, b], axis=1), np.stack([levels[a], levels[b], target], axis=1)


def _said(space: FactorSpace, levels: Sequence[int] | NDArray[np.int64]) -> str:
    return ", ".join(
        value if isinstance(value := factor.values[level], str) else f"{value:g} {factor.unit}".strip()
        for factor, level in zip(space.factors, levels, strict=True)
    )
