"""A folder of arrays: a .npy file each, and `meta.json` with what decides them and a SHA-256 of each and of itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Key = Mapping[str, Any]  # whatever decides the arrays; JSON
META = "meta.json"


@dataclass(frozen=True)
class Entry:
    """What is kept under one key. arrays: by name, without empty ones. numbers: come back to the last digit."""

    arrays: Mapping[str, NDArray[Any]]
    numbers: Mapping[str, float]

    @property
    def n_bytes(self) -> int:
        """Size of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


def name_of(key: Key) -> str:
    """The name of a key's folder: 32 hexadecimal digits."""
    return _sha256(key)[:32]


def opened(folder: Path, key: Key) -> Entry:
    """The entry in a folder, its arrays mapped, copied on write.

    Everything is hashed, each time: a tenth of a second for all clips of `quick`, of memory that is then mapped.
    Raises OSError where it cannot be read, ValueError, saying why, where it is not whole.
    """
    meta = json.loads((folder / META).read_text("utf-8"))
    if not isinstance(meta, dict) or meta.get("sha256") != _sha256(meta.get("entry")):
        raise ValueError(f"{META} is not what was written")
    entry = meta["entry"]
    if _text(entry["key"]) != _text(key):
        raise ValueError(f"{META} is of another key")
    arrays = {}
    for name, described in entry["files"].items():
        file = folder / f"{name}.npy"
        with file.open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != described["sha256"]:
                raise ValueError(f"{file.name} is not what was written")
        arrays[name] = np.load(file, mmap_mode="c", allow_pickle=False)
    return Entry(arrays, entry["numbers"])


def fill(folder: Path, key: Key, entry: Entry) -> None:
    """Write an entry into an empty folder, down to the disk; `meta.json` last. Raises OSError."""
    files = {}
    for name, array in entry.arrays.items():
        with (folder / f"{name}.npy").open("xb") as file:
            hashing = _Hashing(file.write)
            np.lib.format.write_array(hashing, np.ascontiguousarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        files[name] = {"shape": array.shape, "dtype": str(array.dtype), "sha256": hashing.digest.hexdigest()}
    described = {"key": key, "numbers": entry.numbers, "files": files}
    with (folder / META).open("x", encoding="utf-8") as meta:
        json.dump({"sha256": _sha256(described), "entry": described}, meta, indent=1)
        meta.flush()
        os.fsync(meta.fileno())
    sync(folder)


def sync(folder: Path) -> None:
    """Have the names in a folder on disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


class _Hashing:
    """A file to be written to that hashes what passes."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self.digest = hashlib.sha256()
        self._write = write

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return self._write(content)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _sha256(value: Any) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()
