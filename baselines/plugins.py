"""Methods from elsewhere: a file, a module, or what an installed package offers as entry points `dtones.methods`.

A plugin is a `Method`, which the suite trains, or an encoder that somebody else trained (`baselines.encoders`). How it
is found does not decide what comes out, so no code that does imports this.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from baselines import plugin_files
from baselines.registry import names

if TYPE_CHECKING:
    from baselines.contract import Method
    from baselines.encoders import Foreign

GROUP = "dtones.methods"
# What a command line reads as something else, or as the name of a folder.
RESERVED = ("all", "oracle", "oracles")
NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"


@dataclass(frozen=True)
class Address:
    """Where a plugin is, as `--plugin` takes it: `my_method.py`, `zoo.py:Small` or `package.module:Name`.

    path: the file; None for a module. module: its dotted name; None for a file. attribute: the name in it, or None.
    """

    path: Path | None
    module: str | None
    attribute: str | None

    @classmethod
    def of(cls, text: str | Path) -> Address:
        """The address of a text. Raises ValueError where it is neither a file's nor a module's."""
        place, colon, attribute = str(text).rpartition(":")
        if not colon or not re.fullmatch(r"[A-Za-z_][\w.]*", attribute):
            place, attribute = str(text), ""
        if not place.endswith(".py") and re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", place) and not _exists(place):
            return cls(None, place, attribute or None)
        return cls(Path(place), None, attribute or None)

    @property
    def name(self) -> str:
        """The name of the method there: what is named in it, or the file's, or the last of the module's."""
        last = self.attribute or (self.path.stem if self.path is not None else str(self.module))
        return last.rpartition(".")[2]

    @property
    def told(self) -> str:
        """The plugin in the middle of a message."""
        return f"the plugin '{self.path if self.path is not None else self.module}'"

    def file(self) -> Path:
        """The file that decides it. Raises ValueError where there is none."""
        if self.path is not None:
            if not self.path.is_file():
                raise ValueError(f"no plugin file '{self.path}'; expected a Python file that defines a Method")
            return self.path
        return plugin_files.file_of_module(str(self.module))


def load(address: Address, name: str | None = None) -> tuple[type[Method] | Foreign, Path]:
    """The method or encoder at an address, and the file that it is in. name: that it is called by; None: the address's.

    Raises ValueError where there is none, it does not run, lacks what it needs, has a name that cannot be a method's or
    is another's, or imports what knows the factors.
    """
    called, file = name or address.name, address.file()
    if called in names():
        advice = "rename the file" if address.attribute is None else "rename it"
        raise ValueError(f"{address.told} takes the name of a built-in method: {advice}")
    if called in RESERVED or not re.fullmatch(NAME, called):
        raise ValueError(f"{address.told} cannot name a method: rename it, with letters, digits, _ and -")
    plugin_files.check_imports(file)
    key = (address, called, file.resolve(), file.read_bytes())
    if key not in _encoders:  # made once: weights may be large. A method's module is run anew, for it may keep state
        found = _found(address, called, file)
        if isinstance(found[0], type):
            return found
        _encoders[key] = found
    return _encoders[key]


_encoders: dict[object, tuple[type[Method] | Foreign, Path]] = {}


def _found(address: Address, name: str, file: Path) -> tuple[type[Method] | Foreign, Path]:
    module = plugin_files.run(address.module, file, address.told)
    if address.attribute is None:
        return found_in(module, name), file
    target: Any = module
    for part in address.attribute.split("."):
        if not hasattr(target, part):
            raise ValueError(f"{address.told} has no '{address.attribute}'; it has {', '.join(_public(module))}")
        target = getattr(target, part)
    source = _defined_in(target) or file
    if source != file:  # it is but imported there: what decides it is the file that defines it
        plugin_files.check_imports(source)
    return method_or_encoder(target, name, source), source


def installed() -> dict[str, EntryPoint]:
    """What installed packages offer, by name. Raises ValueError where two offer one name, or one a built-in's."""
    found: dict[str, EntryPoint] = {}
    for one in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        other = found.setdefault(one.name, one)
        if other.value != one.value:
            raise ValueError(f"two installed packages offer a method '{one.name}': {other.value} and {one.value}")
        if one.name in names() or one.name in RESERVED or not re.fullmatch(NAME, one.name):
            raise ValueError(
                f"an installed package offers {one.value} as '{one.name}', which is another's name, or cannot be one: "
                f"rename its entry point in the group {GROUP}"
            )
    return found


def load_installed(name: str) -> tuple[type[Method] | Foreign, Path]:
    """The method that an installed package offers by this name, as `load`."""
    return load(Address.of(installed()[name].value), name)


def found_in(module: ModuleType, name: str) -> type[Method] | Foreign:
    """The one method or encoder that a module defines. Raises ValueError where there is none, or more than one.

    The module itself is one where it has `sample_rate` and `embed`; an instance is one, rather than its class.
    """
    from baselines.contract import Method

    path = Path(str(module.__file__))
    if hasattr(module, "sample_rate") and callable(getattr(module, "embed", None)):
        return method_or_encoder(module, name, path)
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    classes = [value for value in own if isinstance(value, type)]
    methods = [value for value in classes if issubclass(value, Method)]
    made = [value for value in vars(module).values() if _is_instance(value)]
    encoders = made or [value for value in classes if hasattr(value, "embed") and value not in methods]
    if not methods and not encoders and callable(getattr(module, "embed", None)):
        raise ValueError(f"{path} has embed and no sample_rate: set it to that of the audio it takes, in Hz")
    if not methods and not encoders and hasattr(module, "sample_rate"):
        raise ValueError(f"{path} has sample_rate and no embed: write one that returns the codes of clips")
    if len(methods) + len(encoders) != 1:
        raise ValueError(
            f"{path} must define one Method; it defines {len(methods)}"
            if len(methods) > 1
            else f"{path} must define one Method; it defines 0, and no encoder, which has sample_rate and embed"
            if not encoders
            else f"{path} must define one method or encoder; it defines {len(methods) + len(encoders)}: say which, as "
            f"{path}:{getattr(encoders[0], '__name__', 'Name')}"
        )
    return method_or_encoder((methods + encoders)[0], name, path)


def method_or_encoder(target: Any, name: str, path: Path) -> type[Method] | Foreign:
    """What a plugin's object is. Raises ValueError where something of it is missing."""
    from baselines.contract import Family, Method
    from baselines.encoders import Foreign
    from baselines.registry import checked

    if isinstance(target, type) and issubclass(target, Method):
        known = [family for family in get_args(Family) if family != "oracle"]
        if target.family not in known:
            raise ValueError(f"{path}: {target.__name__} states the family {target.family!r}; there are {known}")
        return checked(target, path)
    foreign = Foreign(name, target, path)
    if isinstance(target, type):
        if not callable(getattr(target, "embed", None)):
            raise ValueError(f"{path}: {target.__name__} has no embed: write one that returns the blocks")
        if "__init__" not in _own_names(target) and not hasattr(target, "sample_rate"):
            raise ValueError(f"{path}: {target.__name__} has no sample_rate: set it to that of the audio it takes")
        needed = _needed(target)
        if needed:
            raise ValueError(f"{path}: {target.__name__} is made without arguments, but needs {', '.join(needed)}")
    elif hasattr(target, "embed") or not callable(target):
        _ = foreign.encoder  # it is there already: all that is wrong with it can be told now
    return foreign


def _needed(target: Callable[..., Any]) -> list[str]:
    """The arguments that a class cannot be called without; none where they cannot be known."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return []
    given = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in given]


def _own_names(cls: type) -> set[str]:
    """What a class and those that it inherits from define, apart from `object`."""
    return {name for one in cls.__mro__[:-1] for name in vars(one)}


def _is_instance(value: object) -> bool:
    loose = isinstance(value, type | ModuleType)
    return not loose and hasattr(value, "sample_rate") and callable(getattr(value, "embed", None))


def _public(module: ModuleType) -> list[str]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return [name for name in own if not name.startswith("_")] or ["nothing of its own"]


def _defined_in(target: Any) -> Path | None:
    """The file of a class or function; None for anything else."""
    if not isinstance(target, type) and not inspect.isfunction(target):
        return None
    module = sys.modules.get(target.__module__)
    file = getattr(module, "__file__", None)
    return Path(file) if file is not None and file.endswith(".py") else None


def _exists(text: str) -> bool:
    return Path(text).is_file()
