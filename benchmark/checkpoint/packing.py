"""Python values and tensors as JSON and named tensors: without pickle, and without losing what is one object.

Every object has a number, so that one object under two names is one object again. Tensors that share a storage share
one again, with strides and alignment as they were: the last bit of a sum depends on both. Objects that were there when
training began (`live`) are filled where they are, for others may hold them too. `unpacking` is the way back.
"""

from __future__ import annotations

import math
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Json = Any
Named = dict[str, Tensor]

ALIGNED = 64  # bytes: torch's own allocations begin at multiples
SEQUENCES: dict[str, type] = {"list": list, "tuple": tuple, "deque": deque}
MAPPINGS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict}
LIVE_MAPPINGS = (defaultdict, Counter)  # what else they need stays with the live object


class CannotKeepError(Exception):
    """A value that neither JSON nor a tensor can hold; the message says where it is and of what kind."""


class Packer:
    """Packs values, each object once.

    live: name of an object by its id, where it was there when training began. same: whether such an object, of a kind
    that cannot be packed, is what it was.
    """

    def __init__(self, live: dict[int, str], same: Callable[[object], bool]) -> None:
        self._live, self._same = live, same
        self._numbers: dict[int, int] = {}
        self._held: list[object] = []  # or the id of a passing object would be given to another
        self._objects: list[Json] = []
        self._tensors: list[tuple[Json, Tensor, str]] = []

    def pack(self, value: object, where: str) -> Json:
        """A JSON value. where: its name, for the message and the tensors. Raises CannotKeepError."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if id(value) not in self._numbers:
            number = self._numbers[id(value)] = len(self._objects)
            self._held.append(value)
            self._objects.append(None)
            entry = self._objects[number] = self._entry(value, where)
            entry["live"] = self._live.get(id(value))
        return {"object": self._numbers[id(value)]}

    def finish(self) -> tuple[Json, Named]:
        """All objects and storages that were packed, and the tensors that hold their content, on the CPU."""
        groups: dict[object, list[tuple[Json, Tensor, str]]] = {}
        for entry, tensor, where in self._tensors:
            if tensor.numel():
                groups.setdefault((tensor.device, tensor.untyped_storage().data_ptr()), []).append(
                    (entry, tensor, where)
                )
        storages: list[Json] = []
        named: Named = {}
        for group in groups.values():
            for entry, _, _ in group:
                entry["storage"] = len(storages)
            name = group[0][2] if group[0][2] not in named else f"{group[0][2]} {len(storages)}"
            start, named[name] = _content([tensor for _, tensor, _ in group])
            storages.append({"name": name, "start": start, "device": group[0][1].device.type})
        return {"objects": self._objects, "storages": storages}, named

    def _entry(self, value: object, where: str) -> dict[str, Json]:
        kind, live = type(value).__name__, id(value) in self._live
        if isinstance(value, list | tuple | deque) and type(value) in SEQUENCES.values():
            items = [self.pack(item, f"{where}[{place}]") for place, item in enumerate(value)]
            return {kind: items, "maxlen": getattr(value, "maxlen", None)}
        if isinstance(value, dict) and (type(value) in MAPPINGS.values() or (live and type(value) in LIVE_MAPPINGS)):
            pairs = [(self.pack(k, f"a key of {where}"), self.pack(v, f"{where}[{k!r}]")) for k, v in value.items()]
            return {kind: pairs}
        if isinstance(value, Tensor):
            return self._tensor(value, where)
        for of, state in _states(value, where).items():
            return {of: self.pack(state, where), "device": str(getattr(value, "device", ""))}
        if live and self._same(value):
            return {"same": True}
        if live and hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
            return {"state_dict": self.pack(value.state_dict(), where)}
        raise CannotKeepError(f"{where} (a {kind})")

    def _tensor(self, tensor: Tensor, where: str) -> dict[str, Json]:
        plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided and not tensor.is_quantized
        if not plain or tensor.is_conj() or tensor.is_neg() or tensor.device.type == "meta":
            raise CannotKeepError(f"{where} (a {type(tensor).__name__}, {tensor.layout}, {tensor.device})")
        entry = {
            "tensor": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "stride": list(tensor.stride()),
            "offset": tensor.storage_offset(),
            "storage": None,
            "device": tensor.device.type,
            "gradient": tensor.requires_grad and tensor.is_leaf,
            "parameter": isinstance(tensor, nn.Parameter),
            "storage_live": self._live.get(storage_key(tensor)),
        }
        self._tensors.append((entry, tensor.detach(), where))
        return entry


def storage_key(tensor: Tensor) -> int:
    """What stands for a tensor's storage among ids: negative, as no id is; 0 for an empty one."""
    return -tensor.untyped_storage().data_ptr()


def _states(value: object, where: str) -> dict[str, Any]:
    """The state of a generator of random numbers, or the content of an array, under its kind; else nothing."""
    if isinstance(value, torch.Generator):
        return {"torch_generator": value.get_state()}
    if type(value) is np.random.Generator:
        return {"numpy_generator": value.bit_generator.state}
    if type(value) is random.Random:
        return {"random": value.getstate()}
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biufc" or not value.flags.c_contiguous or isinstance(value, np.longdouble):
            raise CannotKeepError(f"{where} (an array of {value.dtype})")
        return {"array" if isinstance(value, np.ndarray) else "number": torch.from_numpy(np.array(value))}
    return {}


def _content(views: list[Tensor]) -> tuple[int, Tensor]:
    """What the views of one storage reach of it: the first byte, and a tensor of all that follows, on the CPU."""
    ends = []
    for view in views:
        last = sum((size - 1) * stride for size, stride in zip(view.shape, view.stride(), strict=True))
        first = int(view.storage_offset()) * view.itemsize
        ends.append((first, first + (last + 1) * view.itemsize))
    start, stop = min(first for first, _ in ends) // ALIGNED * ALIGNED, max(stop for _, stop in ends)
    if views[0].is_contiguous() and ends[0] == (start, stop):
        return start, views[0].cpu()  # under its own shape and type: for whoever opens the file
    return start, storage_bytes(views[0].untyped_storage(), start, stop).cpu()


def storage_bytes(storage: torch.UntypedStorage, start: int, stop: int) -> Tensor:
    """Bytes of a storage, uint8 [byte], a view."""
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage, start, (stop - start,), (1,))
