"""Features once: what all runs of a task have in common, from disk where it lies there, else computed and put there.

Clips and their features are shared by all tasks of one space, split and preset; the targets of swaps depend on what
views share, and lie under keys of their own. `benchmark.array_cache` says where, and what is done about damage.
"""

from __future__ import annotations

import importlib
import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import generators
from benchmark import array_cache, features
from benchmark.array_files import Entry, Key
from benchmark.execution import Stages
from benchmark.features import Clips, Features, Prepared, Progress, Sound, Swaps
from benchmark.source import ROOT, source_hash
from benchmark.tasks import Preset, Task
from generators.splits import Role

if TYPE_CHECKING:
    from benchmark.stored_clips import Export

Shared = Mapping[str, frozenset[str]]  # by block, the factors that it owns


@cache
def space_version(space: str) -> str:
    """The version of a space by name. Only that of `soundfont` depends on its notes, which must be there for it."""
    stated: str = importlib.import_module(generators.SPACES[space][0]).VERSION
    return generators.load(space).version if space == "soundfont" else stated


def prepare(task: Task, preset: Preset, device: torch.device, stages: Stages, export: Export | None = None) -> Prepared:
    """What all runs of a task and preset have in common, on a device.

    export: whose files the clips are read from; None: they are rendered.
    Raises ValueError where DTONES_CACHE_GB makes no sense, and as `generators.load`.
    """
    maker, shared = _Maker(task, preset, device, stages, export), swapped(task, preset)
    key = features_key(task, preset, device, export)
    other, found = swaps_key(key, shared), dict[str, Entry | None]()
    if array_cache.folder_of(key).exists():
        with stages.stage("features", "reading the features of the clips from disk"):
            found = {"features": array_cache.read(key), "swaps": array_cache.read(other) if shared else None}
    entry = found.get("features") or array_cache.kept(key, maker.features, maker.waiting)
    data = _features(entry, device)
    if preset.judge == "validation":
        data = features.on_validation(data, generators.space(task.space))
    swaps = dict[str, Swaps]()
    if shared:
        targets = found.get("swaps") or array_cache.kept(
            other, lambda: maker.swaps(data, shared), maker.waiting, spare=(key,)
        )
        swaps = _swaps(targets, shared, device)
    centres = tuple(entry.arrays["centres_hz"].tolist())
    front_end = features.front_end_of(task.space)
    return Prepared(generators.space(task.space), space_version(task.space), front_end, centres, data, swaps)


def features_key(task: Task, preset: Preset, device: torch.device, export: Export | None = None) -> dict[str, Any]:
    """All that decides clips and features; seeds, batches and their order are in the source.

    Of an export's clips too, though they are the same: no file that somebody changed may decide another run.
    """
    module = ROOT.joinpath(*generators.SPACES[task.space][0].split(".")).with_suffix(".py")
    return {
        "space": task.space,
        "space_version": space_version(task.space),
        "split": task.split.name,
        "versions": task.versions,
        "clips": {role: draws for role, draws in preset.clips.items() if draws},
        "front_end": asdict(features.front_end_of(task.space)),
        "source": source_hash(ROOT / "benchmark" / "features.py", module),
        "libraries": {name: version(name) for name in ("numpy", "scipy", "torch", "torchaudio")},
        "device": _kind(device),
        **({} if export is None else {"export": export.sha256}),
    }


def swaps_key(key: Key, shared: Shared) -> dict[str, Any]:
    """All that decides the targets of swaps between the clips of a key."""
    return {"of": key, "pairs": features.PAIRS, "swapped": {block: sorted(owned) for block, owned in shared.items()}}


def swapped(task: Task, preset: Preset) -> Shared:
    """What is swapped: the blocks that views share; none where a block owns no factor, or there are no test clips."""
    if not all(task.blocks.values()) or not preset.clips.get(preset.judge):
        return {}
    return {block: task.blocks[block] for block in task.pairings}


def _kind(device: torch.device) -> str:
    """What decides the last digits of what a device computes."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    return f"{device.type}, {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


class _Maker:
    """Computes what is not there; the sound is built when it is needed first."""

    def __init__(self, task: Task, preset: Preset, device: torch.device, stages: Stages, export: Export | None) -> None:
        self._task, self._preset, self._device, self._stages = task, preset, device, stages
        self._export = export

    @cached_property
    def _sound(self) -> Sound:
        with self._stages.stage("bank", "building the note bank"):
            return features.sound_of(self._task.space, self._device)

    def waiting(self) -> AbstractContextManager[Progress]:
        return self._stages.stage("features", "waiting for another process that makes the same features")

    def features(self) -> Entry:
        (generator, front_end), task, how = self._sound, self._task, "rendering clips"
        if self._export is not None:
            from benchmark.stored_clips import Replayed

            generator, how = Replayed(self._export, generator, self._device), "reading clips from files"
        with self._stages.stage("features", f"{how} and taking log-mel features") as report:
            data = features.compute(
                generator, front_end, self._preset.clips, self._device, report, split=task.split, versions=task.versions
            )
        arrays = {"centres_hz": front_end.centres_hz().cpu().numpy()}
        for role, clips in data.roles.items():
            parts = {"levels": clips.levels, "seeds": clips.seeds, "features": clips.features.cpu().numpy()}
            arrays |= {f"{role}.{part}": array for part, array in parts.items()}
        return Entry(arrays, {"mean": data.mean, "std": data.std})

    def swaps(self, data: Features, shared: Shared) -> Entry:
        sound, arrays = self._sound, dict[str, NDArray[Any]]()
        with self._stages.stage("features", "rendering the targets of swaps"):
            for block, swaps in features.swaps(*sound, data, shared).items():
                parts = {"a": swaps.a, "b": swaps.b, "target": swaps.target.cpu().numpy()}
                arrays |= {f"{block}.{part}": array for part, array in parts.items()}
        return Entry(arrays, {})


def _features(entry: Entry, device: torch.device) -> Features:
    roles = {
        cast(Role, role): Clips(
            np.array(entry.arrays[f"{role}.levels"]),
            np.array(entry.arrays[f"{role}.seeds"]),
            _tensor(entry.arrays[f"{role}.features"], device),
        )
        for role, _, part in (name.partition(".") for name in entry.arrays)
        if part == "features"
    }
    return Features(roles, entry.numbers["mean"], entry.numbers["std"])


def _swaps(entry: Entry, shared: Shared, device: torch.device) -> dict[str, Swaps]:
    parts = {block: [entry.arrays[f"{block}.{part}"] for part in ("a", "b", "target")] for block in shared}
    return {block: Swaps(np.array(a), np.array(b), _tensor(c, device)) for block, (a, b, c) in parts.items()}


def _tensor(array: NDArray[Any], device: torch.device) -> Tensor:
    """On a CPU the mapped memory itself; nothing is copied."""
    return torch.from_numpy(array).to(device)
