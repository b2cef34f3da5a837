"""Put shares of an export that several machines made together: the same bytes as one machine's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from generators.dataset import disk, documents, manifest
from generators.dataset import plan as plans
from generators.dataset.export import Export, share_at
from generators.dataset.lines import UsageError
from generators.dataset.manifest import Entry
from generators.dataset.plan import Plan
from generators.dataset.progress import progress


def merge(folders: list[Path], folder: Path) -> str:
    """Put the shards of an export together: check every file, copy what lies elsewhere, write what goes beside.

    Returns what was done, in one line. Raises UsageError where shards are missing or of different exports, or a file is
    not what its machine made.
    """
    shares = [(path.parent, share_at(path)) for place in folders for path in sorted(place.glob("shard-*-of-*.json"))]
    if not shares:
        raise UsageError(f"no shard in {', '.join(map(str, folders))}; export --shard i/n makes them")
    first = shares[0][1]
    for place, share in shares:
        for what in ("plan", "made_by"):
            if share[what] != first[what]:
                raise UsageError(f"the shards in {shares[0][0]} and {place} differ in {what}; export one of them anew")
    plan = Plan.model_validate(first["plan"])
    found = {name: (place, entries) for place, share in shares for name, entries in share["units"].items()}
    units = plans.units_of(plan, plans.clips_of(plan))
    if missing := [unit.name for unit in units if unit.name not in found]:
        there = ", ".join(sorted({f"{share['shard'][0]}/{share['shard'][1]}" for _, share in shares}))
        no_shards = [str(place) for place in folders if not any(place.glob("shard-*-of-*.json"))]
        also = f", and no shard in {', '.join(no_shards)}" if no_shards else ""
        raise UsageError(
            f"{len(missing)} of {len(units)} files are in no shard ({missing[0]} first); there are {there}{also}; "
            "give the folders of the others too"
        )
    _kept_by_merge(folder, folders, plan, first["made_by"])
    ordered: list[tuple[Path, Entry]] = []
    for unit in units:
        place, entries = found[unit.name]
        ordered += [(place, manifest.Entry(**entry)) for entry in entries]
    away = [(place, entry) for place, entry in ordered if place.resolve() != folder.resolve()]
    disk.check(folder, sum(entry.bytes for _, entry in away), "merging")
    with progress("merging", sum(entry.bytes for _, entry in ordered), "MB", 1e6) as step:
        for place, entry in ordered:
            if wrong := manifest.wrong_with(place, entry):
                raise UsageError(f"{place / entry.path}: {wrong}; export that shard again, into the same folder")
            if place.resolve() != folder.resolve():
                _copy(place, folder, entry)
            step(entry.bytes)
    generator = plans.sound(plan)  # to describe the space by: which soundfont makes no difference
    wanted = Export(plan, generator, plans.clips_of(plan), first["made_by"])
    documents.write(wanted, folder, [entry for _, entry in ordered])
    for path in folder.glob("shard-*-of-*.json"):
        path.unlink()
    return f"{len(units)} files of {len(shares)} shards are one export in {folder}, every hash as its machine told"


def _kept_by_merge(folder: Path, folders: list[Path], plan: Plan, versions: dict[str, str]) -> None:
    """Raises UsageError where what is in the folder that merged files go to is neither a shard nor this export."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose a folder for --out")
    if not folder.exists() or not any(folder.iterdir()) or folder.resolve() in [place.resolve() for place in folders]:
        return
    if (folder / manifest.NAME).is_file():
        there = manifest.read(folder)
        if there.plan == plan and there.made_by == versions:
            return
        raise UsageError(f"{folder} holds another export, by `{there.command}`; choose another --out")
    raise UsageError(f"{folder} holds other files; choose an empty folder for --out")


def _copy(place: Path, folder: Path, entry: Entry) -> None:
    if manifest.wrong_with(folder, entry) is None:
        return
    path = folder / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        shutil.copyfile(place / entry.path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
