"""An export as arrays, role by role, in the order of the clips' seeds: those of rendering, to the last bit."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import generators
from generators.dataset import manifest
from generators.dataset.files import TABLE
from generators.dataset.lines import UsageError
from generators.dataset.manifest import Manifest
from generators.dataset.rendering import BATCH, decode
from generators.factors import FactorSpace

Chosen = Collection[int] | None
# Of a clip that is wrong though its file's hash is right; exporting leaves such a file as it is.
ADVICE = "remove that file: exporting into the folder makes it anew, `download` fetches it again"


@dataclass(frozen=True)
class Clips:
    """Some clips. ids: names. levels: int64 [clip, factor]. seeds: int64 [clip]. samples: int16 [clip, sample].

    midi: files' bytes, None where there is none.
    """

    ids: list[str]
    levels: NDArray[np.int64]
    seeds: NDArray[np.int64]
    samples: NDArray[np.int16]
    midi: list[bytes | None]
    values: list[list[Any]]  # [factor][clip], as stored

    @property
    def audio(self) -> NDArray[np.float32]:
        """What `Generator.render` gives: float32 [clip, sample], full scale 1.0."""
        from generators.mixing import FULL_SCALE  # which loads torch; a download needs none

        return self.samples.astype(np.float32) / np.float32(FULL_SCALE)


def read(
    folder: str | Path, role: str, batch: int = BATCH, samples_of: Collection[int] | None = None
) -> Iterator[Clips]:
    """The clips of a role, `batch` at a time; no more than a few of them are held.

    role: train, validation, probe or test. samples_of: places among the role's clips; the others are left out.
    Raises ValueError where the folder holds no export or none of that role, and where a clip is damaged. Hashes are not
    checked here; `verify` does that.
    """
    folder = Path(folder)
    there = manifest.read(folder)
    if not there.clips.get(role):
        raise UsageError(f"no clips of role '{role}' in {folder}; it has: {', '.join(there.clips)}")
    if batch < 1:
        raise UsageError(f"{batch} clips a batch; expected one or more")
    source = _of_parquet if there.plan.format == "parquet" else _of_table
    yield from source(folder, there, role, batch, samples_of)


def factors_of(there: Manifest) -> FactorSpace:
    """The factors of an export."""
    return generators.space(there.plan.space)


def _of_parquet(folder: Path, there: Manifest, role: str, batch: int, chosen: Chosen) -> Iterator[Clips]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = sorted(entry.path for entry in there.files if entry.path.startswith(f"data/{role}-"))
    space, seen = factors_of(there), 0
    for name in names:
        try:
            with pq.ParquetFile(folder / name) as file:
                for rows in file.iter_batches(batch_size=batch):
                    places = range(seen, seen + rows.num_rows)
                    seen += rows.num_rows
                    if chosen is not None:
                        wanted = [i for i, place in enumerate(places) if place in chosen]
                        rows = rows.take(pa.array(wanted, pa.int64()))
                    if rows.num_rows:
                        yield _clips(space, rows.to_pydict(), f"{folder / name}")
        except FileNotFoundError:
            raise UsageError(
                f"{folder / name} is missing; python -m generators.dataset verify {folder} says what else"
            ) from None


def _of_table(folder: Path, there: Manifest, role: str, batch: int, chosen: Chosen) -> Iterator[Clips]:
    space, seen = factors_of(there), 0
    with (folder / TABLE).open(newline="") as file:
        held: list[dict[str, Any]] = []
        for row in csv.DictReader(file):
            if row["split"] != role:
                continue
            seen += 1
            if chosen is None or seen - 1 in chosen:
                held.append(_from_files(folder, space, row))
            if len(held) == batch:
                yield _clips(space, _by_column(held), str(folder / "audio"))
                held = []
        if held:
            yield _clips(space, _by_column(held), str(folder / "audio"))


def _from_files(folder: Path, space: FactorSpace, row: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": row["id"], "seed": int(row["seed"])}
    for factor in space.factors:
        found[f"{factor.name}_level"] = int(row[f"{factor.name}_level"])
        text = row[factor.name]
        found[factor.name] = text if isinstance(factor.values[0], str) else float(text)
    found["audio"] = (folder / row["audio"]).read_bytes()
    found["midi"] = (folder / row["midi"]).read_bytes() if row["midi"] else None
    return found


def _by_column(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _clips(space: FactorSpace, table: dict[str, list[Any]], where: str) -> Clips:
    samples = []
    for name, content in zip(table["id"], table["audio"], strict=True):
        try:
            samples.append(decode(content))
        except ValueError as error:
            raise UsageError(f"clip {name} in {where}: {error}; {ADVICE}") from None
    return Clips(
        ids=table["id"],
        levels=np.stack([np.array(table[f"{name}_level"], np.int64) for name in space.names], axis=1),
        seeds=np.array(table["seed"], np.int64),
        samples=np.stack(samples),
        midi=table["midi"],
        values=[table[name] for name in space.names],
    )
