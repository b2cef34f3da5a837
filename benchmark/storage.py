"""Where files lie: in a folder of this machine, or at any address that fsspec knows (`s3://...`, `gs://...`).

Both are paths: `pathlib.Path` here, `upath.UPath` elsewhere. Object stores put an object whole or not at all; on a
disk, here or on a server, the same is had by another name first, then a rename.
"""

from __future__ import annotations

import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

from upath import UPath

ATTEMPTS, PAUSE_S = 5, 0.05  # at a folder that others are making

Place = Path | UPath
# Where a put is all or nothing, and a rename would be a copy. An address of another kind is taken for a disk's.
OBJECT_STORES = {"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}


def place(address: str | Place) -> Place:
    """The path of an address.

    Raises ValueError, in one line, for a protocol that fsspec does not know or that lacks its library (which it names),
    and for a server that does not answer.
    """
    if not isinstance(address, str):
        return address
    text = address
    if "://" not in text or text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    if not text.endswith("://"):
        text = text.rstrip("/")  # else the folder beside it would be one in it
    try:
        # No listings are kept: what another machine has put there since must be seen.
        path = UPath(text, use_listings_cache=False)
        _ = path.fs
    except (ValueError, ImportError) as error:
        raise ValueError(f"no place '{text}': {' '.join(str(error).split())}") from None
    except Exception as error:  # of the libraries each raises its own
        raise ValueError(f"cannot reach '{text}': {_said(error)}") from None
    return path


def reachable(path: Place) -> Place:
    """The path, if it can be asked for: whoever has no right to a store, or no way there, is told before all else.

    Raises ValueError, in one line.
    """
    if not isinstance(path, Path):
        try:
            path.exists()
        except Exception as error:  # of the libraries each raises its own
            raise ValueError(f"cannot reach '{path}': {_said(error)}") from None
    return path


def is_local(path: Place) -> bool:
    """Whether a path is in a folder of this machine, where files can be locked, mapped and renamed."""
    return isinstance(path, Path)


def write_whole(path: Place, content: bytes | str) -> None:
    """Write a file whole or not at all: a reader never sees half, a failure leaves nothing behind. Raises OSError.

    content: text is written as UTF-8. At an address, folders are made where they are needed.
    """
    content = content.encode() if isinstance(content, str) else content
    if not isinstance(path, Path):
        _put(path, content)
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


def _put(path: UPath, content: bytes) -> None:
    """Put a file at an address. Raises OSError, whatever the library raised."""
    try:
        if path.protocol in OBJECT_STORES:
            path.fs.pipe_file(path.path, content)
            return
        _make_folder(path.parent)
        temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
        try:
            path.fs.pipe_file(temporary.path, content)
            path.fs.mv(temporary.path, path.path)
        except BaseException:
            with suppress(Exception):  # it may never have come to be
                path.fs.rm_file(temporary.path)
            raise
    except OSError:
        raise
    except Exception as error:  # of the libraries each raises its own
        raise OSError(_said(error)) from error


def _make_folder(folder: UPath) -> None:
    """Make a folder and those above it, which another machine may be making too: one it was faster with is refused."""
    for attempt in reversed(range(ATTEMPTS)):
        try:
            folder.fs.makedirs(folder.path, exist_ok=True)
            return
        except Exception:
            if folder.is_dir():
                return
            if not attempt:
                raise
            time.sleep(PAUSE_S)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
