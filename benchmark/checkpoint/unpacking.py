"""What `packing` packed, as objects again: first everything is built, then `load` changes what is live."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.checkpoint.packing import MAPPINGS, SEQUENCES, Json, Named, storage_bytes


class Unpacker:
    """Builds objects anew, or takes them by name from those that are there already (`live`), unchanged until `load`.

    device: of tensors that were on no CPU.
    """

    def __init__(self, packed: Json, named: Named, live: Mapping[str, Any], device: torch.device) -> None:
        self._objects, self._storages = packed["objects"], packed["storages"]
        self._named, self._live, self._device = named, live, device
        self._built: dict[int, Any] = {}
        self._bases: dict[int, tuple[torch.UntypedStorage, int]] = {}
        self._changes: list[Callable[[], object]] = []
        self.loads: list[tuple[Any, Any]] = []  # objects that load a state_dict themselves, with what they load

    def unpack(self, node: Json) -> Any:
        """The value of a JSON value. Raises KeyError, TypeError or ValueError where it is none of `Packer`'s."""
        if not isinstance(node, dict):
            return node
        if "float" in node:
            return float(node["float"])
        number = node["object"]
        if number not in self._built:
            self._build(number, self._objects[number])
        return self._built[number]

    def load(self) -> None:
        """Give everything live its content."""
        for change in self._changes:
            change()

    def _build(self, number: int, entry: dict[str, Json]) -> None:
        live = None if entry["live"] is None else self._live[entry["live"]]
        kind = next(iter(entry))
        if kind in ("same", "state_dict"):
            self._built[number] = live
            if kind == "state_dict":
                self.loads.append((live, self.unpack(entry[kind])))
        elif kind == "tensor":
            self._built[number] = self._tensor(entry, live)
        elif kind == "tuple":
            self._built[number] = tuple(map(self.unpack, entry[kind])) if live is None else live
            if live is not None:
                self._fill_items(entry[kind])
        elif kind in SEQUENCES:
            value = self._built[number] = live if live is not None else _empty(kind, entry["maxlen"])
            items = [self.unpack(item) for item in entry[kind]]
            self._change(live, lambda: (value.clear(), value.extend(items)))
        elif isinstance(entry[kind], list):
            value = self._built[number] = live if live is not None else MAPPINGS[kind]()
            pairs = [(self.unpack(key), self.unpack(item)) for key, item in entry[kind]]
            self._change(live, lambda: (value.clear(), value.update(dict(pairs))))
        else:
            self._built[number] = self._stateful(kind, self.unpack(entry[kind]), entry["device"], live)

    def _fill_items(self, items: list[Json]) -> None:
        """A live tuple holds what it held; its items may be filled."""
        for item in items:
            self.unpack(item)

    def _change(self, live: object, change: Callable[[], object]) -> None:
        """Do it now to a new object, later to a live one."""
        if live is None:
            change()
        else:
            self._changes.append(change)

    def _stateful(self, kind: str, state: Any, device: str, live: Any) -> Any:
        if kind == "number":
            return state.numpy()[()]
        if kind == "array":
            array = state.numpy()
            if live is not None and (live.shape, live.dtype) == (array.shape, array.dtype):
                self._changes.append(lambda: np.copyto(live, array))
                return live
            return array.copy()
        generator: Any
        if kind == "torch_generator":
            generator = live if live is not None else torch.Generator("cpu" if device == "cpu" else self._device)
            self._change(live, lambda: generator.set_state(state))
        elif kind == "random":
            generator = live if live is not None else random.Random()
            self._change(live, lambda: generator.setstate(state))
        elif kind == "numpy_generator":
            kind_of_bits = getattr(np.random, state["bit_generator"])
            generator = live if live is not None else np.random.Generator(kind_of_bits())
            self._change(live, lambda: setattr(generator.bit_generator, "state", state))
        else:
            raise ValueError(f"no kind of value '{kind}'")
        return generator

    def _tensor(self, entry: dict[str, Json], live: Tensor | None) -> Tensor:
        dtype, shape, stride = getattr(torch, entry["tensor"]), tuple(entry["shape"]), tuple(entry["stride"])
        if entry["storage"] is None:
            place = self._place(entry["device"])
            built = torch.empty_strided(shape, stride, dtype=dtype, device=place)
        else:
            storage, start = self._base(entry["storage"], entry["storage_live"])
            built = torch.empty(0, dtype=dtype, device=storage.device)
            built.set_(storage, entry["offset"] - start // built.itemsize, shape, stride)
        if live is None:
            return (
                nn.Parameter(built, entry["gradient"])
                if entry["parameter"]
                else built.requires_grad_(entry["gradient"])
            )
        if live.dtype != dtype or live.device != built.device:
            raise ValueError(f"a tensor is {live.dtype} on {live.device}, and was {dtype} on {built.device}")
        self._changes.append(lambda: _become(live, built, entry["gradient"]))
        return live

    def _base(self, number: int, live: str | None) -> tuple[torch.UntypedStorage, int]:
        """A storage with its content, and the byte that it begins with; a live one gets its content later."""
        if number not in self._bases:
            described = self._storages[number]
            content = self._named[described["name"]].reshape(-1).view(torch.uint8)
            if live is None:
                storage = torch.UntypedStorage(len(content), device=self._place(described["device"]))
                storage_bytes(storage, 0, len(content)).copy_(content)
                self._bases[number] = storage, described["start"]
            else:
                storage, start = self._live[live].untyped_storage(), described["start"]
                if storage.nbytes() < start + len(content):
                    raise ValueError(f"{live} has {storage.nbytes()} bytes, and had {start + len(content)}")
                self._changes.append(lambda: storage_bytes(storage, start, start + len(content)).copy_(content))
                self._bases[number] = storage, 0
        return self._bases[number]

    def _place(self, device: str) -> torch.device:
        return torch.device("cpu") if device == "cpu" else self._device


def _empty(kind: str, maxlen: int | None) -> Any:
    return deque(maxlen=maxlen) if kind == "deque" else SEQUENCES[kind]()


def _become(live: Tensor, built: Tensor, gradient: bool) -> None:
    """Let a tensor see what another sees, unless it does so already."""
    seen = [(t.untyped_storage().data_ptr(), t.storage_offset(), t.shape, t.stride()) for t in (live, built)]
    if seen[0] != seen[1]:
        live.data = built
    if live.is_leaf:
        live.requires_grad_(gradient)
