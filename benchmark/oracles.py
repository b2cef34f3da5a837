"""Encoders whose scores are known before they are measured.

They are given the factors, which no method is, and write them down in a known way: each as one number (`scalar`: the
level, standardised) or as one dimension a level (`one_hot`). The expected numbers follow from `balance.py` by hand.

They can be run as methods are, `--method oracle.copied` or `oracle.copied.one_hot`, and are scored by the same path.
"""

import difflib
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Blocks = Mapping[str, Collection[str]]
# Columns of each factor's code, made anew for each call.
Columns = Mapping[str, Array]
# (columns, blocks, generator of the encoder itself, generator of this call's noise) -> codes
Place = Callable[[Columns, Blocks, np.random.Generator, np.random.Generator], dict[str, Array]]
# blocks -> (P, D, B)
Expected = Callable[[Blocks], tuple[float, float, float]]

NOISE_WIDTH = 16
STYLES = ("scalar", "one_hot")
PREFIX, FAMILY = "oracle.", "oracle"


@dataclass(frozen=True)
class Oracle:
    """An encoder with a known answer.

    name: the row of the table. style: `scalar` or `one_hot`. summary: what it does, in a line.
    expected: blocks -> (preservation, disentanglement, balance); two blocks or more, each owning a factor.
    """

    name: str
    style: str
    summary: str
    place: Place
    expected: Expected

    @property
    def family(self) -> str:
        """What it goes by in a result, where methods have the idea that they follow."""
        return FAMILY

    @property
    def label(self) -> str:
        """The name that it is asked for by: `oracle.aligned`, `oracle.aligned.one_hot`."""
        return PREFIX + self.name + ("" if self.style == STYLES[0] else f".{self.style}")

    def declines(self, blocks: Blocks) -> str | None:
        """Why nothing is known of a task of these blocks, in a few words; None where it is."""
        empty = [block for block, factors in blocks.items() if not factors]
        return f"the block '{empty[0]}' owns no factor, so no scores are known" if empty else None

    def __call__(
        self,
        levels: NDArray[np.int64],
        factor_names: tuple[str, ...],
        n_levels: tuple[int, ...],
        blocks: Blocks,
        seed: int,
    ) -> dict[str, NDArray[np.float32]]:
        """Codes {block: float32 [n, d]} of levels int64 [n, factor].

        seed decides the encoder (its rotations, its scales), so probe and test clips need the same one; noise depends
        on the levels too, so that two sets of clips never share it.
        """
        write = _scalar if self.style == "scalar" else _one_hot
        columns = {f: write(levels[:, i], n_levels[i]) for i, f in enumerate(factor_names)}
        noise = np.random.default_rng([seed, zlib.crc32(np.ascontiguousarray(levels).tobytes())])
        codes = self.place(columns, blocks, np.random.default_rng(seed), noise)
        return {block: values.astype(np.float32) for block, values in codes.items()}


def _scalar(levels: NDArray[np.int64], k: int) -> Array:
    # Mean and deviation of an even spread over the levels, not of these clips: the encoder knows no other clip.
    return ((levels - (k - 1) / 2) / np.sqrt((k**2 - 1) / 12))[:, None]


def _one_hot(levels: NDArray[np.int64], k: int) -> Array:
    return np.eye(k)[levels]


def _join(columns: Columns, factors: Collection[str]) -> Array:
    return np.hstack([columns[f] for f in columns if f in factors])


def _still(columns: Columns) -> Array:
    return np.full((len(next(iter(columns.values()))), 1), 0.5)


def _rotation(width: int, rng: np.random.Generator) -> Array:
    return np.linalg.qr(rng.normal(size=(width, width)))[0]


def _aligned(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    return {block: _join(columns, factors) for block, factors in blocks.items()}


def _rotated(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    own = _aligned(columns, blocks, rng, noise)
    return {block: code @ _rotation(code.shape[1], rng) for block, code in own.items()}


def _rescaled(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    own = _aligned(columns, blocks, rng, noise)
    return {block: code * 10.0 ** rng.uniform(-1.5, 1.5, code.shape[1]) for block, code in own.items()}


def _swapped(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    names = list(blocks)
    return {name: _join(columns, blocks[other]) for name, other in zip(names, names[1:] + names[:1], strict=True)}


def _both(columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator) -> dict[str, Array]:
    return {block: _join(columns, columns) for block in blocks}


def _one_block(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    last = list(blocks)[-1]
    return {block: _join(columns, columns) if block == last else _still(columns) for block in blocks}


def _half(columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator) -> dict[str, Array]:
    last = list(blocks)[-1]
    return {block: _join(columns, blocks[block]) if block == last else _still(columns) for block in blocks}


def _copied(columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator) -> dict[str, Array]:
    source = _fullest(blocks)
    copy = next(f for f in columns if f in blocks[source])
    target = next(block for block in blocks if block != source)
    return {b: _join(columns, {*factors, copy} if b == target else factors) for b, factors in blocks.items()}


def _fullest(blocks: Blocks) -> str:
    return max(blocks, key=lambda block: len(blocks[block]))


def _rotated_across(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    # Each block is as wide as the whole code and holds an invertible mixture of all of it.
    whole = _join(columns, columns)
    return {block: whole @ _rotation(whole.shape[1], rng) for block in blocks}


def _constant(
    columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator
) -> dict[str, Array]:
    return {block: np.repeat(_still(columns), NOISE_WIDTH, axis=1) for block in blocks}


def _noise(columns: Columns, blocks: Blocks, rng: np.random.Generator, noise: np.random.Generator) -> dict[str, Array]:
    return {block: noise.normal(size=(len(_still(columns)), NOISE_WIDTH)) for block in blocks}


def _with_a_copy(blocks: Blocks) -> tuple[float, float, float]:
    size = len(blocks[_fullest(blocks)])
    left = ((size - 1) / size) ** (1 / len(blocks))
    return 1.0, left, left


_TABLE: dict[str, tuple[str, Place, Expected]] = {
    "aligned": ("each factor in its own block", _aligned, lambda blocks: (1.0, 1.0, 1.0)),
    "rotated": ("the same, rotated within each block", _rotated, lambda blocks: (1.0, 1.0, 1.0)),
    "rescaled": ("the same, its dimensions rescaled by up to 30 either way", _rescaled, lambda blocks: (1.0, 1.0, 1.0)),
    "swapped": ("each factor in the other block", _swapped, lambda blocks: (1.0, 0.0, 0.0)),
    "both": ("every factor in every block", _both, lambda blocks: (1.0, 0.0, 0.0)),
    "one_block": ("every factor in one block, the rest constant", _one_block, lambda blocks: (1.0, 0.0, 0.0)),
    "half": ("the factors of one block alone", _half, lambda blocks: (1 / len(blocks), 0.0, 0.0)),
    "copied": ("own blocks, one factor of the fullest copied into another", _copied, _with_a_copy),
    "rotated_across": ("every factor, mixed across all blocks", _rotated_across, lambda blocks: (1.0, 0.0, 0.0)),
    "constant": ("one code for every clip", _constant, lambda blocks: (0.0, 0.0, 0.0)),
    "noise": ("codes that have nothing to do with the clip", _noise, lambda blocks: (0.0, 0.0, 0.0)),
}

ORACLES = tuple(Oracle(name, style, *row) for style in STYLES for name, row in _TABLE.items())


def oracle(name: str, style: str = "scalar") -> Oracle:
    """The oracle of that name and style. Raises ValueError listing those there are."""
    for one in ORACLES:
        if (one.name, one.style) == (name, style):
            return one
    raise ValueError(f"no oracle '{name}' in style '{style}'; there are {list(_TABLE)} in {list(STYLES)}")


def names() -> list[str]:
    """What every oracle is asked for by."""
    return [one.label for one in ORACLES]


def named(label: str) -> Oracle:
    """The oracle of a label, as `oracle.copied.one_hot`. Raises ValueError with the nearest label there is."""
    for one in ORACLES:
        if one.label == label:
            return one
    near = difflib.get_close_matches(label, names(), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    raise ValueError(f"no oracle '{label}'{hint} There are: {', '.join(names())}")


def summaries() -> dict[str, str]:
    """A line for each oracle, by label."""
    return {one.label: f"{one.summary} ({one.style.replace('_', '-')} codes)" for one in ORACLES}
