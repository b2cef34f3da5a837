"""What a submission must satisfy before it is run: each function says what is wrong, a line a fault.

A plugin is checked on noise, for what is checked depends on no sound.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from baselines import registry
from baselines.contract import Batch, Family, Method
from benchmark.embedding import embed
from benchmark.execution import Run, build
from benchmark.features import front_end_of
from benchmark.train import ContractError, DivergedError
from benchmark.trial import tried

LONGEST_LINE = 120  # benchmark.list shows it
CLIPS = 64


def faults(run: Run) -> list[str]:
    """All that is wrong with a plugin. What it raises is a fault, with its line."""
    found = file_faults(run.label, run.source)
    try:
        tried(run)
        if isinstance(run.method, type):
            found += class_faults(run.label, run.method) + settings_faults(run.label, run.method)
            found += _of_a_method(run)
    except (ContractError, DivergedError) as error:
        found.append(str(error))
    except Exception as error:  # whatever a stranger's method raises is what is wrong with it
        where = registry.line_of(error, run.source)
        found.append(f"{run.source}{where}: {registry.said_by(error)}" if where else registry.said_by(error))
    return [" ".join(fault.split()) for fault in found]


def _of_a_method(run: Run) -> list[str]:
    shape = front_end_of(run.task.space)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        features = torch.randn(CLIPS, shape.n_frames, shape.n_mels)
        method = build(run, shape)
        if method is None:
            return []
        method.prepare(features)
        found = step_faults(run.label, method, features)
        method.eval()
        return found + state_faults(run.label, method, features)


def file_faults(name: str, path: Path) -> list[str]:
    """Whether a file's docstring says, in a line that can be shown, what it is."""
    line = registry.summary(path)
    if line == "(no docstring)":
        return [f"{name}: begin the file with a docstring; its first line is what benchmark.list shows"]
    found = []
    if len(line) > LONGEST_LINE:
        found.append(f"{name}: shorten the docstring's first line to {LONGEST_LINE} characters; it is shown in lists")
    if not line.endswith("."):
        found.append(f"{name}: end the docstring's first line with a full stop; it must be a sentence: {line!r}")
    return found


def class_faults(name: str, cls: type[Method]) -> list[str]:
    """Whether a class says what it is, and of which family."""
    found = [] if cls.__doc__ else [f"{name}: give the class {cls.__name__} a docstring"]
    if cls.family not in get_args(Family):
        found.append(f"{name}: set family to one of {get_args(Family)}; it is {cls.family!r}")
    return found


def settings_faults(name: str, cls: type[Method]) -> list[str]:
    """Whether every setting has a default, a description, and a range or a choice."""
    found = []
    for setting, field in cls.Settings.model_fields.items():
        if not field.description:
            found.append(f"{name}: explain the setting {setting}: Field(..., description=...)")
        if field.is_required():
            found.append(f"{name}: give the setting {setting} a default")
        if field.annotation in (int, float):
            bounds = {sign for limit in field.metadata for sign in ("gt", "ge", "lt", "le") if hasattr(limit, sign)}
            if not bounds & {"gt", "ge"}:
                found.append(f"{name}: give the setting {setting} a lower bound: Field(..., ge=...)")
            if not bounds & {"lt", "le"}:
                found.append(f"{name}: give the setting {setting} an upper bound: Field(..., le=...)")
        elif field.annotation not in (bool, str) and not get_args(field.annotation):
            found.append(f"{name}: make the setting {setting} a number, a bool, a str or a Literal")
    return found


def step_faults(name: str, method: Method, features: Tensor) -> list[str]:
    """Whether a step's terms are finite scalars, and its loss reaches all that is trained.

    method: new, and prepared. features: standardised, [clip, frame, mel], an even number of clips.
    """
    found, optimisers = list[str](), method.optimisers()
    if not optimisers:
        return []
    batch = Batch(features[:32].unflatten(0, (-1, 2)), "shared", 0.5)
    for index in range(len(optimisers)):
        terms = method.training_step(batch, index)
        if "loss" not in terms:
            return [f"{name}: training_step must return its loss under 'loss'; it returned {sorted(terms)}"]
        for term, value in terms.items():
            if value.shape != ():
                found.append(f"{name}: the term {term} must be a scalar; its shape is {tuple(value.shape)}")
            elif not torch.isfinite(value):
                found.append(f"{name}: the term {term} is {value} at the first step")
        if found:
            return found
        terms["loss"].backward()
    optimised = {id(p) for o in optimisers for group in o.param_groups for p in group["params"]}
    return [fault for fault in (_reached(name, *one, optimised) for one in method.named_parameters()) if fault]


def _reached(name: str, parameter: str, tensor: Tensor, optimised: set[int]) -> str | None:
    advice = "use it in the loss, freeze it or drop it"
    if not tensor.requires_grad:
        return None
    if id(tensor) not in optimised:
        return f"{name}: no optimiser holds the parameter {parameter}: {advice}"
    if tensor.grad is None:
        return f"{name}: no gradient reaches the parameter {parameter}: {advice}"
    if not torch.isfinite(tensor.grad).all():
        return f"{name}: the gradient of {parameter} is not finite"
    return None if tensor.grad.any() else f"{name}: the gradient of {parameter} is zero everywhere: {advice}"


def state_faults(name: str, method: Method, features: Tensor) -> list[str]:
    """Whether what a method embeds by is all in its state: a copy with this state embeds alike."""
    found = []
    for path, module in method.named_modules():
        loose = [attribute for attribute, value in vars(module).items() if isinstance(value, Tensor)]
        if loose:
            found.append(f"{name}: {path} holds {loose} outside its state; register a tensor that is kept as a buffer")
    clone = copy.deepcopy(method)
    clone.load_state_dict(method.state_dict())
    with torch.no_grad():
        before, after = embed(method, features[:20]), embed(clone, features[:20])
    return found + [
        f"{name}: {block} differs after a round trip through state_dict; register what embed needs as a buffer"
        for block, codes in before.items()
        if not torch.equal(codes, after[block])
    ]
