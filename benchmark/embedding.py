"""The blocks of many clips, and whether they are what a method promises to return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmark.metrics.table import WIDEST
from benchmark.train import ContractError
from generators.splits import Role

BATCH = 2_048
AGAIN = 256  # clips that are embedded once more, in other company
# Products of other sizes end in other digits, which rounding to steps can turn into a step: so few clips may differ by
# more than this, relative to the spread of their block.
APART, FEW = 1e-3, 0.02


class Embeds(Protocol):
    """What has codes for inputs: a method, or an encoder of somebody else's. Errors call it by its `name`, or class."""

    blocks: tuple[str, ...]

    def embed(self, inputs: Tensor) -> Any:
        """Codes of some clips, {block: [clip, dimension]}."""
        ...


def embed_together(
    method: Embeds, inputs: Mapping[Role, Tensor], seed: int, batch: int | None = None, widest: int = WIDEST
) -> dict[Role, dict[str, Tensor]]:
    """Blocks of the clips of several roles, embedded in one random order: a method cannot tell one role from another.

    inputs: standardised features [clip, frame, mel] of each role, or what else is embedded row by row. seed: of the
    order. batch: rows at once; None: `BATCH`. widest: that a block may be.
    Raises ContractError as `embed`, and where clips get other codes in other company.
    """
    features, sizes = torch.cat(list(inputs.values())), [len(one) for one in inputs.values()]
    draws = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(features), generator=draws).to(features.device)
    shuffled = embed(method, features[order], batch, widest)
    blocks = {block: torch.empty_like(codes).index_copy_(0, order, codes) for block, codes in shuffled.items()}
    _check_company(method, features, blocks, torch.randperm(len(features), generator=draws)[:AGAIN], batch, widest)
    parts = {block: codes.split(sizes) for block, codes in blocks.items()}
    return {role: {block: parts[block][place] for block in blocks} for place, role in enumerate(inputs)}


def _check_company(
    method: Embeds, features: Tensor, blocks: dict[str, Tensor], rows: Tensor, batch: int | None, widest: int
) -> None:
    rows = rows.to(features.device)
    for block, again in embed(method, features[rows], batch, widest).items():
        spread = blocks[block].std(dim=0, correction=0).norm()
        apart = (again - blocks[block][rows]).norm(dim=1) > APART * spread
        if apart.sum() > FEW * len(rows):
            raise ContractError(
                f"{_called(method)}.embed: block '{block}', row {int(rows[apart][0])}: its code depends on the "
                "clips that are embedded with it, or before it; in eval mode it must depend on the clip alone"
            )


def embed(method: Embeds, inputs: Tensor, batch: int | None = None, widest: int = WIDEST) -> dict[str, Tensor]:
    """Blocks of every clip, float32 [clip, dimension], in the order of the method's blocks.

    inputs: standardised features [clip, frame, mel], at least one clip. batch: clips at once; None: `BATCH`.
    widest: that a block may be.
    Raises ContractError, naming method, block and row, where a block is missing, no tensor of real numbers, of a wrong
    shape or width, not finite, or where the first clips, embedded twice, are not bit for bit the same.
    """
    name, batch = _called(method), batch or BATCH
    batches = inputs.split(batch)
    starts = range(0, len(inputs), batch)
    parts = [_checked(method, part, first, widest) for part, first in zip(batches, starts, strict=True)]
    again = _checked(method, batches[0], 0, widest)
    for block, codes in again.items():
        if codes.shape != parts[0][block].shape:
            raise ContractError(
                f"{name}.embed: block '{block}' is {list(codes.shape)} and was {list(parts[0][block].shape)} for the "
                "same clips; in eval mode the same clips must get the same codes"
            )
        changed = (codes != parts[0][block]).any(dim=1).nonzero()
        if len(changed):
            raise ContractError(
                f"{name}.embed: block '{block}', row {int(changed[0])}: its codes change from call to call; in eval "
                "mode nothing may be drawn at random"
            )
    for block in method.blocks:
        widths = sorted({part[block].shape[1] for part in parts})
        if len(widths) > 1:
            raise ContractError(f"{name}.embed: block '{block}' is {widths} wide, by batch; expected one width")
    return {block: torch.cat([part[block] for part in parts]) for block in method.blocks}


def _checked(method: Embeds, batch: Tensor, first: int, widest: int) -> dict[str, Tensor]:
    """Blocks of one batch, float32. first: the row of its first clip."""
    returned, name, expected = method.embed(batch), _called(method), set(method.blocks)
    if not isinstance(returned, dict):
        raise ContractError(f"{name}.embed must return a dictionary of blocks; it returned {_kind(returned)}")
    if set(returned) != expected:
        raise ContractError(
            f"{name}.embed must return the blocks {sorted(expected)}; it returned {sorted(map(str, returned))}"
        )
    return {
        block: _codes(returned[block], f"{name}.embed: block '{block}'", len(batch), first, widest)
        for block in returned
    }


def _codes(codes: object, where: str, n_clips: int, first: int, widest: int) -> Tensor:
    """The codes of one block of one batch, if they are finite real numbers [n_clips, d], d at most `widest`."""
    if not isinstance(codes, Tensor):
        raise ContractError(f"{where}, row {first}: expected a tensor [{n_clips}, dimension]; got {_kind(codes)}")
    if codes.is_complex() or codes.layout != torch.strided:
        raise ContractError(f"{where}, row {first}: expected dense real numbers; got {codes.dtype}, {codes.layout}")
    if codes.ndim != 2:
        raise ContractError(f"{where}, row {first}: must be [{n_clips}, dimension]; got {list(codes.shape)}")
    if len(codes) != n_clips:
        raise ContractError(
            f"{where} must be [{n_clips}, dimension]; got {list(codes.shape)}, so row "
            f"{first + min(len(codes), n_clips)} has no partner"
        )
    if codes.shape[1] > widest:
        what = "ranked" if widest == WIDEST else "taken"
        raise ContractError(f"{where} is {codes.shape[1]} wide; at most {widest:,} can be {what}: project it in embed")
    single = codes.float()
    bad = (~torch.isfinite(single)).any(dim=1).nonzero()
    if len(bad):
        # What a wider type held may be too large for float32, in which everybody is scored.
        raise ContractError(
            f"{where}, row {first + int(bad[0])}: holds NaN or infinity, in float32; embed must return finite numbers"
        )
    return single


def _called(method: Embeds) -> str:
    return str(getattr(method, "name", type(method).__name__))


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
