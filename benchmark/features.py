"""Clips and their features, role by role: rendered and transformed once, then kept on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from baselines.frontend import LogMel
from generators.augment import augment
from generators.factors import Levels
from generators.generator import Generator
from generators.splits import IID, ROLES, Role, Split

BATCH = 512
Progress = Callable[[int, int], None]

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


def n_clips(generator: Generator, draws: dict[str, int], *, split: Split = IID, versions: int = 0) -> int:
    """How many clips the roles have in all, at these nuisance draws a combination; a version counts as a clip."""
    times = {role: draws.get(role, 0) * _copies(role, versions) for role in ROLES}
    return sum(len(rows) * times[role] for role, rows in split.rows(generator.space).items())


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
                own = seeds[rows] * versions + np.arange(start, start + len(audio)) % versions
                audio = augment(audio, torch.from_numpy(own), generator.sample_rate)
            parts.append(front_end(audio))
            progress(done := done + len(parts[-1]), total)
        decibels[role] = levels, seeds, torch.cat(parts).to(device)
    train = decibels["train"][2]
    mean, std = float(train.mean(dtype=torch.float64)), float(train.double().std())
    roles = {
        role: Clips(levels, seeds, (features - mean) / std) for role, (levels, seeds, features) in decibels.items()
    }
    return Features(roles, mean, std)


def _copies(role: Role, versions: int) -> int:
    """How often each clip of a role is rendered: training clips alone have versions."""
    return max(1, versions) if role == "train" else 1
