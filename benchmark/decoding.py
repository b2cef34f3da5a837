"""Scores that take the clips' features: by the method's own decoder, and by the one that all methods share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.contract import Method
from baselines.frontend import LogMel
from benchmark.embedding import embed
from benchmark.features import Features
from benchmark.metrics import table
from benchmark.metrics.reconstruction import r2, standard_decoder_r2
from benchmark.metrics.swap import swap_fidelity
from benchmark.results import Score
from benchmark.tasks import Task
from benchmark.train import ContractError
from generators.factors import FactorSpace, Levels
from generators.generator import Generator
from generators.splits import Role

PAIRS = 256  # of clips, swapped: the same for every method

Blocks = dict[str, Tensor]


def by_decoders(
    task: Task, method: Method | None, prepared: tuple[Generator, LogMel, Features], embeddings: dict[Role, Blocks]
) -> list[Score]:
    """Reconstruction by the standard decoder; and, where the method has one, by its own, with swap fidelity."""
    generator, front_end, data = prepared
    probe, test = (_arrays(embeddings[role]) for role in ("probe", "test"))
    features = [data.roles[role].features.cpu().numpy() for role in ("probe", "test")]
    shared = standard_decoder_r2(probe, features[0], test, features[1], seed=0)
    rows = [Score(metric=table.STANDARD_DECODER_R2, value=shared)]
    own = None if method is None else decoded(method, embeddings["test"], data.roles["test"].features)
    if method is None or own is None:
        return rows
    rows.append(Score(metric=table.RECONSTRUCTION_R2, value=r2(own.cpu().numpy(), features[1])))
    return rows + swaps(task, method, generator, front_end, data, embeddings["test"])


def decoded(method: Method, blocks: Blocks, inputs: Tensor) -> Tensor | None:
    """What the method's own decoder makes of blocks, float32 as `inputs`; None for a method that has none.

    Raises ContractError where it is of another shape, or not finite.
    """
    features = method.decode(blocks)
    if features is None:
        return None
    if features.shape != inputs.shape:
        raise ContractError(f"decode must return {list(inputs.shape)} for these blocks; got {list(features.shape)}")
    bad = (~torch.isfinite(features)).flatten(1).any(dim=1).nonzero()
    if len(bad):
        raise ContractError(f"decode returned NaN or infinity for row {int(bad[0])}; it must return finite numbers")
    return features.float()


def swaps(
    task: Task, method: Method, generator: Generator, front_end: LogMel, data: Features, blocks: Blocks
) -> list[Score]:
    """Swap fidelity of each block that views share: that block of one test clip, all others of another.

    Nothing where a block owns no factor, for then there is nothing to swap.
    """
    if not all(task.blocks.values()):
        return []
    clips, names, scores = data.roles["test"], list(task.pairings), list[Score]()
    for block in names:
        a, b = swap_pairs(generator.space, clips.levels, task.blocks[block], PAIRS)
        target = swap_target(generator, front_end, data, a, b, task.blocks[block])
        taken = {name: rows_at(codes, b if name == block else a) for name, codes in blocks.items()}
        told = [decoded(method, codes, target) for codes in (taken, embed(method, target))]
        if told[0] is None or told[1] is None:
            raise ContractError("decode returned None after it had returned features")
        inputs = [rows_at(clips.features, rows) for rows in (a, b)]
        swapped, true, first, second, own = (_array(part.flatten(1)) for part in (told[0], target, *inputs, told[1]))
        found = swap_fidelity(swapped, true, first, second, own)
        place = block if len(names) > 1 else None
        scores += [
            Score(metric=table.SWAP_FIDELITY, block=place, value=found.fidelity),
            Score(metric=table.SWAP_RELATIVE, block=place, value=found.relative),
        ]
    return scores


def swap_pairs(space: FactorSpace, levels: Levels, shared: frozenset[str], count: int) -> tuple[Levels, Levels]:
    """Rows of test clips, two for each swap, that differ in every shared factor and in one of the others at least.

    levels: int64 [clip, factor]. shared: what is swapped. Returns int64 [count] twice, the same at every call.
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
    return (front_end(generator.render(mixed, clips.seeds[a])) - data.mean) / data.std


def rows_at(values: Tensor, rows: Levels) -> Tensor:
    """Some rows of a tensor on any device. rows: int64 [n]."""
    return values[torch.from_numpy(rows).to(values.device)]


def _arrays(blocks: Blocks) -> dict[str, NDArray[np.float32]]:
    return {name: _array(codes) for name, codes in blocks.items()}


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.float().cpu().numpy())
