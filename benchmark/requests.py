"""What a user asks for: methods x tasks x seeds x settings, from the command line or from a YAML file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from baselines.plugins import Address
from benchmark.run_options import PRESET, TASK

Value = bool | int | float | str


def _listed(value: object) -> object:
    """One value stands for a list of it."""
    return value if isinstance(value, list) else [value]


def _text(value: object) -> object:
    """A path stands for its text."""
    return str(value) if isinstance(value, Path) else value


Names = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
Values = Annotated[list[Value], BeforeValidator(_listed), Field(min_length=1)]


class Request(BaseModel):
    """Runs of every method on every task with every seed and every combination of the settings.

    set: setting -> its values, of each method that is asked for. plugin: where one of the methods is, as
    `baselines.plugins.Address` has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Names
    task: Names = [TASK]
    preset: str = PRESET
    seeds: Annotated[list[int], BeforeValidator(_listed), Field(min_length=1)] = [0]
    set: dict[str, Values] = {}
    plugin: Annotated[str | None, BeforeValidator(_text)] = None

    def settings(self) -> list[dict[str, Value]]:
        """Every combination of the settings' values; one, with nothing set, where there are none."""
        names = list(self.set)
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*self.set.values())]


def from_file(path: Path) -> list[Request]:
    """The requests in a YAML file: one, or a list of them. A plugin's path is relative to the file's folder.

    Raises ValueError, in one line that names the file and the field.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        requests = TypeAdapter(list[Request]).validate_python(_listed(content))
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {_where(error)}") from None
    except ValidationError as error:
        raise ValueError(f"{path}: {_wrong(error)}") from None
    if not requests:
        raise ValueError(f"{path} asks for nothing")
    return [one.model_copy(update={"plugin": _beside(path, one.plugin)}) for one in requests]


def _beside(path: Path, plugin: str | None) -> str | None:
    """A plugin's address, seen from where the command is; one of a module is the same everywhere."""
    return plugin if plugin is None or Address.of(plugin).path is None else str(path.parent / plugin)


def _where(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """What is wrong with a text, and in which line and column."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return " ".join(str(error).split())


def _wrong(error: ValidationError) -> str:
    """The first thing that is wrong with the entries: its entry, its field, and what there may be."""
    from benchmark.tasks import nearest

    first = error.errors(include_url=False)[0]
    number, *rest = first["loc"]
    entry, fields = f"entry {int(number) + 1}", Request.model_fields
    if first["type"] == "extra_forbidden":
        return f"{entry}: no field '{rest[0]}'{nearest(str(rest[0]), fields)} An entry has {', '.join(fields)}"
    return f"{entry}: {'.'.join(map(str, rest)) or 'the whole entry'}: {first['msg']}; an entry has {', '.join(fields)}"


def values_set(assignments: Sequence[str]) -> dict[str, list[Value]]:
    """`name=value` and `name=value,value` texts as settings. Raises ValueError where one has no `=` or is set twice."""
    from benchmark.options import literal

    settings: dict[str, list[Value]] = {}
    for text in assignments:
        name, equals, values = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--set takes name=value, or name=value,value; got '{text}'")
        if name in settings:
            raise ValueError(f"--set gives '{name}' twice; several values: {name}=1,2")
        settings[name] = list(dict.fromkeys(literal(value) for value in values.split(",")))
    return settings
