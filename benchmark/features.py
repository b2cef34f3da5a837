"""What all runs of a task have in common: clips and their features, role by role, and the targets of swaps.

Pure: `benchmark.feature_store` keeps what is computed here on disk, under a key that this file's hash is part of. The
same clips on the same machine have the same features to the last bit, with any number of threads.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import generators
from baselines.frontend import FrontEndSettings, LogMel
from generators import steady
from generators.factors import FactorSpace, Levels
from generators.splits import IID, ROLES, Role, Split

if TYPE_CHECKING:
    from generators.generator import Generator

BATCH = 512  # clips that are rendered and transformed together
# Clips that a CPU transforms together, so that their spectra stay in its cache: a third of the time of a whole batch.
SLICE = 16
PAIRS = 256  # of test clips, swapped: the same for every method
Progress = Callable[[int, int], None]
Sound = tuple["Generator", LogMel]

# Seeds of a role's clips start here, apart from each other: no two roles share a draw of nuisances.
_SEED_OF_ROLE: dict[Role, int] = {role: number * 10**9 for number, role in enumerate(ROLES)}


@dataclass(frozen=True)
class Clips:
    """Clips of one role. levels: int64 [clip, factors]. seeds: int64 [clip]. features: float32 [clip, frame, mel].

    Versions of one clip stand beside each other, with the levels and the seed of the clip; no other clip has its seed.
    """

    levels: Levels
    seeds: Levels
    features: Tensor


@dataclass(frozen=True)
class Features:
    """Standardised log-mel features of every role. mean, std: of the training clips, in decibels."""

    roles: dict[Role, Clips]
    mean: float
    std: float

    def decibels(self, features: Tensor) -> Tensor:
        """Standardised features back to decibels, same shape."""
        return features * self.std + self.mean


def on_validation(data: Features, space: FactorSpace) -> Features:
    """Features judged on validation clips: those are the test clips, and every other training combination the probe's.

    Of each of these combinations the first clip. Every other one, for probes on all would take as long as training.
    """
    known = data.roles["train"]
    rows = np.sort(np.unique(space.combinations(known.levels), return_index=True)[1])[::2]
    probe = Clips(
        known.levels[rows], known.seeds[rows], known.features[torch.from_numpy(rows).to(known.features.device)]
    )
    return replace(data, roles={"train": known, "probe": probe, "test": data.roles["validation"]})


@dataclass(frozen=True)
class Swaps:
    """Pairs of test clips, and what a swap of one block between them should sound like.

    a, b: rows of test clips, int64 [pair]: the block of b, all else of a. target: features of the clips that were
    rendered so, standardised as the clips are: float32 [pair, frame, mel].
    """

    a: Levels
    b: Levels
    target: Tensor


@dataclass(frozen=True)
class Prepared:
    """What all runs of a task and preset have in common; with it nobody needs the generator or the front end.

    centres_hz: of each mel band. swaps: by block, for each that views share; none where a block owns no factor, for
    then there is nothing to swap, nor where there are no test clips.
    """

    space: FactorSpace
    space_version: str
    front_end: FrontEndSettings
    centres_hz: tuple[float, ...]
    data: Features
    swaps: dict[str, Swaps]


def front_end_of(space: str) -> FrontEndSettings:
    """The front end of a space by name, known before any sound is made."""
    layout = getattr(importlib.import_module(generators.SPACES[space][0]), "LAYOUT", None)
    if layout is None:  # no notes: steady tones
        return FrontEndSettings(steady.SAMPLE_RATE, steady.N_SAMPLES)
    return FrontEndSettings(layout.sample_rate, layout.n_samples)


def sound_of(space: str, device: torch.device) -> Sound:
    """The sound of a space by name, and the front end that listens to it. Raises ValueError as `generators.load`."""
    return generators.load(space).to(device), LogMel(front_end_of(space)).to(device)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Full precision, whatever methods are trained in, so that who asks first changes nothing; and one thread.

    Slices are so short that threads mostly wait for each other: where others use the cores, two took ten times as long
    as one.
    """
    precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    torch.set_float32_matmul_precision("highest")
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.set_num_threads(threads)


def n_clips(generator: Generator, draws: dict[str, int], *, split: Split = IID, versions: int = 0) -> int:
    """How many clips the roles have in all, at these nuisance draws a combination; a version counts as a clip."""
    times = {role: draws.get(role, 0) * _copies(role, versions) for role in ROLES}
    return sum(len(rows) * times[role] for role, rows in split.rows(generator.space).items())


@_undisturbed()
def compute(
    generator: Generator,
    front_end: LogMel,
    draws: dict[str, int],
    device: torch.device,
    progress: Progress,
    *,
    split: Split = IID,
    versions: int = 0,
) -> Features:
    """Render clips and take their features, batch by batch: audio is never held.

    draws: nuisance draws of each combination, by role; a role that is not named is not made.
    progress: called with (clips done, clips in all).
    split: what trains and validates. versions: of each training clip, each augmented in its own way; 0: it as it is.
    """
    total, done = n_clips(generator, draws, split=split, versions=versions), 0
    decibels: dict[Role, tuple[Levels, Levels, Tensor]] = {}
    for role, combinations in split.rows(generator.space).items():
        if not draws.get(role, 0):
            continue
        copies = _copies(role, versions)
        levels = np.repeat(generator.space.levels_at(combinations), draws[role] * copies, axis=0)
        seeds = _SEED_OF_ROLE[role] + np.arange(len(levels)) // copies
        parts = []
        for start in range(0, len(levels), BATCH):
            rows = slice(start, start + BATCH)
            audio = generator.render(levels[rows], seeds[rows])
            if versions and role == "train":
                from generators.augment import augment  # loads scipy.signal, which takes longer than all else here

                own = seeds[rows] * versions + np.arange(start, start + len(audio)) % versions
                audio = augment(audio, torch.from_numpy(own), generator.sample_rate)
            parts.append(_heard(front_end, audio))
            progress(done := done + len(parts[-1]), total)
        decibels[role] = levels, seeds, torch.cat(parts).to(device)
    mean, std = _moments(decibels["train"][2])
    roles = {
        role: Clips(levels, seeds, (features - mean) / std) for role, (levels, seeds, features) in decibels.items()
    }
    return Features(roles, mean, std)


def _heard(front_end: LogMel, audio: Tensor) -> Tensor:
    """Features of a batch of clips."""
    return torch.cat([front_end(part) for part in audio.split(SLICE if audio.device.type == "cpu" else BATCH)])


def _moments(values: Tensor) -> tuple[float, float]:
    """Mean and standard deviation. By numpy: the last digits of torch's sums depend on the number of threads."""
    array = values.cpu().numpy()
    return float(array.mean(dtype=np.float64)), float(array.std(dtype=np.float64, ddof=1))


def _copies(role: Role, versions: int) -> int:
    """How often each clip of a role is rendered: training clips alone have versions."""
    return max(1, versions) if role == "train" else 1


@_undisturbed()
def swaps(
    generator: Generator, front_end: LogMel, data: Features, shared: Mapping[str, frozenset[str]]
) -> dict[str, Swaps]:
    """Swaps of each block. shared: by block, the factors that it owns; none where there are no test clips."""
    found = {}
    for block, factors in shared.items() if "test" in data.roles else ():
        a, b = swap_pairs(generator.space, data.roles["test"].levels, factors, PAIRS)
        found[block] = Swaps(a, b, swap_target(generator, front_end, data, a, b, factors))
    return found


def swap_pairs(space: FactorSpace, levels: Levels, shared: frozenset[str], count: int) -> tuple[Levels, Levels]:
    """Rows of test clips, two for each swap, that differ in every shared factor and in one of the others at least.

    levels: int64 [clip, factor]. shared: what is swapped. Returns int64 [count] twice, the same at every call; fewer
    pairs are the first of more.
    """
    inside = [space.column(name) for name in space.names if name in shared]
    outside = [space.column(name) for name in space.names if name not in shared]
    rng = np.random.default_rng(0)
    found: list[tuple[int, int]] = []
    while len(found) < count:
        a, b = (int(row) for row in rng.integers(len(levels), size=2))
        if (levels[a, inside] != levels[b, inside]).all() and (levels[a, outside] != levels[b, outside]).any():
            found.append((a, b))
    first, second = zip(*found, strict=True)
    return np.array(first), np.array(second)


def swap_target(
    generator: Generator, front_end: LogMel, data: Features, a: Levels, b: Levels, shared: frozenset[str]
) -> Tensor:
    """Features of the clips that swaps should make: shared factors of b, all else and the nuisances of a."""
    clips = data.roles["test"]
    mixed = clips.levels[a].copy()
    for name in shared:
        column = generator.space.column(name)
        mixed[:, column] = clips.levels[b, column]
    return (_heard(front_end, generator.render(mixed, clips.seeds[a])) - data.mean) / data.std
