"""A few swaps of a run as numbers, `decoded.npz`: what its decoder made of them, and which clips they are of.

`swap.png` is to look at; from this file they can be heard too. Levels and seeds render the clips again, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "decoded.npz"
Integers = NDArray[np.int64]
Decibels = NDArray[np.floating]


@dataclass(frozen=True)
class SwapExamples:
    """Pairs a, b of test clips and the swap of one block.

    block: the block that is taken from b, all others from a. levels_*: int64 [pair, factor]; seeds_*: int64 [pair], of
    the clips a, b and of the exact target. reconstruction, swap: decoded features in decibels, as `LogMel` has them,
    [pair, frame, mel], kept as float16.
    """

    block: str
    levels_a: Integers
    levels_b: Integers
    levels_target: Integers
    seeds_a: Integers
    seeds_b: Integers
    seeds_target: Integers
    reconstruction: Decibels
    swap: Decibels

    def __post_init__(self) -> None:
        n = len(self.levels_a)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "block":
                continue
            decoded = field.name in ("reconstruction", "swap")
            dimensions = 3 if decoded else 2 if field.name.startswith("levels") else 1
            if value.ndim != dimensions or len(value) != n or value.dtype.kind != ("f" if decoded else "i"):
                raise ValueError(f"{field.name} is {value.dtype} {list(value.shape)}, for {n} pairs; see SwapExamples")
            if not np.isfinite(value).all():
                raise ValueError(f"{field.name} has numbers that are not finite")
        if self.swap.shape != self.reconstruction.shape:
            raise ValueError(f"swap is {list(self.swap.shape)} and reconstruction {list(self.reconstruction.shape)}")

    def write(self, path: Path) -> None:
        """Write the file: about 25 kilobytes for three pairs. Raises OSError."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        for name in ("reconstruction", "swap"):
            arrays[name] = arrays[name].astype(np.float16)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def from_arrays(arrays: dict[str, NDArray[np.generic]]) -> SwapExamples:
    """The examples of what was read from a file. Raises ValueError for arrays that are missing, or not as above."""
    names = [field.name for field in fields(SwapExamples)]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"{FILE} has no {missing[0]}")
    return SwapExamples(str(arrays["block"]), **{name: arrays[name] for name in names[1:]})  # type: ignore[arg-type]
