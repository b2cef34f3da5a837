"""Samples that took long to make, kept on disk: one file each, whole and verified or not used at all.

The folder is $DTONES_CACHE, else $XDG_CACHE_HOME/dtones, else ~/.cache/dtones. Nothing in it is needed: deleting it
costs the time to make it again. A file holds the samples and, after them, their SHA-256, so that one which a crash cut
short, or which was damaged later, is known and made anew. A file is written under another name in the same folder and
then renamed: a reader sees all of it or nothing, and of two processes that write at once the later one wins, with the
same samples.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_DIGEST_BYTES = hashlib.sha256().digest_size
_ABANDONED_S = 3_600  # no write takes an hour: a partial file older than that was left by a crash


def folder() -> Path:
    """Where files are kept; it need not exist."""
    if own := os.environ.get("DTONES_CACHE"):
        return Path(own).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "dtones"  # XDG: a relative path is void


def samples_of(key: str, length: int, make: Callable[[], Samples]) -> tuple[Samples, str]:
    """Samples from the cache, or made and put there.

    key: the file's name; whatever the samples depend on must be in it. length: how many samples there must be.
    make: gives them, int16 [length]. Returns int16 [length] and their SHA-256, as little-endian, in hexadecimal.
    A damaged file and a folder that cannot be used are told on stderr, in one line, and do not stop anything.
    """
    path = folder() / f"{key}.int16"
    found = _read(path, length)
    if found is None:
        samples = make()
        if samples.shape != (length,) or samples.dtype != np.int16:
            raise ValueError(f"the cache keeps int16 [{length}]; got {samples.dtype} {list(samples.shape)}")
        found = samples, _sha256(samples)
        _write(path, *found)
    return found


def _sha256(samples: Samples) -> str:
    return hashlib.sha256(samples.astype("<i2", copy=False).data).hexdigest()


def _read(path: Path, length: int) -> tuple[Samples, str] | None:
    """The samples of a file and their digest; None where there is no file, or none that is whole."""
    try:
        content = np.fromfile(path, "<i2")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        tell(f"cannot read {path} ({error.strerror}); making its sound anew")
        return None
    samples, digest = content[:length].astype(np.int16, copy=False), content[length:].tobytes()
    if len(samples) != length or digest.hex() != (name := _sha256(samples)):
        tell(f"{path} is damaged; making it anew")
        return None
    return samples, name


def _write(path: Path, samples: Samples, digest: str) -> None:
    """Put a file in its place in one step."""
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
        with partial.open("xb") as file:
            samples.astype("<i2", copy=False).tofile(file)
            file.write(bytes.fromhex(digest))
        os.replace(partial, path)
    except OSError as error:
        size = (samples.nbytes + _DIGEST_BYTES) / 1e6
        tell(f"cannot keep {size:.3g} MB in {path.parent} ({error.strerror}); set DTONES_CACHE to a folder that can")
        if partial is not None:
            partial.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what crashes left of this file."""
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        with suppress(FileNotFoundError):  # its writer was alive, and has renamed it since
            if time.time() - partial.stat().st_mtime > _ABANDONED_S:
                partial.unlink()


def tell(line: str) -> None:
    """Say on stderr, in one line, what does not stop anything."""
    print(f"note: {line}", file=sys.stderr)
