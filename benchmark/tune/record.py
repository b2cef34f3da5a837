"""The trials of a method as a CSV file, a row each: `<folder>/<benchmark version>/<method>_trials.csv`.

And its finals, `<method>_finals.csv`: the best trials, trained longer and with other seeds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.storage import write_whole
from benchmark.tune.search import COMPLETE, SEEDS, Told, Tried
from benchmark.tune.spaces import Settings, Value

LETTERS = {"P": "preservation", "D": "disentanglement", "B": "balance"}
BEFORE = ("task", "preset", "number", "state")
AFTER = ("B", "seconds")
DIGITS = 4


class RecordError(ValueError):
    """A record that cannot be read, said in one line."""


@dataclass(frozen=True)
class Record:
    """All trials of a method, and what they were tried on. seeds: of a complete trial."""

    task: str
    preset: str
    trials: tuple[Tried, ...]
    seeds: tuple[int, ...] = SEEDS

    def chosen(self) -> Tried | None:
        """The complete trial of the highest mean B, the earliest of several; None where none is complete."""
        complete = [trial for trial in self.trials if trial.state == COMPLETE]
        return max(complete, key=lambda trial: trial.balance, default=None)


def file_of(folder: Path, version: str, method: str, stage: str = "trials") -> Path:
    """Where the trials, or the finals, of a method lie."""
    return folder / version / f"{method}_{stage}.csv"


def _columns(seeds: Sequence[int]) -> list[str]:
    return [f"{letter}_{seed}" for seed in seeds for letter in LETTERS]


def write(path: Path, record: Record) -> None:
    """Write a record, whole or not at all; its folder is made."""
    names = list(record.trials[0].settings)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*BEFORE, *names, *_columns(record.seeds), *AFTER])
    for trial in record.trials:
        told = [round(getattr(one, score), DIGITS) for one in trial.told for score in LETTERS.values()]
        empty = [""] * (len(_columns(record.seeds)) - len(told))
        mean = round(trial.balance, DIGITS) if trial.told else ""
        seconds = round(sum(one.seconds for one in trial.told), 1)
        own = [trial.settings[name] for name in names]
        writer.writerow([record.task, record.preset, trial.number, trial.state, *own, *told, *empty, mean, seconds])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue())


def read(path: Path) -> Record:
    """Read a record. Raises RecordError, in one line that names the file, where it is missing or damaged."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            header = list(reader.fieldnames or ())
        if not rows:
            raise ValueError("it holds no trial")
        task, preset = rows[0]["task"], rows[0]["preset"]
        seeds = tuple(int(name[2:]) for name in header if name.startswith("B_"))
        names = [name for name in header if name not in (*BEFORE, *_columns(seeds), *AFTER)]
        trials = tuple(_trial(row, names, seeds) for row in rows)
        return Record(task, preset, trials, seeds)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from None
    except KeyError as error:
        raise RecordError(f"{path}: not a record of trials (no column {error})") from None
    except (TypeError, ValueError, csv.Error) as error:
        raise RecordError(f"{path}: not a record of trials ({error})") from None


def _trial(row: dict[str, str], names: Sequence[str], expected: Sequence[int]) -> Tried:
    settings: Settings = {name: _value(row[name]) for name in names}
    seeds = [seed for seed in expected if row[f"B_{seed}"]]
    # Seconds are kept of the trial alone: each of its runs is given the same share.
    share = float(row["seconds"]) / max(1, len(seeds))
    told = tuple(
        Told(**{score: float(row[f"{letter}_{seed}"]) for letter, score in LETTERS.items()}, seconds=share)
        for seed in seeds
    )
    if row["state"] == COMPLETE and len(told) < max(1, len(expected)):
        raise ValueError(f"trial {row['number']} is complete, and lacks scores")
    return Tried(int(row["number"]), row["state"], settings, told)


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
