"""Files of clips, the same bytes whoever makes them: Parquet shards, or WAV and MIDI files with one CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from generators.dataset import about, manifest, rendering
from generators.dataset.manifest import Entry
from generators.dataset.plan import Plan, Rows, Unit
from generators.dataset.rendering import Batch
from generators.factors import FactorSpace
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator

TABLE = "clips.csv"
Step = Callable[[int], None]  # told how many clips more are done


class Hashed:
    """A file being written, hashed on the way. Nothing is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self.n_bytes, self.closed = file, hashlib.sha256(), 0, False

    def write(self, content: Any) -> int:
        """As of any file."""
        view = memoryview(content)
        self._file.write(view)
        self._digest.update(view)
        self.n_bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """As of any file."""
        return self.n_bytes

    def flush(self) -> None:
        """As of any file."""
        self._file.flush()

    def close(self) -> None:
        """The file itself is closed by whoever opened it."""

    def readable(self) -> bool:
        """As of any file."""
        return False

    def writable(self) -> bool:
        """As of any file."""
        return True

    def seekable(self) -> bool:
        """As of any file."""
        return False

    def entry(self, path: str) -> Entry:
        """What was written, for the manifest."""
        return Entry(path=path, bytes=self.n_bytes, sha256=self._digest.hexdigest())


def write_unit(
    generator: Generator, plan: Plan, unit: Unit, rows: Rows, folder: Path, partial: Path, step: Step
) -> list[Entry]:
    """Make the files of a unit: first in `partial`, then under their names. rows: the unit's. Raises OSError."""
    writer = _parquet if plan.format == "parquet" else _wav
    return writer(generator, unit, rows, folder, partial, step)


def _parquet(generator: Generator, unit: Unit, rows: Rows, folder: Path, partial: Path, step: Step) -> list[Entry]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = parquet_schema(generator)
    name = f"data/{unit.name}.parquet"
    temporary = partial / f"{unit.name}.parquet"
    text = [field.name for field in schema if field.type == pa.string() and field.name != "id"]
    levels = [field.name for field in schema if field.name.endswith("_level")]
    compression = {field.name: "none" if field.name == "audio" else "zstd" for field in schema}
    with temporary.open("wb") as file:
        hashed = Hashed(file)
        with pq.ParquetWriter(
            pa.PythonFile(hashed, mode="w"),
            schema,
            compression=compression,
            use_dictionary=[*text, *levels],
            write_statistics=[field.name for field in schema if field.name not in ("audio", "midi")],
            data_page_size=1 << 20,
        ) as writer:
            for batch in rendering.batches(generator, rows):
                table = rendering.columns(generator.space, batch)
                audio = [rendering.encoded(clip, generator.sample_rate) for clip in batch.samples]
                table |= {"audio": audio, "midi": batch.midi}
                writer.write_table(pa.table(table, schema=schema), row_group_size=rendering.BATCH)
                step(len(batch.ids))
        file.flush()
        os.fsync(file.fileno())
    _named(temporary, folder / name)
    return [hashed.entry(name)]


def parquet_schema(generator: Generator) -> Any:
    """Columns with their types, units as their metadata. Returns a pyarrow.Schema."""
    import pyarrow as pa

    fields = [pa.field("id", pa.string()), pa.field("split", pa.string()), pa.field("seed", pa.int64())]
    for factor in generator.space.factors:
        kind = pa.string() if isinstance(factor.values[0], str) else pa.float64()
        fields.append(pa.field(f"{factor.name}_level", pa.int16()))
        fields.append(pa.field(factor.name, kind, metadata={"unit": about.unit_of(factor)}))
    audio = {"format": "FLAC, 16 bit, mono", "sample_rate": str(generator.sample_rate)}
    fields += [pa.field("audio", pa.binary(), metadata=audio), pa.field("midi", pa.binary())]
    return pa.schema(fields)


def _wav(generator: Generator, unit: Unit, rows: Rows, folder: Path, partial: Path, step: Step) -> list[Entry]:
    found = []
    for batch in rendering.batches(generator, rows):
        for name, content in _wav_files(generator, batch):
            temporary = partial / name.rpartition("/")[2]
            temporary.write_bytes(content)
            _named(temporary, folder / name)
            found.append(manifest.entry_of(name, content))
        step(len(batch.ids))
    return found


def _wav_files(generator: Generator, batch: Batch) -> list[tuple[str, bytes]]:
    found = []
    for clip_id, clip, score in zip(batch.ids, batch.samples, batch.midi, strict=True):
        found.append((audio_path(clip_id, batch.rows), rendering.encoded(clip, generator.sample_rate, "WAV")))
        if score is not None:
            found.append((midi_path(clip_id, batch.rows), score))
    return found


def audio_path(clip_id: str, rows: Rows) -> str:
    """Where a clip lies: a thousand or fewer of one role in a folder, as file managers like them."""
    return f"audio/{rows.role}/{clip_id[-6:-3]}/{clip_id}.wav"


def midi_path(clip_id: str, rows: Rows) -> str:
    """Where its score lies."""
    return f"midi/{rows.role}/{clip_id[-6:-3]}/{clip_id}.mid"


def table_of(space_name: str, space: FactorSpace, clips: list[Rows], scored: bool) -> bytes:
    """The CSV of all clips: what a Parquet export has in columns, and where audio and MIDI lie. Needs no sound."""
    return _csv([_columns(space_name, space, rows, scored) for rows in clips])


def role_table_path(role: Role) -> str:
    """Where a role's own table lies: beside its WAV files, where Hugging Face's AudioFolder looks for it."""
    return f"audio/{role}/metadata.csv"


def role_table_of(space_name: str, space: FactorSpace, rows: Rows, scored: bool) -> bytes:
    """The CSV of a role's clips for AudioFolder: `file_name`, seen from the table, in the place of `audio`."""
    table = _columns(space_name, space, rows, scored)
    names = [path.removeprefix(f"audio/{rows.role}/") for path in table.pop("audio")]
    return _csv([{"file_name": names} | table])


def _columns(space_name: str, space: FactorSpace, rows: Rows, scored: bool) -> dict[str, list[Any]]:
    ids, levels = rendering.clip_ids(space_name, rows), space.levels_at(rows.combinations)
    table = rendering.columns(space, Batch(ids, rows, levels, levels.astype("int16"), []))
    table["audio"] = [audio_path(clip_id, rows) for clip_id in ids]
    table["midi"] = [midi_path(clip_id, rows) if scored else "" for clip_id in ids]
    return table


def _csv(tables: list[dict[str, list[Any]]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(tables[0])
    for table in tables:
        writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()


def _named(temporary: Path, path: Path) -> None:
    """Give a complete file its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(temporary, path)
