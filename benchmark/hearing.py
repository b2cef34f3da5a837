"""Clips as an encoder of somebody else's hears them: rendered, resampled to its rate, embedded batch by batch.

The same order and the same checks as for the suite's own methods (`benchmark.embedding`); audio is never held. Codes
that are wider than can be ranked, as those of most large models, are reduced to their first principal components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

import generators
from baselines.contract import ONE_BLOCK
from baselines.encoders import Foreign, asked
from benchmark.embedding import AGAIN, embed_together
from benchmark.features import Clips
from benchmark.metrics.table import WIDEST
from benchmark.train import ContractError, Progress, Tell
from generators.splits import Role

BATCH = 64  # clips that an encoder is given at once: 2 s of each at 48 kHz are 25 MB
FIRST = 2  # clips that tell which blocks it has
WIDEST_HEARD = 4_096  # of a block, before it is reduced

Sound = Callable[[Tensor], Tensor]  # rows of clips, int64 [clip], to audio, float32 [clip, sample]


class Listener:
    """An encoder, asked by the rows of clips instead of by their sound.

    blocks: the task's, or the one block `code` where it returns one array. report: told (clips heard, of how many).
    Raises ContractError where it returns other blocks for the first clips.
    """

    def __init__(
        self, foreign: Foreign, sound: Sound, sample_rate: int, task: tuple[str, ...], report: Callable[[int], None]
    ) -> None:
        self.name, self._foreign, self._sound, self._rate = foreign.name, foreign, sound, sample_rate
        self._heard, self._report = 0, report
        names = set(self.embed(torch.arange(FIRST)))
        if names not in ({ONE_BLOCK}, set(task)):
            raise ContractError(
                f"{self.name}.embed returned the blocks {sorted(map(str, names))}; this task's are {', '.join(task)}: "
                "return those, or one array"
            )
        self.blocks = task if names == set(task) else (ONE_BLOCK,)

    def embed(self, rows: Tensor) -> dict[str, Any]:
        """Codes of some clips, by block. rows: int64 [clip]."""
        codes = asked(self._foreign.encoder, self._sound(rows), self._rate)
        self._heard += len(rows)
        self._report(self._heard)
        return codes


def heard(
    foreign: Foreign,
    space: str,
    blocks: tuple[str, ...],
    clips: Mapping[Role, Clips],
    seed: int,
    device: torch.device,
    report: Progress,
    tell: Tell,
) -> dict[Role, dict[str, Tensor]]:
    """Blocks of the clips of several roles, float32 on the device, none wider than can be ranked.

    space: which renders them, by name. blocks: the task's. seed: of the order. report: told (clips done, of how many).
    tell: takes a line on each block that is reduced.
    Raises ContractError as `embedding.embed_together`, and for blocks that are not the task's.
    """
    generator = generators.load(space)
    levels = np.concatenate([one.levels for one in clips.values()])
    seeds = np.concatenate([one.seeds for one in clips.values()])
    total = FIRST + len(levels) + BATCH + min(AGAIN, len(levels)) + BATCH  # some are embedded once more

    def sound(rows: Tensor) -> Tensor:
        return generator.render(levels[rows.numpy()], seeds[rows.numpy()])

    listener = Listener(foreign, sound, generator.sample_rate, blocks, lambda done: report(min(done, total), total))
    rows = torch.arange(len(levels)).split([len(one.levels) for one in clips.values()])
    found = narrowed(embed_together(listener, dict(zip(clips, rows, strict=True)), seed, BATCH, WIDEST_HEARD), tell)
    return {role: {name: codes.to(device) for name, codes in one.items()} for role, one in found.items()}


def narrowed(found: dict[Role, dict[str, Tensor]], tell: Tell) -> dict[Role, dict[str, Tensor]]:
    """Blocks with none wider than `WIDEST`: wider ones as the principal components of the probe clips' codes.

    found: float32 [clip, dimension], by role and block. tell: takes a line on each block that is reduced.
    """
    narrow = {role: dict(blocks) for role, blocks in found.items()}
    for block, codes in found["probe"].items():
        if codes.shape[1] <= WIDEST:
            continue
        # By the covariance: exact, and the same at every call, which the solver for large arrays is not.
        components = PCA(min(WIDEST, len(codes)), svd_solver="covariance_eigh").fit(codes.double().numpy())
        share = components.explained_variance_ratio_.sum()
        tell(
            f"block '{block}' is {codes.shape[1]:,} wide; its first {components.n_components_} principal components, "
            f"with {share:.1%} of the variance of the probe clips' codes, are scored"
        )
        for role, blocks in found.items():
            narrow[role][block] = torch.from_numpy(components.transform(blocks[block].double().numpy())).float()
    return narrow
