"""Results: one JSON file a run, written whole or not at all, and never edited.

A file lies at `results/<benchmark version>/<preset>/<task>/<method>/seed<k>.json` and holds what it takes to run it
again and what it cost. Pictures, clips and embeddings lie under `artefacts/`, in the same tree, outside git.
"""

import json
import os
import re
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, ValidationError, model_validator

if TYPE_CHECKING:
    import pandas as pd

# Names become folders, so a name must not be able to climb out of its tree.
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+=,@()-]*"
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
TaskName = Annotated[str, Field(pattern=f"^{NAME}(/{NAME})*$")]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class ResultError(ValueError):
    """A result that cannot be read or written, said in one line."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(_Record):
    """One finite number: a metric, and the block and the factor that it is about (None: about all of them)."""

    metric: str
    block: str | None = None
    factor: str | None = None
    value: FiniteFloat


class Environment(_Record):
    """Where a run ran: versions, commit (None: not in a git checkout), the device's human name, threads used."""

    python: str
    platform: str
    torch: str
    torchaudio: str
    numpy: str
    scikit_learn: str
    dtones: str
    commit: str | None = None
    device: str
    threads: NonNegativeInt


class Cost(_Record):
    """What a run took.

    seconds: by stage, in the order run (start, bank, features, train, embed, score, show); total_seconds: wall clock.
    wait_share: share of training time spent waiting for data; device_idle_share: None where it cannot be measured.
    peak_memory_bytes: resident, of the process; peak_device_memory_bytes: None on the CPU.
    parameters: how many trained numbers the method has.
    """

    seconds: dict[str, NonNegative]
    total_seconds: NonNegative
    clips_per_second: NonNegative
    wait_share: Share
    device_idle_share: Share | None = None
    peak_memory_bytes: NonNegativeInt
    peak_device_memory_bytes: NonNegativeInt | None = None
    parameters: NonNegativeInt


class Result(_Record):
    """One run of one method on one task with one seed.

    blocks: the factors that belong in each block, in the task's order.
    source_hash: of the method's source and of the project's code that it imports.
    scored_by: where the kept embeddings were scored anew, hash of the code that did; None: by that of `source_hash`.
    """

    benchmark_version: Name
    preset: Name
    task: TaskName
    task_version: str
    space_version: str
    method: Name
    family: str
    blocks: dict[str, list[str]]
    settings: dict[str, bool | int | FiniteFloat | str]
    seed: NonNegativeInt
    source_hash: str
    scored_by: str | None = None
    environment: Environment
    cost: Cost
    scores: list[Score]

    @model_validator(mode="after")
    def _each_score_once(self) -> Self:
        counts = Counter((score.metric, score.block, score.factor) for score in self.scores)
        twice = [key for key, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"scores: (metric, block, factor) = {twice[0]} is there more than once")
        return self

    def value(self, metric: str, block: str | None = None, factor: str | None = None) -> float:
        """The value of one score. Raises KeyError that says which scores of the metric, or which metrics, exist."""
        for score in self.scores:
            if (score.metric, score.block, score.factor) == (metric, block, factor):
                return score.value
        wanted = f"no score {metric!r} with block={block!r}, factor={factor!r} in seed {self.seed} of {self.method!r}"
        pairs = [(score.block, score.factor) for score in self.scores if score.metric == metric]
        if pairs:
            raise KeyError(f"{wanted}; {metric!r} exists for (block, factor) in {pairs}")
        raise KeyError(f"{wanted}; metrics: {', '.join(sorted({score.metric for score in self.scores})) or 'none'}")


def _branch(benchmark_version: str, preset: str, task: str, method: str, seed: int) -> Path:
    for what, name in {"benchmark version": benchmark_version, "preset": preset, "method": method}.items():
        if not re.fullmatch(NAME, name):
            raise ResultError(f"{what} {name!r} cannot name a folder; use letters, digits and . _ + = , @ ( ) -")
    if not re.fullmatch(f"{NAME}(/{NAME})*", task):
        raise ResultError(
            f"task {task!r} cannot name a folder; use letters, digits and . _ + = , @ ( ) -, and / between parts"
        )
    if seed < 0:
        raise ResultError(f"seed {seed} is negative; use 0 or more")
    return Path(benchmark_version, preset, *task.split("/"), method, f"seed{seed}")


def path(root: Path | str, benchmark_version: str, preset: str, task: str, method: str, seed: int) -> Path:
    """Where a result lies: `<root>/<benchmark version>/<preset>/<task>/<method>/seed<k>.json`.

    A task such as `phrases/timbre` is two folders. Raises ResultError for a name that cannot be a folder.
    """
    branch = _branch(benchmark_version, preset, task, method, seed)
    return Path(root) / branch.parent / f"{branch.name}.json"


def artefact_dir(root: Path | str, benchmark_version: str, preset: str, task: str, method: str, seed: int) -> Path:
    """Where a run's pictures, clips and embeddings lie: in `artefacts/`, beside the results folder `root`."""
    return Path(root).parent / "artefacts" / _branch(benchmark_version, preset, task, method, seed)


def check_writable(folder: Path | str) -> None:
    """Makes the folder and tries a file in it, so that a long run does not fail at its end. Raises ResultError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ResultError(f"cannot write in {folder} ({error.strerror}); choose another folder") from None


def write_whole(path: Path, text: str) -> None:
    """Writes UTF-8 text to a file whole or not at all: a reader never sees half, a failure leaves nothing behind."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(result: Result, root: Path | str) -> Path:
    """Writes a result to its place under `root`, whole or not at all; returns the file.

    Keys are in the order of the fields above, floats are Python's shortest exact form. Replaces the file of an
    earlier run with the same names and seed. Raises ResultError where the folder cannot be written.
    """
    text = json.dumps(result.model_dump(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    place = path(root, result.benchmark_version, result.preset, result.task, result.method, result.seed)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, text)
    except OSError as error:
        raise ResultError(f"cannot write {place} ({error.strerror})") from None
    return place


def read(path: Path | str) -> Result:
    """Reads one result. Raises ResultError, one line that names the file and the field."""
    try:
        return Result.model_validate_json(Path(path).read_bytes(), strict=True)
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ResultError(f"{path}: {field}: {first['msg']}") from None


def read_all(root: Path | str, benchmark_version: str) -> list[Result]:
    """Every result of one benchmark version, in the order of preset, task, method, seed.

    Raises ResultError, naming the file, for one that is damaged or lies where another belongs.
    """
    found = []
    for place in sorted((Path(root) / benchmark_version).rglob("*.json")):
        result = read(place)
        proper = path(root, result.benchmark_version, result.preset, result.task, result.method, result.seed)
        if place != proper:
            raise ResultError(f"{place}: it says that its place is {proper}; move it there or remove it")
        found.append(result)
    return sorted(found, key=lambda result: (result.preset, result.task, result.method, result.seed))


def versions(root: Path | str) -> list[str]:
    """Benchmark versions that have results in a folder, the newest first (0.10 is newer than 0.9)."""
    folders = [folder for folder in Path(root).iterdir() if folder.is_dir()] if Path(root).is_dir() else []
    found = [folder.name for folder in folders if any(folder.rglob("seed*.json"))]
    return sorted(found, key=lambda name: ([int(number) for number in re.findall(r"\d+", name)], name), reverse=True)


def table(results: Iterable[Result]) -> "pd.DataFrame":
    """The scores of many results as a tidy pandas DataFrame: one row, one number; block and factor may be None."""
    import pandas as pd  # here, because importing it takes longer than all else in this module

    names = ["benchmark_version", "preset", "task", "task_version", "space_version", "method", "family", "seed"]
    rows = [
        [*(getattr(result, name) for name in names), score.metric, score.block, score.factor, score.value]
        for result in results
        for score in result.scores
    ]
    # As objects, or pandas 3 would make NaN of a None, which pandas 2 leaves alone.
    frame = pd.DataFrame(rows, columns=[*names, "metric", "block", "factor", "value"], dtype=object)
    return frame.astype({"seed": "int64", "value": "float64"})
