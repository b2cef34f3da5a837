"""Scores that take the clips' features: by the method's own decoder, and by the one that all methods share."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.contract import Method
from benchmark.embedding import embed
from benchmark.features import Prepared
from benchmark.metrics import table
from benchmark.metrics.reconstruction import r2, standard_decoder_r2
from benchmark.metrics.swap import swap_fidelity
from benchmark.metrics.table import Score
from benchmark.train import ContractError
from generators.factors import Levels
from generators.splits import Role

Blocks = dict[str, Tensor]


def by_decoders(method: Method | None, prepared: Prepared, embeddings: dict[Role, Blocks]) -> list[Score]:
    """Reconstruction by the standard decoder; and by the method's own, if it has one, with swaps if it has blocks."""
    data = prepared.data
    probe, test = (_arrays(embeddings[role]) for role in ("probe", "test"))
    features = [data.roles[role].features.cpu().numpy() for role in ("probe", "test")]
    shared = standard_decoder_r2(probe, features[0], test, features[1], seed=0)
    rows = [Score(table.STANDARD_DECODER_R2, None, None, shared)]
    own = None if method is None else decoded(method, embeddings["test"], data.roles["test"].features)
    if method is None or own is None:
        return rows
    rows.append(Score(table.RECONSTRUCTION_R2, None, None, r2(own.cpu().numpy(), features[1])))
    return rows if method.one_block else rows + swap_scores(method, prepared, embeddings["test"])


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


def swap_scores(method: Method, prepared: Prepared, blocks: Blocks) -> list[Score]:
    """Swap fidelity of each block that views share: that block of one test clip, all others of another."""
    clips, scores = prepared.data.roles["test"], list[Score]()
    for block, swaps in prepared.swaps.items():
        a, b, target = swaps.a, swaps.b, swaps.target
        taken = {name: rows_at(codes, b if name == block else a) for name, codes in blocks.items()}
        told = [decoded(method, codes, target) for codes in (taken, embed(method, target))]
        if told[0] is None or told[1] is None:
            raise ContractError("decode returned None after it had returned features")
        inputs = [rows_at(clips.features, rows) for rows in (a, b)]
        swapped, true, first, second, own = (_array(part.flatten(1)) for part in (told[0], target, *inputs, told[1]))
        found = swap_fidelity(swapped, true, first, second, own)
        place = block if len(prepared.swaps) > 1 else None
        scores += [
            Score(table.SWAP_FIDELITY, place, None, found.fidelity),
            Score(table.SWAP_RELATIVE, place, None, found.relative),
        ]
    return scores


def rows_at(values: Tensor, rows: Levels) -> Tensor:
    """Some rows of a tensor on any device. rows: int64 [n]."""
    return values[torch.from_numpy(rows).to(values.device)]


def _arrays(blocks: Blocks) -> dict[str, NDArray[np.float32]]:
    return {name: _array(codes) for name, codes in blocks.items()}


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.float().cpu().numpy())
