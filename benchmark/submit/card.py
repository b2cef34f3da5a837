"""The card of a submission: who made it, where it is described, under which licence, and what it saw in training."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.results import Name, NonNegativeInt, TaskName, wrong
from benchmark.storage import write_whole
from benchmark.strangers import content, parsed

FOLDER = "submissions"  # in the folder of the results: a folder for each method
# Any letters, for names have them; no control characters, none that hide or turn text, none of Markdown's or HTML's.
Said = Annotated[
    str,
    Field(
        min_length=2,
        max_length=1_000,
        pattern=r"^[^\x00-\x1f\x7f-\x9f<>|`\\\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+$",
    ),
]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*\.py$", max_length=200)]
BY_THE_SUITE = "training clips of the benchmark, by its own loop"


class Card(BaseModel):
    """What goes with the results of a submission.

    shape: `method`, trained by the suite, or `encoder`, trained by somebody else. plugin: the name of its file, a copy
    of which lies beside the card; plugin_sha256: of that. trained_on: what it saw in training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    method: Annotated[Name, Field(max_length=100)]
    shape: Literal["method", "encoder"]
    authors: Annotated[list[Said], Field(min_length=1, max_length=100)]
    reference: Said
    licence: Said
    trained_on: Said
    plugin: FileName
    plugin_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    benchmark_version: Name
    preset: Name
    tasks: Annotated[list[TaskName], Field(min_length=1, max_length=100)]
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1, max_length=1_000)]


def place_of(root: Path, method: str) -> Path:
    """The folder of a submission's card and source, below the folder of the results."""
    return root / FOLDER / method


def write(card: Card, source: Path, root: Path) -> list[Path]:
    """Write a card and the copy of the plugin's file beside it. Returns both files. Raises OSError."""
    folder = place_of(root, card.method)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "card.json", json.dumps(card.model_dump(), indent=2, ensure_ascii=False) + "\n")
    write_whole(folder / card.plugin, source.read_bytes())
    return [folder / "card.json", folder / card.plugin]


def read(file: Path) -> Card:
    """A card that may come from anywhere. Raises ValueError, in one line that names file and field."""
    text = content(file)
    try:
        card = Card.model_validate(parsed(text))
    except ValidationError as error:
        raise ValueError(f"{file}: {wrong(error)}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if card.method != file.parent.name:
        raise ValueError(f"{file}: method: it is '{card.method}', and the folder is '{file.parent.name}'")
    return card


def sha256(file: Path) -> str:
    """Of a file, hexadecimal. Raises ValueError for one that is too large, or no regular file."""
    return hashlib.sha256(content(file)).hexdigest()
