"""Results: one JSON file a run, written whole or not at all, and never edited.

A file lies at `results/<benchmark version>/<preset>/<task>/<method>/seed<k>.json` and holds what it takes to run it
again and what it cost. Pictures, clips and embeddings lie under `artefacts/`, in the same tree, outside git.
"""

import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, ValidationError, model_validator

from benchmark.metrics.table import BALANCE, DISENTANGLEMENT, METRICS, PRESERVATION
from benchmark.storage import Place, is_local, place, write_whole

if TYPE_CHECKING:
    import pandas as pd

# Names become folders, so a name must not be able to climb out of its tree; nor to break a table.
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+=,@()-]*"
LONGEST_NAME, LONGEST_TEXT, MOST = 200, 500, 10_000
Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=LONGEST_NAME)]
TaskName = Annotated[str, Field(pattern=f"^{NAME}(/{NAME})*$", max_length=LONGEST_NAME)]
# A block, or a union of blocks, as `all but timbre`.
BlockName = Annotated[str, Field(pattern=f"^{NAME}( {NAME})*$", max_length=LONGEST_NAME)]
# What is shown as it came: printable ASCII, without what ends a cell, opens a tag or a link, or quotes code.
Text = Annotated[str, Field(pattern=r"^[ !-;=?-Z^_a-{}~]*$", max_length=LONGEST_TEXT)]
Family = Annotated[str, Field(pattern=r"^[a-z][a-z/-]*$", max_length=LONGEST_NAME)]
Count = Annotated[NonNegativeInt, Field(lt=2**60)]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Setting = Annotated[str, Field(max_length=LONGEST_TEXT)]


class ResultError(ValueError):
    """A result that cannot be read or written, said in one line."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(_Record):
    """One finite number: a metric, and the block and the factor that it is about (None: about all of them)."""

    metric: Name
    block: BlockName | None = None
    factor: Name | None = None
    value: FiniteFloat


class Environment(_Record):
    """Where a run ran: versions, commit (None: not in a git checkout), the device's human name, threads used.

    precision: in which matrices were multiplied in training; None for results of before it was recorded.
    data: SHA-256 of the manifest of the export whose files clips were read from; None where they were rendered.
    """

    python: Text
    platform: Text
    torch: Text
    torchaudio: Text
    numpy: Text
    scikit_learn: Text
    dtones: Text
    commit: Text | None = None
    device: Text
    threads: Count
    precision: Text | None = None
    data: Text | None = None


class Cost(_Record):
    """What a run took.

    seconds: by stage, in the order run (start, bank, features, train, embed, score, show); total_seconds: wall clock.
    wait_share: share of training time spent waiting for data; device_idle_share: share of it that the device, or the
    processor's threads in use, did nothing; None where it cannot be measured.
    peak_memory_bytes: resident, of the process; peak_device_memory_bytes: None on the CPU.
    parameters: how many trained numbers the method has.
    """

    seconds: Annotated[dict[Name, NonNegative], Field(max_length=100)]
    total_seconds: NonNegative
    clips_per_second: NonNegative
    wait_share: Share
    device_idle_share: Share | None = None
    peak_memory_bytes: Count
    peak_device_memory_bytes: Count | None = None
    parameters: Count


# What decides the outcome of a run. `preset` stands for its numbers: they are in the source that is hashed.
DECISIVE = (
    "benchmark_version",
    "preset",
    "task",
    "task_version",
    "space_version",
    "method",
    "settings",
    "seed",
    "source_hash",
    "scored_by",
)


def identity(fields: Mapping[str, Any]) -> str:
    """A run's id: SHA-256, hexadecimal, of what decides its outcome. fields: values of all that `DECISIVE` names."""
    decisive = {name: fields[name] for name in DECISIVE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, allow_nan=False).encode()).hexdigest()


class Result(_Record):
    """One run of one method on one task with one seed.

    id: see `identity`; None for results of before it was recorded.
    blocks: the factors that belong in each block, in the task's order.
    source_hash: of the method's source and of the project's code that decides embeddings.
    scored_by: of the code that scored the embeddings; None, before version 0.3: that of `source_hash`.
    """

    id: Text | None = None
    benchmark_version: Name
    preset: Name
    task: TaskName
    task_version: Text
    space_version: Text
    method: Name
    family: Family
    blocks: Annotated[dict[Name, Annotated[list[Name], Field(max_length=100)]], Field(min_length=1, max_length=100)]
    settings: Annotated[dict[Name, bool | int | FiniteFloat | Setting], Field(max_length=1_000)]
    seed: Annotated[NonNegativeInt, Field(lt=2**32)]
    source_hash: Text
    scored_by: Text | None = None
    environment: Environment
    cost: Cost
    scores: Annotated[list[Score], Field(max_length=MOST)]

    @model_validator(mode="after")
    def _each_score_once(self) -> Self:
        if len(self.by_key) < len(self.scores):
            counts = Counter((score.metric, score.block, score.factor) for score in self.scores)
            twice = next(key for key, count in counts.items() if count > 1)
            raise ValueError(f"scores: (metric, block, factor) = {twice} is there more than once")
        return self

    @model_validator(mode="after")
    def _each_score_in_its_range(self) -> Self:
        for row, score in enumerate(self.scores):
            if score.metric in METRICS and not 0 <= score.value <= 1:
                raise ValueError(f"scores.{row}.value: {score.metric} is {score.value}; it lies in [0, 1]")
        return self

    @model_validator(mode="after")
    def _id_is_of_its_fields(self) -> Self:
        if self.id is not None and self.id != identity(self.model_dump(include=set(DECISIVE))):
            raise ValueError("id: it is not of this result's fields; the file was edited, or put together by hand")
        return self

    @cached_property
    def by_key(self) -> dict[tuple[str, str | None, str | None], float]:
        """Every score by (metric, block, factor)."""
        return {(score.metric, score.block, score.factor): score.value for score in self.scores}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic has it; what was looked up by key is looked up anew."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("by_key", None)
        return copied

    def ranked(self) -> dict[str, float]:
        """P, D and B by metric, in this order; those alone that the task and the code have."""
        keys = [(metric, None, None) for metric in (PRESERVATION, DISENTANGLEMENT, BALANCE)]
        return {key[0]: self.by_key[key] for key in keys if key in self.by_key}

    def value(self, metric: str, block: str | None = None, factor: str | None = None) -> float:
        """The value of one score. Raises KeyError that says which scores of the metric, or which metrics, exist."""
        if (metric, block, factor) in self.by_key:
            return self.by_key[metric, block, factor]
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


def path(root: Place | str, benchmark_version: str, preset: str, task: str, method: str, seed: int) -> Place:
    """Where a result lies: `<root>/<benchmark version>/<preset>/<task>/<method>/seed<k>.json`.

    A task such as `phrases/timbre` is two folders. Raises ResultError for a name that cannot be a folder.
    """
    branch = _branch(benchmark_version, preset, task, method, seed)
    return place(root) / branch.parent.as_posix() / f"{branch.name}.json"


def artefact_dir(root: Place | str, benchmark_version: str, preset: str, task: str, method: str, seed: int) -> Place:
    """Where a run's pictures, clips and embeddings lie: in `artefacts/`, beside the results folder `root`."""
    return artefact_root(root) / _branch(benchmark_version, preset, task, method, seed).as_posix()


def artefact_root(root: Place | str) -> Place:
    """The folder of all artefacts that belong to the results below `root`."""
    return place(root).parent / "artefacts"


def check_writable(folder: Place | str) -> None:
    """Makes the folder and tries a file in it, so that a long run does not fail at its end. Raises ResultError."""
    where = place(folder)
    try:
        if isinstance(where, Path):
            where.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=where):
                pass
        else:
            probe = where / ".writable"
            write_whole(probe, b"")
            probe.unlink()
    except OSError as error:
        raise ResultError(f"cannot write in {folder} ({error.strerror or error}); choose another folder") from None


def write(result: Result, root: Place | str) -> Place:
    """Writes a result to its place under `root`, whole or not at all; returns the file.

    Keys are in the order of the fields above, floats are Python's shortest exact form. Replaces the file of an
    earlier run with the same names and seed. Raises ResultError where the folder cannot be written.
    """
    text = json.dumps(result.model_dump(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    file = path(root, result.benchmark_version, result.preset, result.task, result.method, result.seed)
    try:
        if is_local(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    except OSError as error:
        raise ResultError(f"cannot write {file} ({error.strerror or error})") from None
    return file


def read(path: Place | str) -> Result:
    """Reads one result. Raises ResultError, one line that names the file and the field."""
    try:
        return Result.model_validate_json(place(path).read_bytes(), strict=True)
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValidationError as error:
        raise ResultError(f"{path}: {wrong(error)}") from None


def wrong(error: ValidationError) -> str:
    """The first thing that is wrong with a record: its field, and what is said of it, in one line of bounded length."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:LONGEST_NAME] or "the whole file"
    return " ".join(f"{field}: {first['msg']}".split())[: 2 * LONGEST_TEXT]


def read_all(root: Place | str, benchmark_version: str) -> list[Result]:
    """Every result of one benchmark version, in the order of preset, task, method, seed.

    Raises ResultError, naming the file, for one that is damaged or lies where another belongs.
    """
    found = []
    for file in files(root, benchmark_version):
        result = read(file)
        check_place(result, file, root)
        found.append(result)
    return in_order(found)


def files(root: Place | str, benchmark_version: str) -> list[Place]:
    """Every file that should hold a result of one benchmark version. Raises ResultError where they cannot be listed."""
    try:
        return sorted((place(root) / benchmark_version).rglob("*.json"), key=str)
    except OSError as error:  # of a store: it has no such bucket
        raise ResultError(f"{root}: its results cannot be listed ({error.strerror or error})") from None


def check_place(result: Result, file: Place, root: Place | str) -> None:
    """Raise ResultError where a result lies where another belongs."""
    proper = path(root, result.benchmark_version, result.preset, result.task, result.method, result.seed)
    if file != proper:
        raise ResultError(f"{file}: it says that its place is {proper}; move it there or remove it")


def in_order(results: Iterable[Result]) -> list[Result]:
    """The results by preset, task, method, seed."""
    return sorted(results, key=lambda result: (result.preset, result.task, result.method, result.seed))


def versions(root: Place | str) -> list[str]:
    """Benchmark versions that have results in a folder, the newest first (0.10 is newer than 0.9)."""
    whole = place(root)
    folders = [folder for folder in whole.iterdir() if folder.is_dir()] if whole.is_dir() else []
    found = [folder.name for folder in folders if any(folder.rglob("seed*.json"))]
    return sorted(found, key=age, reverse=True)


def age(version: str) -> tuple[list[int], str]:
    """What benchmark versions are sorted by, the oldest first."""
    return [int(number) for number in re.findall(r"\d+", version)], version


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
