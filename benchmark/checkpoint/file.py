"""The bytes of a checkpoint: a safetensors file whose metadata is text, and which knows whether it is whole.

Metadata: `format`, `identity` (of the run), `state` (JSON: what is no tensor) and `sha256`, of these and of all
tensors. There is no pickle in it, so that a file from anywhere can do no harm.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from benchmark.checkpoint.packing import CannotKeepError, Json, Named

FORMAT = "dtones checkpoint 1"  # what is written changes: count on
LONGEST = 50_000_000  # characters of JSON: safetensors reads no more than 100 MB of metadata


class UnusableError(Exception):
    """A file that is no checkpoint to go on from; the message says why."""


def encoded(identity: str, state: Json, named: Named) -> bytes:
    """The content of a file. Raises CannotKeepError where the JSON is too long to be read again."""
    text = json.dumps(state, allow_nan=False, separators=(",", ":"))
    if len(text) > LONGEST:
        raise CannotKeepError(f"JSON of {len(text) / 1e6:.0f} MB, from plain attributes that")
    metadata = {"format": FORMAT, "identity": identity, "state": text}
    return safetensors.torch.save(named, metadata | {"sha256": _digest(metadata, named)})


def decoded(content: bytes, identity: str) -> tuple[Json, Named]:
    """State and tensors. Raises UnusableError for a file that is damaged, of another format or of another run."""
    try:
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        named = safetensors.torch.load(content)
        written, digest = metadata["format"], metadata.pop("sha256")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise UnusableError(f"it is damaged, or no checkpoint ({type(error).__name__})") from error
    if digest != _digest(metadata, named):
        raise UnusableError("it is damaged: its content has another SHA-256 than was written")
    if written != FORMAT:
        raise UnusableError(f"its format is '{written}'; this version reads '{FORMAT}'")
    if metadata["identity"] != identity:
        raise UnusableError(f"it is of the run '{metadata['identity']}', not of '{identity}'")
    return json.loads(metadata["state"]), named


def table(rows: list[dict[str, float]]) -> tuple[list[str], Tensor]:
    """Names in the order that they have in every row, and float64 [row, name], NaN where a row has none of that name.

    A name that appears late stands behind the one before it in its row.
    """
    names: list[str] = []
    for row in rows:
        place = 0
        for name in row:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    values = [[row.get(name, math.nan) for name in names] for row in rows]
    return names, torch.tensor(values, dtype=torch.float64).reshape(len(rows), len(names))


def rows(names: list[str], table: Tensor) -> list[dict[str, float]]:
    """The rows of `table` again; `step` is a whole number."""
    return [
        {
            name: int(value) if name == "step" else value
            for name, value in zip(names, row, strict=True)
            if value == value
        }
        for row in table.tolist()
    ]


def _digest(metadata: dict[str, Any], named: Named) -> str:
    """SHA-256 of metadata, and of names, types, shapes and bytes of the tensors."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(named):
        tensor = named[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
