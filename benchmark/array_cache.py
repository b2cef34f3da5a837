"""Arrays that took long to make, kept on disk: whole and verified or not used at all.

Their folders lie in `features/` of `generators.cache.folder()`, at most $DTONES_CACHE_GB gigabytes of them (10 unless
it is set; 0: nothing is kept); those that were not used for longest go first. Nothing in them is needed: deleting them
costs the time to make them again. A folder is written under another name and then renamed, and renamed before it is
removed: a reader sees all of it or nothing. What is read is mapped, so that all processes of a machine share its
memory; what another process removes lives on until the last that has it mapped ends.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from benchmark.array_files import META, Entry, Key, fill, name_of, opened, sync
from generators import cache

GB = 1_000_000_000
DEFAULT_GB = 10.0
TELL_AFTER_S = 3.0  # of waiting for another process
ABANDONED_S = 3_600  # no write takes an hour: a partial folder older than that was left by a crash

_NOT_WHOLE = (OSError, ValueError, KeyError)  # KeyError: written by another version of this code
Waiting = Callable[[], AbstractContextManager[Any]]


def folder_of(key: Key) -> Path:
    """Where the entry of a key lies; it need not exist."""
    return cache.folder() / "features" / name_of(key)


def most_bytes() -> float:
    """How much may be kept. Raises ValueError where DTONES_CACHE_GB is no number that can be meant."""
    given = os.environ.get("DTONES_CACHE_GB", "").strip()
    try:
        gigabytes = float(given or DEFAULT_GB)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise ValueError(f"DTONES_CACHE_GB is '{given}'; expected a number of gigabytes, 0 (keep nothing) or more")
    return gigabytes * GB


def read(key: Key) -> Entry | None:
    """The entry of a key, its arrays mapped, copied on write; None where there is none that is whole.

    Raises ValueError where DTONES_CACHE_GB makes no sense.
    """
    if not most_bytes():
        return None
    folder = folder_of(key)
    with suppress(*_NOT_WHOLE):
        entry = opened(folder, key)
        with suppress(OSError):  # a folder that can only be read
            os.utime(folder / META)  # used now
        return entry
    return None


def kept(key: Key, make: Callable[[], Entry], waiting: Waiting, spare: tuple[Key, ...] = ()) -> Entry:
    """The entry of a key: what another process has put there meanwhile, else made and put there.

    Of several processes one makes it and the others wait, inside `waiting`. spare: keys whose entries must stay. A
    damaged entry, and a folder that cannot be used, are told on stderr, in one line, and do not stop anything.
    Raises ValueError where DTONES_CACHE_GB makes no sense.
    """
    if not most_bytes():
        return make()
    folder = folder_of(key)
    with _locked(folder, waiting):
        try:
            return opened(folder, key)
        except _NOT_WHOLE as error:
            if folder.is_dir():
                cache.tell(f"{folder} is damaged ({error}); making it anew")
        made = make()
        _put(folder, key, made, {name_of(other) for other in spare})
    return read(key) or made


@contextmanager
def _locked(folder: Path, waiting: Waiting) -> Iterator[None]:
    """Be alone with an entry, where there can be a lock. Without one a second process makes the same, and no harm."""
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))  # freed by the system when a process ends, however it ends
    with suppress(OSError):  # where no file can be made: writing the entry meets the same, and tells it
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with waiting():
                _wait(lock)
        except NotImplementedError:
            cache.tell(f"{folder.parent} knows no locks; another process may make the same features at the same time")
    try:
        yield
    finally:
        lock.release()


def _wait(lock: FileLock) -> None:
    try:
        lock.acquire(timeout=TELL_AFTER_S)
    except Timeout:
        cache.tell("another process is making the same features; waiting for it")
        lock.acquire()


def _put(folder: Path, key: Key, entry: Entry, spare: set[str]) -> None:
    """Put an entry in its place in one step; whatever is there goes."""
    size, most = entry.n_bytes, most_bytes()
    if size > most:
        cache.tell(f"{size / 1e6:.3g} MB of features are not kept: DTONES_CACHE_GB allows {most / 1e6:.3g} MB in all")
        return
    partial = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            _remove(folder)
        _sweep(folder.parent)
        _make_room(folder.parent, most - size, spare)
        partial.mkdir()
        fill(partial, key, entry)
        partial.rename(folder)
        sync(folder.parent)
    except OSError as error:
        why = error.strerror or error
        cache.tell(f"cannot keep {size / 1e6:.3g} MB in {folder.parent} ({why}); set DTONES_CACHE to a folder that can")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what crashes left."""
    for path in [*root.glob("*.partial"), *root.glob("*.gone")]:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


def _make_room(root: Path, most: float, spare: set[str]) -> None:
    """Remove entries, those that were not used for longest first, until all take `most` bytes; those to spare stay."""
    entries = []
    for meta in root.glob(f"*/{META}"):
        with suppress(FileNotFoundError):  # another process has just removed it
            if "." not in meta.parent.name:  # neither half written nor half removed
                size = sum(file.stat().st_size for file in meta.parent.iterdir())
                entries.append((meta.stat().st_mtime, size, meta.parent))
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries):
        if total > most and folder.name not in spare:
            with suppress(FileNotFoundError):
                _remove(folder)
            total -= size


def _remove(folder: Path) -> None:
    gone = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}.gone")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
