"""What an engine is given, and what it gives back: plain values that can go to another process or machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchmark.stored_clips import Export

HEARTBEAT_S = 30.0  # after which an engine says that nothing has ended yet


@dataclass(frozen=True)
class Specification:
    """What decides the outcome of a run, and with it the run's id.

    method: the name that it was asked for by. label: the name that its result goes by: that, and the settings that are
    not its defaults. plugin: the file that holds the method, and its text; None for a built-in one. settings: those
    given. id: see `results.identity`.
    """

    task: str
    preset: str
    method: str
    label: str
    plugin: tuple[str, str] | None
    settings: dict[str, Any]
    seed: int
    id: str

    @property
    def title(self) -> str:
        """What the run is called where it is told of."""
        return f"{self.label} on {self.task}, seed {self.seed}"


@dataclass(frozen=True)
class Limits:
    """What a run may take: seconds, and resident bytes of its process; None: as much as it likes."""

    seconds: float | None = None
    n_bytes: int | None = None


@dataclass(frozen=True)
class Job:
    """A run to do. results: the address of the results folder.

    device: auto, cpu, cuda or cuda:N. precision: as `precision.chosen_precision` takes it. threads: of the numerical
    libraries, on which the last digits depend. checkpoint_s: seconds between checkpoints. command: the command that
    asked for it, so that a run which had to be killed is not begun again by an engine that believes its worker was
    lost. force: do it although its result is there. wait: where another process is at it, wait for that; else say so
    at once. commit: of the checkout that the command was started in. export: whose files clips are read from; None:
    they are rendered.
    """

    run: Specification
    results: str
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
    threads: int
    limits: Limits
    checkpoint_s: float
    command: str
    commit: str | None
    force: bool = False
    wait: bool = False
    export: Export | None = None


class Status(StrEnum):
    """How a job ended: done; there already, by another process; being done by another process; failed."""

    DONE = "done"
    FOUND = "found"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """What became of a job.

    reason: of a failure, in one line. log: where its whole story is, if there is one. notes: what a run that was done
    in a pool had to say, as that it went on from a checkpoint, a line each.
    """

    status: Status
    seconds: float = 0.0
    reason: str = ""
    log: str | None = None
    notes: tuple[str, ...] = ()


Done = tuple[Job, Report]
