"""How much room an export needs, said and looked for beforehand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generators.dataset import rendering
from generators.dataset.lines import UsageError, size_text
from generators.dataset.plan import Plan, Rows

if TYPE_CHECKING:
    from generators.generator import Generator

_SAMPLE = 64  # clips that are made to know the size of all
_MARGIN = 1.05
_TABLE = 150  # bytes of a clip in tables and in the manifest, compressed score and all; measured: 80 to 130
_WAV_HEADER, _BLOCK = 44, 4096  # a small file takes whole blocks
_DOCUMENTS = 100_000


def need(generator: Generator, plan: Plan, parts: list[Rows]) -> int:
    """Bytes that these clips take on a disk, within some per cent: by making a few of them. parts: not empty."""
    count = sum(map(len, parts))
    if plan.format == "wav":
        audio = _blocks(_WAV_HEADER + 2 * generator.n_samples)
        scored = hasattr(generator, "midi")
        rows = 4 * _TABLE  # in two tables and, with its score, twice in the manifest
        return int(count * (audio + _BLOCK * scored + rows)) + _DOCUMENTS
    chosen = np.unique(np.linspace(0, count - 1, _SAMPLE).astype(np.int64))
    combinations = np.concatenate([rows.combinations for rows in parts])[chosen]
    sample = Rows(parts[0].role, combinations, np.concatenate([rows.seeds for rows in parts])[chosen])
    sizes = [
        len(rendering.encoded(clip, generator.sample_rate))
        for batch in rendering.batches(generator, sample)
        for clip in batch.samples
    ]
    return int(count * (float(np.mean(sizes)) + _TABLE) * _MARGIN) + _DOCUMENTS


def check(folder: Path, n_bytes: int, what: str) -> None:
    """Raises UsageError where a folder's disk has less room than that. The folder need not exist."""
    if not shutil.disk_usage(_there(folder)).total:
        raise UsageError(f"{folder} is on no disk, nothing can be kept there; choose another --out")
    free = free_at(folder)
    if free < n_bytes:
        raise UsageError(
            f"{what} needs about {size_text(n_bytes)} in {folder} and there are {size_text(free)}; "
            f"free {size_text(n_bytes - free)} or choose another --out"
        )


def free_at(folder: Path) -> int:
    """Free bytes on the disk that a folder is or would be on."""
    return shutil.disk_usage(_there(folder)).free


def _there(folder: Path) -> Path:
    """A folder, or the nearest above it that exists."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place


def _blocks(n_bytes: int) -> int:
    return -(-n_bytes // _BLOCK) * _BLOCK
