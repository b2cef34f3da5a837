"""What decides the steps to come of a training, found and named as it begins: modules, tensors, plain attributes.

What does not change until a checkpoint is there again once the method is built and prepared anew; so it must be known
what was there, and as what.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import types
import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.contract import CommonSettings
from baselines.networks import Trunk
from benchmark.checkpoint.packing import CannotKeepError, Json, storage_key
from benchmark.keeping import Held

MODULES_OWN = vars(nn.Module()).keys() - {"training"}  # how torch keeps a module; `training` may be switched
# Whether one of these is what it was, its identity says. What a function closes over is not looked at.
CONSTANT = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, Trunk, CommonSettings)
FILLED = (
    list,
    dict,
    deque,
    np.ndarray,
)  # another one of equal content is not the same: somebody else may hold the first


@dataclass(frozen=True)
class Changes:
    """Of a module: members that are now other modules; plain attributes that are new or changed, and those gone."""

    modules: dict[str, nn.Module | None]
    attributes: dict[str, Any]
    gone: list[str]


class Holdings:
    """Everything that is held, by name: made when the method is prepared and has given its optimisers.

    named: objects, `encoder.0.weight` or `queue[3]`; kept alive, so that their ids stay theirs. names: by id, those of
    storages by `storage_key`. outline: types and layouts by name, which differ for another method or other settings.
    """

    def __init__(self, held: Held) -> None:
        self.held = held
        self.named: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        for index, (optimiser, schedule) in enumerate(zip(held.optimisers, held.schedules, strict=True)):
            self._name(f"optimiser {index}", optimiser)
            self._name(f"schedule {index}", schedule)
        self._loops = frozenset(self.names)
        self._walk("", held.method)
        for place, parameter in enumerate(held.parameters()):
            self._walk(f"optimised {place}", parameter)
        self._storages = [value.untyped_storage() for value in self.named.values() if isinstance(value, Tensor)]
        self._members = {path: _members(module) for path, module in self.modules()}
        self._digests = {id(v): self._digest(v) for v in self.named.values() if not isinstance(v, Tensor)}
        self._fingerprints = {
            (path, name): self._fingerprint(value)
            for path, module in self.modules()
            for name, value in attributes(module).items()
        }
        self.outline: dict[str, Json] = {path: _outlined(value) for path, value in self.named.items()}

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every module with its path, those that plain attributes hide from torch included."""
        return ((path, value) for path, value in self.named.items() if isinstance(value, nn.Module))

    def changes(self, path: str, module: nn.Module) -> Changes:
        """What a module holds otherwise than at the beginning, its tensors aside.

        Raises CannotKeepError where it has members of other names, or modules or parameters that were not there.
        """
        was, members = self._members[path], _members(module)
        for name in sorted(was.keys() | members.keys()):
            member = members.get(name)
            if (name in was) != (name in members) or not (member is was[name] or id(member) in self.names):
                raise CannotKeepError(f"{joined(path, name)} (new, gone or another one), that")
        now = attributes(module)
        gone = [name for of, name in self._fingerprints if of == path and name not in now]
        plain = {k: v for k, v in now.items() if self._fingerprint(v) != self._fingerprints.get((path, k))}
        return Changes({k: v for k, v in module._modules.items() if v is not was[k]}, plain, gone)

    def same(self, value: object) -> bool:
        """Whether an object that was there has the content that it had."""
        return self._digests.get(id(value), b"") == self._digest(value)

    def _name(self, path: str, value: object) -> None:
        self.named[path] = value
        self.names[id(value)] = path
        if isinstance(value, Tensor) and storage_key(value):
            self.names.setdefault(storage_key(value), path)

    def _walk(self, path: str, value: object) -> None:
        if value is None or type(value) in (bool, int, float, str) or id(value) in self.names:
            return
        self._name(path, value)
        if isinstance(value, nn.Module):
            for name, part in [*value._modules.items(), *value._parameters.items(), *value._buffers.items()]:
                self._walk(joined(path, name), part)
            for name, attribute in attributes(value).items():
                self._walk(joined(path, name), attribute)
        elif isinstance(value, list | tuple | deque):
            for place, item in enumerate(value):
                self._walk(f"{path}[{place}]", item)
        elif isinstance(value, dict):
            for place, (key, item) in enumerate(value.items()):
                self._walk(f"{path}[{key!r}]" if isinstance(key, str | int) else f"{path}[number {place}]", item)

    def _fingerprint(self, value: object) -> tuple[int | None, bytes]:
        return (id(value) if isinstance(value, FILLED) else None), self._digest(value)

    def _digest(self, value: object) -> bytes:
        """For comparison alone, within this process; another one each time where there is no telling."""
        content = BytesIO()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some things are soon not to be pickled; nothing of this is kept
                _Digester(content, self.names, self._loops).dump(value)
        except Exception:  # whatever a stranger's object raises: it is then not known to be the same
            return os.urandom(16)
        return hashlib.blake2b(content.getvalue(), digest_size=16).digest()


class _Digester(pickle.Pickler):
    """Pickles for a digest: tensors by content; by name the modules and `loops`, which are looked after elsewhere."""

    def __init__(self, file: BytesIO, names: dict[int, str], loops: frozenset[int]) -> None:
        super().__init__(file)
        self._names, self._loops = names, loops

    def persistent_id(self, value: object) -> object:
        name = self._names.get(id(value))
        if isinstance(value, Tensor):
            return ("tensor", name, str(value.dtype), value.stride(), value.storage_offset(), _hashed(value))
        if isinstance(value, torch.Generator):
            return ("generator", name, _hashed(value.get_state()))
        if id(value) in self._loops or (name is not None and isinstance(value, nn.Module)):
            return ("kept", name)
        if isinstance(value, CONSTANT) or type(value).__module__.startswith("torch._dynamo"):
            return ("constant", id(value))
        return None


def attributes(module: nn.Module) -> dict[str, Any]:
    """What a module holds that torch does not keep for it."""
    return {name: value for name, value in vars(module).items() if name not in MODULES_OWN}


def joined(path: str, name: str) -> str:
    """Name of a member of a module."""
    return f"{path}.{name}" if path else name


def _members(module: nn.Module) -> dict[str, object]:
    """What torch keeps for a module: modules and parameters, and the names of buffers, which may be replaced."""
    return {**module._modules, **module._parameters, **dict.fromkeys(module._buffers)}


def _hashed(tensor: Tensor) -> bytes:
    digest = hashlib.blake2b(str(tensor.shape).encode(), digest_size=16)
    digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()


def _outlined(value: object) -> Json:
    if isinstance(value, Tensor):
        return [str(value.dtype), list(value.shape), list(value.stride())]
    return type(value).__name__
