"""Where files lie: in a folder of this machine, or at any address that fsspec knows (`s3://...`, `gs://...`).

Both are paths: `pathlib.Path` here, `upath.UPath` elsewhere. Object stores put an object whole or not at all; on a disk
the same is had by another name first, then a rename.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from upath import UPath

Place = Path | UPath


def place(address: str | Place) -> Place:
    """The path of an address. Raises ValueError for a protocol that fsspec does not know, or that lacks its library."""
    if not isinstance(address, str):
        return address
    text = address
    if "://" not in text or text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    try:
        return UPath(text)
    except (ValueError, ImportError) as error:
        raise ValueError(f"no place '{text}': {error}") from error


def is_local(path: Place) -> bool:
    """Whether a path is in a folder of this machine, where files can be locked, mapped and renamed."""
    return isinstance(path, Path)


def write_whole(path: Place, content: bytes | str) -> None:
    """Write a file whole or not at all: a reader never sees half, a failure leaves nothing behind. Raises OSError.

    content: text is written as UTF-8.
    """
    content = content.encode() if isinstance(content, str) else content
    if not isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)  # most stores have no folders; those that have need them
        path.fs.pipe_file(path.path, content)
        return
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
