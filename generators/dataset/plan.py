"""What an export is of: all that decides its clips, and which of them go into which file."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

import generators
from generators import splits
from generators.dataset.lines import UsageError
from generators.dataset.soundfonts import NOTICE, SPACE, UNKNOWN, Soundfont
from generators.splits import ROLES, Role

if TYPE_CHECKING:
    from generators.generator import Generator

CLIPS_A_FILE = 1024  # 22 MB of `phrases`
MOST_CLIPS = 10_000  # of a combination: 2 TB of `phrases`
# The seeds of a role's clips start here, apart from each other, as the benchmark's own: its clips can be exported.
SEED_OF_ROLE: dict[Role, int] = {role: number * 10**9 for number, role in enumerate(ROLES)}
MADE_WITH = ("dtones", "numpy", "pyarrow", "soundfile")  # whose versions can change a file's bytes
MIDI_MADE_WITH = ("pretty_midi", "mido")


class Plan(BaseModel):
    """All that decides the clips of an export. nuisances: clips of each combination, by role; none where 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    space: str
    version: str
    split: str
    nuisances: dict[Role, int]
    format: Literal["parquet", "wav"]
    clips_a_file: int = Field(ge=1)
    soundfont: Soundfont | None = None

    @field_validator("nuisances")
    @classmethod
    def _in_order(cls, nuisances: dict[Role, int]) -> dict[Role, int]:
        if not any(nuisances.values()) or not 0 <= min(nuisances.values()) <= max(nuisances.values()) <= MOST_CLIPS:
            raise ValueError(f"clips of a combination are 0 to {MOST_CLIPS:,}, and not all 0")
        return {role: nuisances[role] for role in ROLES if nuisances.get(role, 0)}

    @property
    def key(self) -> str:
        """A name in letters, digits, hyphens and dots: `phrases`, `phrases-extrapolate-pitch-0.25-x4-wav`.

        What is as usual is not in it: split iid, one clip of each combination, Parquet, the default soundfont.
        """
        draws = set(self.nuisances.values())
        roles = "-".join(f"{role}{n}" for role, n in self.nuisances.items())
        alike = len(draws) == 1 and len(self.nuisances) == len(ROLES)
        parts = [self.space]
        parts += re.findall(r"[a-z0-9._-]+", self.split) if self.split != "iid" else []
        parts += [] if draws == {1} and alike else [f"x{draws.pop()}"] if alike else [roles]
        parts += ["wav"] if self.format == "wav" else []
        if self.soundfont is not None and not self.soundfont.default:
            parts.append(self.soundfont.sha256[:8])
        return "-".join(parts)

    @property
    def command(self) -> str:
        """The command that makes the same bytes, wherever and by however many machines these were made."""
        draws = set(self.nuisances.values())
        parts = ["python -m generators.dataset export", f"--space {self.space}", f"--split {shlex.quote(self.split)}"]
        told = ",".join(f"{role}={n}" for role, n in self.nuisances.items())
        parts.append(f"--nuisances {draws.pop() if len(draws) == 1 and len(self.nuisances) == len(ROLES) else told}")
        parts += ["--format wav"] if self.format == "wav" else []
        parts += [f"--clips-a-file {self.clips_a_file}"] if self.clips_a_file != CLIPS_A_FILE else []
        if (font := self.soundfont) is not None and not font.default:
            parts.append(f"--soundfont {shlex.quote(font.file)}")
            if not font.timgm6mb and font.licence != UNKNOWN:
                parts.append(f"--soundfont-licence {shlex.quote(font.licence)}")
        if font is not None and font.notice:
            parts.append(f"--soundfont-notice {NOTICE}")
        return " ".join(parts)


@dataclass(frozen=True)
class Rows:
    """The clips of one role. combinations: rows of the space's grid, int64 [clip]. seeds: int64 [clip]."""

    role: Role
    combinations: NDArray[np.int64]
    seeds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seeds)

    def part(self, start: int, stop: int) -> Rows:
        """Some of them."""
        return Rows(self.role, self.combinations[start:stop], self.seeds[start:stop])


@dataclass(frozen=True)
class Unit:
    """What is made at once, by one machine: some clips of one role. number: among the `count` of its role."""

    role: Role
    number: int
    count: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """`train-00000-of-00004`."""
        return f"{self.role}-{self.number:05d}-of-{self.count:05d}"


def clips_of(plan: Plan) -> dict[Role, Rows]:
    """The clips of each role that has any, in the order of their seeds, which are those of `benchmark.features`.

    Raises ValueError where the space cannot be split so.
    """
    roles = splits.parse(plan.split).rows(generators.space(plan.space))
    found = {}
    for role, combinations in roles.items():
        draws = plan.nuisances.get(role, 0)
        if draws:
            rows = np.repeat(combinations, draws)
            found[role] = Rows(role, rows, SEED_OF_ROLE[role] + np.arange(len(rows)))
    return found


def units_of(plan: Plan, clips: dict[Role, Rows]) -> list[Unit]:
    """Everything that there is to make, in order."""
    units = []
    for role, rows in clips.items():
        count = -(-len(rows) // plan.clips_a_file)
        for number in range(count):
            start = number * plan.clips_a_file
            units.append(Unit(role, number, count, start, min(start + plan.clips_a_file, len(rows))))
    return units


def share_of(units: list[Unit], shard: tuple[int, int]) -> list[Unit]:
    """The units of machine i of n, from (1, n) to (n, n): every n-th, so that all have the same work."""
    number, of = shard
    return units[number - 1 :: of]


def sound(plan_or_space: Plan | str, soundfont: Path | None = None) -> Generator:
    """The generator of a plan or space. Raises ValueError as `generators.load`."""
    name = plan_or_space if isinstance(plan_or_space, str) else plan_or_space.space
    if soundfont is not None and name != SPACE:
        raise UsageError(f"--soundfont is for the space 'soundfont'; this is '{name}'")
    return generators.load(name) if soundfont is None else generators.load(name, soundfont=soundfont)


def made_by(generator: Generator) -> dict[str, str]:
    """Versions of what makes the files: the same versions make the same bytes. Audio needs none but the space's own."""
    import soundfile

    found = {name: metadata.version(name) for name in MADE_WITH} | {"libsndfile": soundfile.__libsndfile_version__}
    if hasattr(generator, "midi"):
        found |= {name: metadata.version(name) for name in MIDI_MADE_WITH}
    if generator.name == "soundfont":
        from generators import fluid

        found |= dict(part.split() for part in fluid.version().split(", "))
    return found


def digest_of(plan: Plan, versions: dict[str, str]) -> str:
    """A name for a plan as these versions carry it out."""
    return hashlib.sha256(f"{plan.model_dump_json()}{sorted(versions.items())}".encode()).hexdigest()


def draws_of(text: str) -> dict[Role, int]:
    """Clips of each combination: `4` for every role, or `train=8,probe=2,test=2`, the others having none.

    Raises UsageError saying what came and what was expected.
    """
    expected = f"expected a number from 1, or by role, of {', '.join(ROLES)}: train=8,probe=2,test=2"
    found: dict[Role, int] = dict.fromkeys(ROLES, 0)
    told: set[str] = set()
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        roles: Any = [name] if equals else list(ROLES)
        if not number.isdecimal() or not set(roles) <= set(ROLES) or (not equals and "," in text):
            raise UsageError(f"--nuisances {text}: '{part}' is no number of clips; {expected}")
        if name in told:
            raise UsageError(f"--nuisances {text}: {name} is given twice; {expected}")
        told.add(name)
        found |= dict.fromkeys(roles, int(number))
    if not any(found.values()):
        raise UsageError(f"--nuisances {text} leaves no clip; {expected}")
    if max(found.values()) > MOST_CLIPS:
        raise UsageError(f"--nuisances {text}: at most {MOST_CLIPS:,} clips of a combination")
    return found


def shard_of(text: str) -> tuple[int, int]:
    """`2/3` as (2, 3). Raises UsageError."""
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise UsageError(f"--shard {text}: expected i/n, from 1/n to n/n, as 2/3")
    return int(number), int(of)
