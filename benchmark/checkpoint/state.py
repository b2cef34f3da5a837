"""All that a training holds, captured as JSON and tensors, and put back into a method that was built anew."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from benchmark.checkpoint.holdings import Holdings, joined
from benchmark.checkpoint.packing import CannotKeepError, Json, Named, Packer
from benchmark.checkpoint.unpacking import Unpacker


class DoesNotFitError(Exception):
    """A state that is not one of this method, these settings, this code; the message says where they differ."""


def capture(holdings: Holdings) -> tuple[Json, Named]:
    """Everything that decides the steps to come. Raises CannotKeepError, naming what cannot be kept."""
    held = holdings.held
    packer = Packer(holdings.names, holdings.same)
    modules = {path: _captured(packer, holdings, path, module) for path, module in holdings.modules()}
    document = {
        "outline": holdings.outline,
        "modules": {path: captured for path, captured in modules.items() if any(captured.values())},
        "optimised": [packer.pack(p, f"optimised {place}") for place, p in enumerate(held.parameters())],
        "optimisers": [packer.pack(o.state_dict(), f"optimiser {i}") for i, o in enumerate(held.optimisers)],
        "schedules": [packer.pack(s.state_dict(), f"schedule {i}") for i, s in enumerate(held.schedules)],
        "random": packer.pack(_random_states(holdings), "random"),
    }
    packed, named = packer.finish()
    return document | {"packed": packed}, named


def restore(holdings: Holdings, document: Json, named: Named) -> None:
    """Put a captured state back. Raises DoesNotFitError, and then nothing was changed."""
    _check_outline(document["outline"], holdings.outline)
    held = holdings.held
    unpacker = Unpacker(document["packed"], named, holdings.named, held.device)
    try:
        modules = {path: _unpacked(unpacker, captured) for path, captured in document["modules"].items()}
        random = unpacker.unpack(document["random"])
        for node in document["optimised"]:
            unpacker.unpack(node)
        states = [unpacker.unpack(node) for node in document["optimisers"] + document["schedules"]]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise DoesNotFitError(f"{type(error).__name__}: {error}") from error
    _load([*zip([*held.optimisers, *held.schedules], states, strict=True), *unpacker.loads])
    unpacker.load()
    for path, values in modules.items():
        _put_back(holdings.named[path], values, document["modules"][path]["gone"])
    held.draws.bit_generator.state = random["draws"]
    torch.set_rng_state(random["torch"])
    if random["cuda"] is not None:
        torch.cuda.set_rng_state(random["cuda"], held.device)


def _captured(packer: Packer, holdings: Holdings, path: str, module: nn.Module) -> dict[str, Json]:
    changes = holdings.changes(path, module)
    of: dict[str, dict[str, Any]] = {"tensors": {**module._parameters, **module._buffers}, "modules": changes.modules}
    captured: dict[str, Json] = {
        kind: {name: packer.pack(value, joined(path, name)) for name, value in values.items()}
        for kind, values in of.items()
    }
    try:
        plain = {name: packer.pack(value, joined(path, name)) for name, value in changes.attributes.items()}
    except CannotKeepError as error:
        raise CannotKeepError(f"{error}, an attribute of {type(module).__name__}, that") from error
    return captured | {"attributes": plain, "gone": changes.gone}


def _unpacked(unpacker: Unpacker, captured: Json) -> dict[str, dict[str, Any]]:
    """Tensors, modules and plain attributes by name; the names of those that are gone are not among them."""
    kinds = ("tensors", "modules", "attributes")
    return {kind: {name: unpacker.unpack(node) for name, node in captured[kind].items()} for kind in kinds}


def _put_back(module: nn.Module, values: dict[str, dict[str, Any]], gone: list[str]) -> None:
    for members in (module._parameters, module._buffers):
        members.update({name: values["tensors"][name] for name in members})
    module._modules.update(values["modules"])
    vars(module).update(values["attributes"])
    for name in gone:
        vars(module).pop(name, None)


def _random_states(holdings: Holdings) -> dict[str, Any]:
    device = holdings.held.device
    return {
        "draws": holdings.held.draws.bit_generator.state,
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def _check_outline(theirs: dict[str, Json], ours: dict[str, Json]) -> None:
    for name in [*theirs, *ours]:
        if theirs.get(name) != ours.get(name):
            raise DoesNotFitError(f"'{name}' is {theirs.get(name, 'not')} there, {ours.get(name, 'not')} in the method")


def _load(pairs: list[tuple[Any, Any]]) -> None:
    """Let optimisers and the like load their states: all of them, or none."""
    before = [copy.deepcopy(loader.state_dict()) for loader, _ in pairs]
    for loader, state in pairs:
        try:
            loader.load_state_dict(state)
        except Exception as error:  # a stranger's optimiser may raise anything
            for (other, _), first in zip(pairs, before, strict=True):
                other.load_state_dict(first)
            raise DoesNotFitError(f"{type(loader).__name__} does not load it: {error}") from error
    for loader, state in pairs:
        if type(loader).load_state_dict is torch.optim.Optimizer.load_state_dict:  # which casts to the parameters' type
            parameters = [p for group in loader.param_groups for p in group["params"]]
            loader.state.update({parameters[place]: kept for place, kept in state["state"].items()})
