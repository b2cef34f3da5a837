"""Clips from an export's files instead of from their generator: `python -m benchmark.run --data DIR`.

An export is taken for a task and a preset where it holds exactly their clips, so that a run's id and scores are those
of rendering, to the last digit. Levels and seeds of every clip are compared as it is read; files' hashes once a
command. What is not in an export, the targets of swaps between test clips, is rendered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from benchmark.features import BATCH
from benchmark.tasks import Preset, Task
from generators.dataset import manifest, reading
from generators.dataset.plan import SEED_OF_ROLE
from generators.generator import Generator
from generators.mixing import FULL_SCALE
from generators.splits import Role


@dataclass(frozen=True)
class Export:
    """An export's folder. sha256: of its manifest, which has the hash of every file."""

    folder: str
    sha256: str


def opened(folder: str | Path) -> Export:
    """The export in a folder.

    Raises ValueError where there is none, where its manifest is refused, and where what reads it is not installed.
    """
    path = Path(folder).resolve()
    needed = "pyarrow" if manifest.read(path).plan.format == "parquet" else "soundfile"
    if find_spec(needed) is None:
        raise ValueError(f"--data needs {needed}: pip install -e '.[data]'")
    return Export(str(path), hashlib.sha256((path / manifest.NAME).read_bytes()).hexdigest())


def check(export: Export, asked: Iterable[tuple[Task, Preset, str]]) -> None:
    """Raise ValueError unless an export holds the clips of every task and preset, and its files are undamaged.

    asked: with each the version of its space.
    """
    folder = Path(export.folder)
    there = manifest.read(folder)
    for task, preset, version in asked:
        draws = {role: count for role, count in preset.clips.items() if count}
        command = _command(task, draws)
        for what, has, needs in (
            ("the space", there.plan.space, task.space),
            ("the split", there.plan.split, task.split.name),
            ("the version", there.plan.version, version),
        ):
            if has != needs:
                raise ValueError(f"{folder} is of {what} {has}, and {task.name} is of {needs}: {command}")
        for role, count in draws.items():
            has_clips = there.plan.nuisances.get(role, 0)  # type: ignore[call-overload]
            if has_clips != count:
                raise ValueError(
                    f"{folder} has {has_clips} clips of each combination for the role '{role}', and the preset "
                    f"{preset.name} takes {count}, whose seeds are others: {command}"
                )
    for entry in there.files:
        if wrong := manifest.wrong_with(folder, entry):
            raise ValueError(f"{folder / entry.path}: {wrong}; python -m generators.dataset verify {folder} says more")


def _command(task: Task, draws: dict[str, int]) -> str:
    told = ",".join(f"{role}={count}" for role, count in draws.items())
    split = "" if task.split.name == "iid" else f" --split '{task.split.name}'"
    return f"python -m generators.dataset export --space {task.space}{split} --nuisances {told} --out DIR"


class Replayed:
    """A generator whose clips come from an export's files, role by role, in the order of their seeds; never backwards.

    What it says of itself is what the space's own generator says. Everything is read once, and no more of it is held
    than a few batches.
    """

    def __init__(self, export: Export, generator: Generator, device: torch.device) -> None:
        self.name, self.version, self.space = generator.name, generator.version, generator.space
        self.sample_rate, self.n_samples = generator.sample_rate, generator.n_samples
        self.nuisances, self.nuisance_list = generator.nuisances, generator.nuisance_list
        self._export, self._generator, self._device = export, generator, device
        self._role: Role | None = None
        self._coming: Iterator[reading.Clips] = iter(())
        self._held: list[reading.Clips] = []

    def to(self, device: torch.device | str) -> Replayed:
        """The same, from the first clip on, with audio on another device."""
        return Replayed(self._export, self._generator, torch.device(device))

    def render(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """As `Generator.render`: float32 [n, n_samples], full scale 1.0."""
        return self.render_int16(levels, seeds).to(torch.float32) / FULL_SCALE

    def render_int16(self, levels: ArrayLike, seeds: ArrayLike) -> Tensor:
        """As `Generator.render_int16`. Raises ValueError where a clip is not the next of its role, or is damaged."""
        wanted, numbers = np.asarray(levels, np.int64), np.asarray(seeds, np.int64)
        self._reach(int(numbers.min()), int(numbers.max()))
        known = np.concatenate([clips.seeds for clips in self._held] or [np.empty(0, np.int64)])
        rows = np.searchsorted(known, numbers)
        if (rows >= len(known)).any() or (known[rows] != numbers).any():
            raise ValueError(f"{self._export.folder} has no clip of the seed {numbers.min()} where it should come next")
        there: NDArray[np.int64] = np.concatenate([clips.levels for clips in self._held])[rows]
        if (there != wanted).any():
            seed = numbers[(there != wanted).any(axis=1)][0]
            raise ValueError(f"the clip of the seed {seed} in {self._export.folder} has other levels than the task's")
        samples = np.concatenate([clips.samples for clips in self._held])[rows]
        return torch.from_numpy(samples).to(self._device)

    def _reach(self, first: int, last: int) -> None:
        """Hold the clips of the seeds from first to last, as far as there are any."""
        role = next(role for role, start in reversed(SEED_OF_ROLE.items()) if first >= start)
        if role != self._role:
            self._role, self._held = role, []
            self._coming = reading.read(self._export.folder, role, BATCH)
        self._held = [clips for clips in self._held if clips.seeds[-1] >= first]
        while not self._held or self._held[-1].seeds[-1] < last:
            clips = next(self._coming, None)
            if clips is None:
                return
            if clips.seeds[-1] >= first:
                self._held.append(clips)
