"""An export's files with their sizes and hashes, and what they are of. What comes from elsewhere is checked.

A manifest may come from a server that means harm: a path that leaves the folder, that a file system may read in two
ways, or that comes twice is refused before anything is written.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from generators.dataset.lines import UsageError
from generators.dataset.plan import Plan

NAME = "manifest.json"
LARGEST = 64 << 20  # bytes of a manifest: half a million files
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]*")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows takes these for no files


class Entry(BaseModel):
    """One file. path: below the folder, with `/`. bytes: its size. sha256: in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: str
    bytes: int = Field(ge=0, lt=1 << 50, strict=True)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _plain(cls, path: str) -> str:
        parts = path.split("/")
        if len(path) > 300 or not all(_PART.fullmatch(part) and not part.endswith(".") for part in parts):
            raise ValueError(f"'{path[:100]}' is no plain path below the folder")
        if any(_DEVICES.fullmatch(part) for part in parts) or path.lower() == NAME:
            raise ValueError(f"'{path[:100]}' is a reserved name")
        return path


class Manifest(BaseModel):
    """An export. bytes: of all files together. clips: by role. made_by: versions of what can change a file's bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    manifest: Literal[1] = 1
    name: str
    plan: Plan
    command: str
    made_by: dict[str, str]
    licence: str
    clips: dict[str, int]
    bytes: int = Field(ge=0, strict=True)
    files: tuple[Entry, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        seen: set[str] = set()
        for entry in self.files:
            if entry.path.lower() in seen:  # some file systems know no capitals
                raise ValueError(f"'{entry.path}' comes twice")
            seen.add(entry.path.lower())
        folders = {"/".join(path.split("/")[:depth]) for path in seen for depth in range(1, path.count("/") + 1)}
        if both := folders & seen:
            raise ValueError(f"'{min(both)}' is both a file and a folder")
        if (total := sum(entry.bytes for entry in self.files)) != self.bytes:
            raise ValueError(f"its files are {total} bytes together, it says {self.bytes}")
        return self

    def text(self) -> str:
        """As it is stored."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def parse(content: bytes, source: str) -> Manifest:
    """A manifest from elsewhere. Raises UsageError naming the source and what is wrong."""
    advice = "nothing was written; ask whoever publishes it for a sound one"
    if len(content) > LARGEST:
        raise UsageError(f"the manifest {source} is larger than {LARGEST >> 20} MiB; {advice}")
    try:
        return Manifest.model_validate(json.loads(content, object_pairs_hook=_once))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"the manifest {source} is refused: {place} {first['msg']}; {advice}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UsageError(
            f"{source} is no manifest: it is no JSON; nothing was written; give the address of a {NAME}, or ask "
            "whoever publishes it for a sound one"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is no manifest: {error}; {advice}") from None


def read(folder: Path) -> Manifest:
    """The manifest of an export. Raises UsageError where there is none or it is refused."""
    path = folder / NAME
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        if shards := sorted(folder.glob("shard-*-of-*.json")):
            raise UsageError(
                f"{folder} is {shards[0].stem.replace('-', ' ')} of an export: python -m generators.dataset merge puts "
                "them together"
            ) from None
        if any(folder.glob(".unfinished*")):
            raise UsageError(f"{folder} is unfinished: the command that began it goes on where it was") from None
        raise UsageError(
            f"no export in {folder}: it has no {NAME}; python -m generators.dataset export makes one"
        ) from None
    except (NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong_with(folder: Path, entry: Entry) -> str | None:
    """What is wrong with a file, in a few words; None where it is as it should be. A link is no file."""
    path = folder / entry.path
    if any(parent.is_symlink() for parent in (path, *path.parents) if folder in parent.parents):
        return "it is a link"
    if not path.is_file():
        return "it is missing"
    if (size := path.stat().st_size) != entry.bytes:
        return f"it is {size} bytes, not {entry.bytes}"
    return None if hash_file(path) == entry.sha256 else "its SHA-256 is not the manifest's"


def entry_of(path: str, content: bytes) -> Entry:
    """The entry of a file by its content."""
    return Entry(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice in one object")
    return found
