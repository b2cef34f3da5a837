"""Is an export what it says? Every hash; then a sample of clips rendered again, bit for bit, and listened to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generators.dataset import interrupts, listening, manifest, plan, reading, rendering, soundfonts
from generators.dataset.lines import FailedError, UsageError
from generators.dataset.manifest import Manifest
from generators.dataset.plan import Rows
from generators.dataset.progress import progress
from generators.dataset.reading import Clips
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator

_ADVICE = "`{}` with --out {} makes what is damaged anew, `download` fetches it again"


def verify(folder: Path, n_clips: int | None = 64, soundfont: Path | None = None) -> str:
    """Check an export. n_clips: how many are rendered again, evenly spread over all; None: every one.

    Returns what was checked, in one line. Raises FailedError naming the first file or clip that is wrong, UsageError
    where there is no export.
    """
    with interrupts.held() as check:  # clips are decoded by a library that swallows Ctrl-C
        return _verify(folder, n_clips, soundfont, check)


def _verify(folder: Path, n_clips: int | None, soundfont: Path | None, check: interrupts.Check) -> str:
    there = manifest.read(folder)
    _check_files(folder, there, check)
    generator = _generator(there, soundfont)
    clips = plan.clips_of(there.plan)
    if (counts := {role: len(rows) for role, rows in clips.items()}) != there.clips:
        raise FailedError(f"{folder} has clips {there.clips}; its plan makes {counts}: its manifest was changed")
    total = sum(counts.values())
    count = total if n_clips is None else min(n_clips, total)
    chosen = np.unique(np.linspace(0, total - 1, count).astype(np.int64)) if count else np.array([], np.int64)
    with progress("rendering again", count, "clips") as step:
        for role, stored, rows in _pick(folder, clips, chosen):
            _check_clips(folder, generator, role, stored, rows)
            step(len(rows))
            check()
    return (
        f"{folder} is sound: {len(there.files):,} files have their size and SHA-256; {len(chosen):,} of {total:,} "
        "clips, rendered again, are the same to the last bit, and sound as their factors and MIDI say"
    )


def _check_files(folder: Path, there: Manifest, check: interrupts.Check) -> None:
    with progress("checking files", there.bytes, "MB", 1e6) as step:
        for entry in there.files:
            if wrong := manifest.wrong_with(folder, entry):
                raise FailedError(f"{folder / entry.path}: {wrong}; {_ADVICE.format(there.command, folder)}")
            step(entry.bytes)
            check()
    listed = {entry.path for entry in there.files} | {manifest.NAME}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".parquet", ".wav", ".mid") and name not in listed:
            raise FailedError(f"{path} is not in the manifest, but would be loaded with the others; remove it")


def _generator(there: Manifest, soundfont: Path | None) -> Generator:
    font = there.plan.soundfont
    if font is not None:
        here = soundfonts.soundfont_used(there.plan.space, soundfont, None)
        if here is None or here.sha256 != font.sha256:
            came = "the default one" if soundfont is None else str(soundfont)
            came += "" if here is None else f", SHA-256 {here.sha256}"
            raise UsageError(
                f"these clips are of the soundfont {font.file}, SHA-256 {font.sha256}, not of {came}; give the right "
                "one: --soundfont FILE"
            )
    generator = plan.sound(there.plan, soundfont)
    if generator.version != there.plan.version:
        raise UsageError(
            f"every file is as listed; but the clips are of {there.plan.space} {there.plan.version} and this dTones "
            f"renders {generator.version}: install dTones {there.made_by.get('dtones')} to render them again"
        )
    return generator


def _pick(folder: Path, clips: dict[Role, Rows], chosen: np.ndarray) -> Iterator[tuple[Role, Clips, Rows]]:
    """The chosen of all clips, and the rows of the plan that they should be of, some at a time."""
    start = 0
    for role, rows in clips.items():
        wanted = chosen[(chosen >= start) & (chosen < start + len(rows))] - start
        start += len(rows)
        done = 0
        try:
            for stored in reading.read(folder, role, samples_of=set(wanted.tolist())) if len(wanted) else ():
                part = wanted[done : done + len(stored.ids)]
                done += len(stored.ids)
                yield role, stored, Rows(role, rows.combinations[part], rows.seeds[part])
        except UsageError as error:  # the files are those that the manifest lists: what is in them is wrong
            raise FailedError(str(error)) from None
        if done < len(wanted):
            raise FailedError(f"{folder} has fewer clips of role '{role}' than its plan")


def _check_clips(folder: Path, generator: Generator, role: Role, stored: Clips, rows: Rows) -> None:
    """Raises FailedError naming the first clip that is not what the plan says."""
    [again] = rendering.batches(generator, rows, max(1, len(rows)))
    values = generator.space.describe(again.levels)
    for i, name in enumerate(again.ids):
        columns = {factor: column[i] for factor, column in zip(generator.space.names, stored.values, strict=True)}
        differs = (
            ("id", stored.ids[i] != name),
            ("seed", stored.seeds[i] != rows.seeds[i]),
            ("levels", not np.array_equal(stored.levels[i], again.levels[i])),
            ("values", columns != values[i]),
            ("MIDI", stored.midi[i] != again.midi[i]),
            ("audio", not np.array_equal(stored.samples[i], again.samples[i])),
        )
        if wrong := [what for what, is_wrong in differs if is_wrong]:
            raise FailedError(
                f"clip {name} in {folder}: its {' and '.join(wrong)} differ from what its plan renders, though its "
                f"file is as listed; {reading.ADVICE}"
            )
        if heard := listening.wrong_sound(stored.samples[i], generator.sample_rate, columns, stored.midi[i]):
            raise FailedError(f"clip {name} in {folder}: {heard}")
