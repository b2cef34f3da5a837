"""What goes beside the clips of an export: card, citation, Croissant metadata, a table; the manifest last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from generators.dataset import card, citation, croissant, files, licences, manifest
from generators.dataset.manifest import Entry, Manifest
from generators.dataset.soundfonts import NOTICE

if TYPE_CHECKING:
    from generators.dataset.export import Export


def write(wanted: Export, folder: Path, made: list[Entry]) -> None:
    """Write what goes beside the clips, the manifest last."""
    plan, generator, clips = wanted.plan, wanted.generator, wanted.clips
    entries = list(made)
    if plan.format == "wav":
        scored = hasattr(generator, "midi")
        table = files.table_of(plan.space, generator.space, list(clips.values()), scored)
        entries.append(_listed(folder, files.TABLE, table))
        for role, rows in clips.items():
            table = files.role_table_of(plan.space, generator.space, rows, scored)
            entries.append(_listed(folder, files.role_table_path(role), table))
    n_bytes = sum(entry.bytes for entry in entries)
    documents = {
        "README.md": card.card(plan, generator, clips, n_bytes, wanted.versions),
        "CITATION.cff": citation.cff(plan, wanted.versions),
        "croissant.json": croissant.metadata(plan, generator, clips, entries) + "\n",
    }
    if plan.soundfont is not None and plan.soundfont.notice:
        documents[NOTICE] = plan.soundfont.notice
    entries += [_listed(folder, name, text.encode()) for name, text in documents.items()]
    whole = Manifest(
        name=citation.name_of(plan),
        plan=plan,
        command=plan.command,
        made_by=wanted.versions,
        licence=licences.licence_of(plan),
        clips={role: len(rows) for role, rows in clips.items()},
        bytes=sum(entry.bytes for entry in entries),
        files=tuple(entries),
    )
    written(folder, manifest.NAME, whole.text().encode())


def _listed(folder: Path, name: str, content: bytes) -> Entry:
    """Write a file that the manifest lists."""
    written(folder, name, content)
    return manifest.entry_of(name, content)


def written(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole or not at all."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
