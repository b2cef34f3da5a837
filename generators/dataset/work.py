"""An export that is not finished: what it is of and what of it is made, so that a killed one goes on where it was.

All of it lies in a hidden folder beside the files, which goes when the export is whole. A file is written in there and
gets its name when it is complete; a line of the journal, on disk, says its size and hash. What has a name but no line,
or another hash, is made anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from generators.dataset import manifest
from generators.dataset.lines import UsageError
from generators.dataset.manifest import Entry
from generators.dataset.plan import Plan, Unit, digest_of

PREFIX = ".unfinished"


class Work:
    """The journal of one machine's part of an export."""

    def __init__(self, folder: Path, plan: Plan, versions: dict[str, str], shard: tuple[int, int]) -> None:
        self.folder, self.plan, self.versions, self.shard = folder, plan, versions, shard
        self.place = folder / (PREFIX if shard == (1, 1) else f"{PREFIX}-{shard[0]}-of-{shard[1]}")
        self.partial = self.place / "partial"
        self._journal = self.place / "journal"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in this folder. Raises UsageError where another process exports the same there."""
        self.place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.place / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UsageError(f"another process exports to {self.folder}; wait for it or choose another --out") from None
        try:
            yield
        finally:
            lock.release()

    def begin(self) -> dict[str, list[Entry]]:
        """What is made already, by unit: files whose size and hash are as the journal has them.

        Raises UsageError where the folder holds an export of something else.
        """
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir()
        head = check_journal(self.place, self.plan, self.versions)
        lines = self._lines()
        if not lines:
            self._journal.write_text(json.dumps(head) + "\n")
        recorded = {line["unit"]: [Entry(**entry) for entry in line["files"]] for line in lines[1:]}
        return {unit: files for unit, files in recorded.items() if self.sound(files)}

    def sound(self, files: list[Entry]) -> bool:
        """Whether all these files are there, and are what they should be."""
        return all(manifest.wrong_with(self.folder, entry) is None for entry in files)

    def made(self, unit: Unit, files: list[Entry]) -> None:
        """Note that a unit is complete."""
        line = json.dumps({"unit": unit.name, "files": [entry.model_dump() for entry in files]})
        with self._journal.open("a") as journal:
            journal.write(line + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def end(self) -> None:
        """Nothing is unfinished any more."""
        shutil.rmtree(self.place)

    def _lines(self) -> list[dict[str, Any]]:
        """The journal; a line that a crash cut short ends it."""
        if not self._journal.is_file():
            return []
        content = self._journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self._journal.open("r+b") as journal:
                journal.truncate(len(whole))
        return [json.loads(line) for line in whole.splitlines()]


def check_journal(place: Path, plan: Plan, versions: dict[str, str]) -> dict[str, str]:
    """The first line of a journal of this plan by these versions.

    Raises UsageError where the journal in `place`, a hidden folder of an unfinished export, begins with another.
    """
    head = {"digest": digest_of(plan, versions), "command": plan.command}
    path = place / "journal"
    first, whole, _ = (path.read_bytes() if path.is_file() else b"").partition(b"\n")
    if whole and (there := json.loads(first)).get("digest") != head["digest"]:
        raise UsageError(
            f"{place.parent} holds an unfinished export by `{there.get('command')}`, of these or other versions; "
            f"finish that, or remove {place}, or choose another --out"
        )
    return head
