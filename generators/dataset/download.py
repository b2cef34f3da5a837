"""Fetch an export by its manifest's address: what is good stays, what is cut goes on, nothing bad is named."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from urllib.parse import quote, urljoin

from filelock import FileLock, Timeout

from generators.dataset import disk, manifest, registry
from generators.dataset.lines import UsageError
from generators.dataset.manifest import Entry, Manifest
from generators.dataset.progress import progress
from generators.dataset.transfer import Patience, Transfer, fetch_small

UNFINISHED = ".unfinished-download"


def download(name_or_url: str, out: Path | None = None, at_once: int = 4, patience: Patience | None = None) -> str:
    """Fetch a published set, or any by its manifest's address. out: where to; by default a folder of the set's name.

    Returns what was done, in one line. Raises UsageError for a name or a manifest that is none and for a folder that
    holds something else, FailedError naming the file that could not be had, OSError where the disk refuses.
    """
    patience = patience or Patience()
    address, digest = registry.address_of(name_or_url)
    content = fetch_small(address, manifest.LARGEST, patience)
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise UsageError(
            f"{address} is not the manifest that this dTones knows as '{name_or_url}'; update dTones, or tell us"
        )
    there = manifest.parse(content, address)
    folder = Path(there.name if out is None else out).expanduser()
    if out is None and (not there.name or there.name != Path(there.name).name or there.name.startswith(".")):
        raise UsageError(
            f"the manifest {address} names its set '{there.name[:100]}', which is no folder's name; give --out"
        )
    _check_folder(folder, content)
    missing = [entry for entry in there.files if manifest.wrong_with(folder, entry) is not None]
    _check_links(folder, missing)
    disk.check(folder, sum(entry.bytes for entry in missing), f"downloading {len(missing):,} files")
    work = folder / UNFINISHED
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(f"another process downloads to {folder}; wait for it or choose another --out") from None
    try:
        (work / manifest.NAME).write_bytes(content)
        _fetch(address, there, missing, folder, at_once, patience)
        os.replace(work / manifest.NAME, folder / manifest.NAME)
    finally:
        lock.release()
    shutil.rmtree(work)
    kept = len(there.files) - len(missing)
    return (
        f"{folder}: {len(missing):,} files fetched, {kept:,} were there, {there.bytes:,} bytes, every SHA-256 as listed"
        f"; python -m generators.dataset verify {folder} renders a sample again"
    )


def _fetch(address: str, there: Manifest, missing: list[Entry], folder: Path, at_once: int, patience: Patience) -> None:
    """Fetch files, several at once; the first that cannot be had stops the others. Raises FailedError, OSError."""
    stop = threading.Event()
    with progress("downloading", max(1, sum(entry.bytes for entry in missing)), "MB", 1e6) as step:

        def one(entry: Entry) -> None:
            part = folder / UNFINISHED / f"{entry.sha256}.part"
            Transfer(urljoin(address, quote(entry.path)), entry, part, patience, step, stop).run()
            if not stop.is_set():
                _named(part, folder, entry)

        with ThreadPoolExecutor(at_once) as pool:
            try:
                # of files with the same content one at a time: they share what has come
                first = {entry.sha256: entry for entry in missing}
                futures = [pool.submit(one, entry) for entry in first.values()]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for entry in missing:
            if first[entry.sha256] is not entry:
                one(entry)


def _named(part: Path, folder: Path, entry: Entry) -> None:
    """Give a file its name: it is whole, and its hash was checked."""
    path = folder / entry.path
    _check_links(folder, [entry])
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, path)  # not synced: what a power loss spoils has a wrong hash, and is fetched again


def _check_folder(folder: Path, content: bytes) -> None:
    """Raises UsageError where a folder holds anything but this set, or what is there of it."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; choose another --out")
    for path in (folder / manifest.NAME, folder / UNFINISHED / manifest.NAME):
        if path.is_file() and path.read_bytes() != content:
            raise UsageError(f"{folder} holds another set, or another version of this one; choose another --out")
    names = [path.name for path in folder.iterdir()]
    if names and manifest.NAME not in names and UNFINISHED not in names:
        raise UsageError(f"{folder} holds other files ({min(names)}); choose an empty folder for --out")


def _check_links(folder: Path, entries: list[Entry]) -> None:
    """Raises UsageError where a path below the folder leads through a link: nothing is written elsewhere."""
    for entry in entries:
        path = folder / entry.path
        for part in (path, *path.parents):
            if part == folder:
                break
            if part.is_symlink():
                raise UsageError(
                    f"{part} is a link; nothing is written through links: remove it, or choose another --out"
                )
    if (folder / UNFINISHED).is_symlink():
        raise UsageError(f"{folder / UNFINISHED} is a link; nothing is written through links: remove it")
