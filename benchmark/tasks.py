"""Tasks and presets: frozen, named, versioned settings of what is learnt and how much of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import generators
from generators.pairs import Pairing

BENCHMARK_VERSION = "0.1"

# The tasks that the board ranks; `load_task` takes any other name of the same form.
BOARD = ("phrases/timbre", "phrases/pitch", "phrases/loudness", "phrases/rhythm")


@dataclass(frozen=True)
class Task:
    """What is to be learnt: views of one example share some factors, which belong in the block `shared`.

    name: space/shared-factors. pairings: by the block that the views of an example share. blocks: the factors that each
    block owns.
    """

    name: str
    version: str
    space: str
    pairings: dict[str, Pairing]
    blocks: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Preset:
    """How much of it: presets never share a table.

    clips: nuisance draws of each combination, by role; validation clips are for tuning alone.
    steps, examples: optimiser steps, and examples (of two views) a step. width, depth: the trunk's.
    """

    name: str
    summary: str
    clips: dict[str, int]
    steps: int
    examples: int
    width: int
    depth: int


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "tiny",
            "seconds: for tests and first tries; its scores mean nothing",
            {"train": 1, "probe": 1, "test": 1},
            steps=60,
            examples=64,
            width=128,
            depth=1,
        ),
        Preset(
            "quick",
            "two minutes on two cores: the board's first table",
            {"train": 3, "probe": 1, "test": 1},
            steps=2_000,
            examples=128,
            width=384,
            depth=1,
        ),
    )
}


def load_task(name: str) -> Task:
    """The task of a name such as `phrases/timbre` or `phrases/timbre+rhythm`.

    Raises ValueError with the nearest valid names where the space or a factor is unknown, or a block would own nothing.
    """
    space_name, slash, shared_text = name.partition("/")
    if space_name not in generators.SPACES or not slash:
        raise ValueError(f"no task '{name}'{nearest(name, BOARD)} python -m benchmark.list shows the board's tasks")
    space = generators.space(space_name)
    shared = shared_text.split("+")
    for factor in shared:
        if factor not in space.names:
            raise ValueError(
                f"no task '{name}': '{space_name}' has no factor '{factor}'{nearest(factor, space.names)} "
                f"its factors are {', '.join(space.names)}"
            )
    private = frozenset(space.names) - frozenset(shared)
    if not private:
        raise ValueError(f"no task '{name}': it shares every factor, so the private block would own none")
    ordered = "+".join(factor for factor in space.names if factor in shared)
    return Task(
        name=f"{space_name}/{ordered}",
        version="1",
        space=space_name,
        pairings={"shared": Pairing(frozenset(shared))},
        blocks={"shared": frozenset(shared), "private": private},
    )


def load_preset(name: str) -> Preset:
    """The preset of a name. Raises ValueError listing those that there are."""
    if name not in PRESETS:
        raise ValueError(f"no preset '{name}'{nearest(name, PRESETS)} there are: {', '.join(PRESETS)}")
    return PRESETS[name]


def nearest(name: str, known: object) -> str:
    """The middle of an error: the nearest known name as a question, or a full stop."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)  # type: ignore[call-overload]
    return f"; did you mean '{near[0]}'?" if near else "."
