"""Make an export, or one machine's share of it.

Which clips are in which file depends on the plan alone, and every file of clips is made by one machine, alone: so the
bytes are the same however many machines there are, and however often they were interrupted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from generators.dataset import disk, documents, files, interrupts, manifest
from generators.dataset import plan as plans
from generators.dataset.lines import UsageError, size_text
from generators.dataset.manifest import Entry
from generators.dataset.plan import Plan, Rows, Unit
from generators.dataset.progress import progress
from generators.dataset.work import PREFIX, Work, check_journal
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator

SHARD = "shard-{}-of-{}.json"


@dataclass(frozen=True)
class Export:
    """All that is needed to make one. versions: of what makes the files."""

    plan: Plan
    generator: Generator
    clips: dict[Role, Rows]
    versions: dict[str, str]

    @property
    def units(self) -> list[Unit]:
        """Everything that there is to make."""
        return plans.units_of(self.plan, self.clips)

    def rows(self, unit: Unit) -> Rows:
        """The clips of a unit."""
        return self.clips[unit.role].part(unit.start, unit.stop)


def export(wanted: Export, folder: Path, shard: tuple[int, int] = (1, 1)) -> str:
    """Make all files, or those of one shard, that are not there yet. Returns what was done, in one line.

    Raises UsageError where the folder holds something else or the disk is too small, OSError where it is not written.
    """
    with interrupts.held() as check:
        return _export(wanted, folder, shard, check)


def _export(wanted: Export, folder: Path, shard: tuple[int, int], check: interrupts.Check) -> str:
    work = Work(folder, wanted.plan, wanted.versions, shard)
    kept = _kept(folder, wanted) | _shared(folder, wanted, shard)
    fresh = not folder.exists()
    mine = plans.share_of(wanted.units, shard)
    if fresh and mine:
        _make_room(wanted, mine, folder)  # before there is even a folder
    with work.locked():
        done = kept | work.begin()
        todo = [unit for unit in mine if unit.name not in done]
        if todo and not fresh:
            _make_room(wanted, todo, folder)
        if kept and not todo and shard == (1, 1) and _complete(folder):
            work.end()
            return f"{folder} holds this export already, every file as it should be"
        done |= _made(wanted, folder, work, todo, check)
        if shard != (1, 1):
            _leave_share(wanted, folder, shard, {unit.name: done[unit.name] for unit in mine})
        else:
            documents.write(wanted, folder, [entry for unit in wanted.units for entry in done[unit.name]])
        work.end()
    clips = sum(unit.stop - unit.start for unit in mine)
    size = sum(entry.bytes for unit in mine for entry in done[unit.name])
    part = "" if shard == (1, 1) else f", shard {shard[0]} of {shard[1]}; `merge` them when all are there"
    return f"{clips:,} clips, {size:,} bytes in {folder}{part}"


def _made(
    wanted: Export, folder: Path, work: Work, todo: list[Unit], check: interrupts.Check
) -> dict[str, list[Entry]]:
    """Make units. A Ctrl-C is obeyed after a batch of clips."""
    found = {}
    with progress("exporting", sum(unit.stop - unit.start for unit in todo), "clips") as step:

        def stepped(more: int) -> None:
            step(more)
            check()

        for unit in todo:
            rows = wanted.rows(unit)
            made = files.write_unit(wanted.generator, wanted.plan, unit, rows, folder, work.partial, stepped)
            work.made(unit, made)
            found[unit.name] = made
    return found


def check_folder(folder: Path) -> None:
    """Raises UsageError where something is in a folder that is no export, whole or in parts. Needs no sound."""
    disk.check(folder, 0, "exporting")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose a folder for --out")
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    if names and not any(name == manifest.NAME or name.startswith((PREFIX, "shard-")) for name in names):
        raise UsageError(f"{folder} holds other files ({min(names)}); choose an empty folder for --out")


def _kept(folder: Path, wanted: Export) -> dict[str, list[Entry]]:
    """Units of a finished export of this plan that are whole. Raises UsageError where the folder holds another."""
    check_folder(folder)
    if not folder.exists():
        return {}
    if not (folder / manifest.NAME).is_file():
        _check_unfinished(folder, wanted)
        return {}
    there = manifest.read(folder)
    if there.plan != wanted.plan or there.made_by != wanted.versions:
        raise UsageError(
            f"{folder} holds another export, by `{there.command}`, or of other versions; choose another --out"
        )
    listed = {entry.path: entry for entry in there.files}
    kept = {}
    for unit in wanted.units:
        entries = [listed[path] for path in _paths(wanted, unit) if path in listed]
        if entries and all(manifest.wrong_with(folder, entry) is None for entry in entries):
            kept[unit.name] = entries
    return kept


def _check_unfinished(folder: Path, wanted: Export) -> None:
    """Raises UsageError where shards of another export lie in the folder, finished or not: files would be mixed."""
    for path in sorted(folder.glob("shard-*-of-*.json")):
        share = share_at(path)
        if (share["plan"], share["made_by"]) != (wanted.plan.model_dump(mode="json"), wanted.versions):
            raise UsageError(f"{folder} holds a shard of another export, or of other versions; choose another --out")
    for place in sorted(folder.glob(f"{PREFIX}*")):
        check_journal(place, wanted.plan, wanted.versions)


def _shared(folder: Path, wanted: Export, shard: tuple[int, int]) -> dict[str, list[Entry]]:
    """Units of this shard that were complete before and still are."""
    path = folder / SHARD.format(*shard)
    share = share_at(path) if path.is_file() else None
    if share is None or (share["plan"], share["made_by"]) != (wanted.plan.model_dump(mode="json"), wanted.versions):
        return {}
    units = {name: [Entry(**entry) for entry in entries] for name, entries in share["units"].items()}
    return {
        name: entries
        for name, entries in units.items()
        if all(manifest.wrong_with(folder, entry) is None for entry in entries)
    }


def _paths(wanted: Export, unit: Unit) -> list[str]:
    """The files of a unit, known without making it."""
    if wanted.plan.format == "parquet":
        return [f"data/{unit.name}.parquet"]
    from generators.dataset.rendering import clip_ids

    rows, found = wanted.rows(unit), []
    for clip_id in clip_ids(wanted.plan.space, rows):
        found.append(files.audio_path(clip_id, rows))
        if hasattr(wanted.generator, "midi"):
            found.append(files.midi_path(clip_id, rows))
    return found


def _complete(folder: Path) -> bool:
    return all(manifest.wrong_with(folder, entry) is None for entry in manifest.read(folder).files)


def _make_room(wanted: Export, todo: list[Unit], folder: Path) -> None:
    n_bytes = disk.need(wanted.generator, wanted.plan, [wanted.rows(unit) for unit in todo])
    clips = sum(unit.stop - unit.start for unit in todo)
    free = disk.free_at(folder)
    print(f"{clips:,} clips to make: about {size_text(n_bytes)} of {size_text(free)} free in {folder}", flush=True)
    disk.check(folder, n_bytes, f"exporting {clips:,} clips")


def _leave_share(wanted: Export, folder: Path, shard: tuple[int, int], units: dict[str, list[Entry]]) -> None:
    share = {
        "plan": wanted.plan.model_dump(mode="json"),
        "made_by": wanted.versions,
        "shard": list(shard),
        "units": {name: [entry.model_dump() for entry in entries] for name, entries in units.items()},
    }
    documents.written(folder, SHARD.format(*shard), (json.dumps(share, indent=1) + "\n").encode())


def share_at(path: Path) -> dict:
    """A shard's list of what it made. Raises UsageError where it is none."""
    try:
        share = json.loads(path.read_bytes())
        if not isinstance(share, dict) or not {"plan", "made_by", "shard", "units"} <= set(share):
            raise ValueError("it lacks a part")
    except ValueError as error:
        raise UsageError(f"{path} is no shard's list: {error}; export that shard again, into the same folder") from None
    return share
