"""What a user may ask of a run, checked before anything is made. Every mistake is a `ValueError` of one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from baselines import plugins, registry
from benchmark import learners, oracles
from benchmark.oracles import Oracle
from benchmark.tasks import nearest

if TYPE_CHECKING:
    import torch

    from baselines.contract import CommonSettings, Method
    from baselines.encoders import Foreign

_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


# A class of methods, or an encoder: one that is given the factors, or of somebody else's; and the file that it is in.
Chosen = tuple["type[Method] | Oracle | Foreign", Path]


def chosen_methods(asked: Sequence[str], plugin: str | Path | None) -> dict[str, Chosen]:
    """What each name asked for stands for, once: "all" for every built-in method, "oracles" for every oracle.

    plugin: as `plugins.Address` has it. Raises ValueError with the nearest name where there is none, and for a plugin
    that cannot be one.
    """
    groups = {"all": registry.names, "oracles": lambda: [*oracles.names(), *learners.names()]}
    wanted = dict.fromkeys(each for name in asked for each in (groups[name]() if name in groups else [name]))
    address = None if plugin is None else plugins.Address.of(plugin)
    if address is not None and address.name not in wanted:
        plugins.load(address)  # first of all it must be one
        raise ValueError(
            f"the plugin '{plugin}' holds the method '{address.name}': ask for it, --method {address.name}"
        )
    return {name: _chosen(name, address) for name in wanted}


def _chosen(name: str, address: plugins.Address | None) -> Chosen:
    if address is not None and name == address.name:
        return plugins.load(address)
    if name in learners.names():
        return learners.load(name), learners.path_of(name)
    if name.startswith(oracles.PREFIX):
        return oracles.named(name), Path(oracles.__file__)
    if name not in registry.names() and name in plugins.installed():
        return plugins.load_installed(name)
    return registry.load(name), registry.path_of(name)


def literal(text: str) -> bool | int | float | str:
    """A setting's value as it was typed: a number, true or false, or the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def settings_for(
    method: str, schema: type[CommonSettings], given: Mapping[str, bool | int | float | str]
) -> CommonSettings:
    """The method's settings with those given. Raises ValueError naming the setting, its range and what came."""
    for name in given:
        if name not in schema.model_fields:
            raise ValueError(
                f"'{method}' has no setting '{name}'{nearest(name, schema.model_fields)} "
                f"It has {', '.join(schema.model_fields)}"
            )
    try:
        return schema(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if name not in given:  # settings that do not go together, or one that has no default
            message = first["msg"].removeprefix("Value error, ")
            raise ValueError(" ".join(f"{method}: {name} {message}".split())) from error
        came = given[name]
        raise ValueError(
            f"{method}: {name} is {came if not isinstance(came, str) else repr(came)}; expected {_range(schema, name)}"
        ) from error


def _range(schema: type[CommonSettings], name: str) -> str:
    """What a setting may be, in words."""
    field = schema.model_fields[name]
    kinds: dict[object, str] = {int: "an integer", float: "a number", bool: "true or false"}
    kind = kinds.get(field.annotation)
    if kind is None:
        choices = getattr(field.annotation, "__args__", ())
        return f"one of {', '.join(map(str, choices))}" if choices else "a text"
    bounds = [
        f"{sign} {getattr(limit, attribute)}"
        for limit in field.metadata
        for attribute, sign in _BOUNDS.items()
        if hasattr(limit, attribute)
    ]
    return " ".join([kind, " and ".join(bounds)]).strip()


def settings_of(
    name: str, chosen: type[Method] | Oracle | Foreign, given: Mapping[str, bool | int | float | str]
) -> CommonSettings | None:
    """The settings of what was chosen, with those given; None for an encoder, which has none. Raises ValueError."""
    if isinstance(chosen, type):
        return settings_for(name, chosen.Settings, given)
    if given:
        kind = "oracle" if isinstance(chosen, Oracle) else "encoder"
        raise ValueError(f"'{name}' is an {kind} and has no settings; got --set {next(iter(given))}")
    return None


def checked_seeds(seeds: Iterable[int]) -> list[int]:
    """The seeds, each once. Raises ValueError for one that is out of range."""
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed} is out of range; expected 0 to {2**32 - 1}")
    return list(dict.fromkeys(seeds))


def label(method: str, settings: CommonSettings | None, given: Iterable[str]) -> str:
    """The name that a result goes by: the method's, then those of the settings given that are not its defaults."""
    if settings is None:
        return method
    fields = type(settings).model_fields
    other = [name for name in sorted(given) if getattr(settings, name) != fields[name].default]
    return ",".join([method, *(f"{name}={getattr(settings, name)}" for name in other)])


def chosen_device(name: str) -> torch.device:
    """The device of a name; `auto` is the GPU where there is one. Raises ValueError where it is not to be had."""
    import torch

    known = ["auto", "cpu", "cuda"]
    base, colon, number = name.partition(":")
    numbered = base == "cuda" and number.isascii() and number.isdigit()
    if base not in known or (colon and not numbered):
        raise ValueError(f"no device '{name}'{nearest(name, known)} Devices are {', '.join(known)} and cuda:N")
    if base == "cpu" or (base == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise ValueError(f"no device '{name}': this machine has {count} CUDA devices; --device cpu works everywhere")
    return torch.device("cuda", int(number or 0))
