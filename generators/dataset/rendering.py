"""Clips of a plan as rows of a table: audio as FLAC, MIDI, factors. Everything here is a function of the plan alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generators.dataset.lines import FailedError
from generators.dataset.plan import Rows
from generators.factors import FactorSpace

if TYPE_CHECKING:
    from generators.generator import Generator

_AGAIN = "the same command makes it anew; if that does not help, reinstall soundfile"
BATCH = 128  # clips rendered at once, and rows of a Parquet row group: 8 MB of samples, 3 MB of FLAC
FLAC_LEVEL = 0.5  # of libsndfile's 0 to 1: a quarter more time than the fastest, 1 % more bytes than the smallest


@dataclass(frozen=True)
class Batch:
    """Some clips. samples: int16 [clip, sample]. midi: a file's bytes for each, None where the space has no scores."""

    ids: list[str]
    rows: Rows
    levels: NDArray[np.int64]
    samples: NDArray[np.int16]
    midi: list[bytes | None]


def clip_ids(space: str, rows: Rows) -> list[str]:
    """Names of clips, unique in an export: `phrases-train-000123`; the number is the seed's, from the role's first."""
    from generators.dataset.plan import SEED_OF_ROLE

    return [f"{space}-{rows.role}-{seed - SEED_OF_ROLE[rows.role]:06d}" for seed in rows.seeds.tolist()]


def batches(generator: Generator, rows: Rows, size: int = BATCH) -> Iterator[Batch]:
    """Render clips, a batch at a time: no more than one is held."""
    for start in range(0, len(rows), size):
        part = rows.part(start, start + size)
        levels = generator.space.levels_at(part.combinations)
        samples = generator.render_int16(levels, part.seeds).cpu().numpy()
        yield Batch(clip_ids(generator.name, part), part, levels, samples, scores(generator, levels))


def scores(generator: Generator, levels: NDArray[np.int64]) -> list[bytes | None]:
    """What each clip plays, as a MIDI file's bytes; None for spaces without notes."""
    if not hasattr(generator, "midi"):
        return [None] * len(levels)
    found: list[bytes | None] = []
    for score in generator.midi(levels):
        file = io.BytesIO()
        score.write(file)
        found.append(file.getvalue())
    return found


def encoded(samples: NDArray[np.int16], sample_rate: int, form: str = "FLAC") -> bytes:
    """A clip as a file's bytes, 16 bit, mono, decoded again to be sure. samples: int16 [sample]. form: FLAC or WAV.

    Raises FailedError where they are not the clip's: libsndfile writes by callbacks, and goes on where one fails.
    """
    import soundfile

    file = io.BytesIO()
    options: dict[str, Any] = {"compression_level": FLAC_LEVEL} if form == "FLAC" else {}
    try:
        soundfile.write(file, samples, sample_rate, format=form, subtype="PCM_16", **options)
        same = np.array_equal(decode(file.getvalue()), samples)
    except (soundfile.LibsndfileError, AssertionError, ValueError) as error:
        raise FailedError(f"a clip could not be written as {form} ({error or 'cut short'}); {_AGAIN}") from None
    if not same:
        raise FailedError(f"a clip was written as {form} and is another one when read; {_AGAIN}")
    return file.getvalue()


def decode(content: bytes) -> NDArray[np.int16]:
    """Samples of a FLAC or WAV file's bytes: int16 [sample]. Raises ValueError where it is none."""
    import soundfile

    try:
        samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"no audio file: {error}") from None
    return samples


def columns(space: FactorSpace, batch: Batch) -> dict[str, list[Any]]:
    """Everything about the clips but their audio and MIDI, by column."""
    found: dict[str, list[Any]] = {
        "id": batch.ids,
        "split": [batch.rows.role] * len(batch.ids),
        "seed": batch.rows.seeds.tolist(),
    }
    for factor, levels in zip(space.factors, batch.levels.T.tolist(), strict=True):
        found[f"{factor.name}_level"] = levels
        found[factor.name] = [factor.values[level] for level in levels]
    return found
