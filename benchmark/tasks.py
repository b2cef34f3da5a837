"""Tasks and presets: frozen, named, versioned settings of what is learnt and how much of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

import generators
from generators.factors import FactorSpace
from generators.pairs import AUGMENT, IDENTICAL, INDEPENDENT, Pairing
from generators.splits import IID, Split, parse

# The tasks that the board ranks; `load_task` takes any other name of the same form.
BOARD = ("phrases/timbre", "phrases/pitch", "phrases/loudness", "phrases/rhythm")
# Those that show what else there is.
EXTRA = (
    "phrases@heldout(pitch,timbre,0.2)/timbre",
    "phrases@extrapolate(pitch,0.25)/timbre",
    "phrases@correlated(pitch,timbre,0.9)/timbre",
    "phrases/timbre,rhythm",
    "phrases/augment",
    "phrases/independent",
    "phrases/identical",
)
# What stands for shared factors where views share none of their own; P alone is scored.
DIAGNOSTICS = {
    "augment": "are two augmentations of one clip",
    "independent": "share nothing",
    "identical": "are one and the same clip",
}
VERSIONS = 4  # augmentations of each training clip, where views are augmentations


@dataclass(frozen=True)
class Task:
    """What is to be learnt: views of one example share some factors, which belong in the block of that pairing.

    name: space[@split]/shared-factors. pairings: by the block that the views of an example share, one or several; steps
    of training take turns. blocks: the factors that each block owns; where one owns none, P alone is scored. split:
    what trains and validates. views: of one example.
    """

    name: str
    version: str
    space: str
    pairings: dict[str, Pairing]
    blocks: dict[str, frozenset[str]]
    split: Split = IID
    views: int = 2

    @property
    def versions(self) -> int:
        """Augmented versions that each training clip needs; 0: the clip as it is."""
        return max(VERSIONS, self.views) if AUGMENT in self.pairings.values() else 0


@dataclass(frozen=True)
class Preset:
    """How much of it: presets never share a table.

    clips: nuisance draws of each combination, by role; validation clips are for tuning alone.
    steps, examples: optimiser steps, and examples (of two views) a step. width, depth: the trunk's.
    judge: "validation": probes are fitted on training clips and read on validation clips, and neither probe nor test
    clips are ever made: for choosing settings.
    """

    name: str
    summary: str
    clips: dict[str, int]
    steps: int
    examples: int
    width: int
    depth: int
    judge: Literal["test", "validation"] = "test"


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
            "tuning",
            "for choosing settings: 25 s on one core, judged on validation clips",
            {"train": 3, "validation": 2},
            steps=600,
            examples=128,
            width=384,
            depth=1,
            judge="validation",
        ),
        Preset(
            "finals",
            "tuning at the length of quick, for what was best there",
            {"train": 3, "validation": 2},
            steps=2_000,
            examples=128,
            width=384,
            depth=1,
            judge="validation",
        ),
        Preset(
            "short",
            "for studies of many runs: 25 s on one core",
            {"train": 3, "probe": 1, "test": 1},
            steps=600,
            examples=128,
            width=384,
            depth=1,
        ),
        Preset(
            "quick",
            "a minute on two cores: the board's first table",
            {"train": 3, "probe": 2, "test": 1},
            steps=2_000,
            examples=128,
            width=384,
            depth=1,
        ),
        Preset(
            "long",
            "three times the steps of quick: for spaces that take longer to learn",
            {"train": 3, "probe": 2, "test": 1},
            steps=6_000,
            examples=128,
            width=384,
            depth=1,
        ),
        Preset(
            "standard",
            "for one data-centre GPU: a larger trunk, 64 times the clips of quick",
            {"train": 24, "probe": 2, "test": 2},
            steps=8_000,
            examples=2_048,
            width=1_024,
            depth=3,
        ),
    )
}


def load_task(name: str) -> Task:
    """The task of a name: `phrases/timbre`, `phrases/timbre+rhythm`, `phrases@heldout(pitch,timbre,0.2)/timbre`, ...

    After the space and its split come the factors that views share; several pairings, with a comma between, have a
    block each: `phrases/timbre,rhythm`. Or one of `DIAGNOSTICS`: `phrases/augment`.
    Raises ValueError with the nearest valid names where the space, the split or a factor is unknown, where the space
    cannot be split so, and where a block would own nothing or two blocks the same factor.
    """
    place, slash, shared_text = name.partition("/")
    space_name, at, split_text = place.partition("@")
    if space_name not in generators.SPACES or not slash:
        known = [*BOARD, *(f"{space}{at}{split_text}/{shared_text}" for space in generators.SPACES if slash)]
        raise ValueError(f"no task '{name}'{nearest(name, known)} python -m benchmark.list shows the board's tasks")
    space = generators.space(space_name)
    try:
        split = parse(split_text).ordered(space) if at else IID
        split.rows(space)
        pairings, blocks, shared = _diagnostic(space, shared_text) or _blocks(space_name, space, shared_text)
    except ValueError as error:
        raise ValueError(f"no task '{name}': {error}") from None
    left = space_name if split == IID else f"{space_name}@{split.name}"
    return Task(f"{left}/{shared}", "1", space_name, pairings, blocks, split)


Parts = tuple[dict[str, Pairing], dict[str, frozenset[str]], str]


def _diagnostic(space: FactorSpace, text: str) -> Parts | None:
    """Pairings, blocks and name of a task whose views share no factors of their own; None for any other."""
    pairing = {"augment": AUGMENT, "independent": INDEPENDENT, "identical": IDENTICAL}.get(text)
    if pairing is None:
        return None
    every = frozenset(space.names)
    shared = frozenset() if pairing == INDEPENDENT else every  # views of one clip share all that it holds
    return {"shared": pairing}, {"shared": shared, "private": every - shared}, text


def _blocks(space_name: str, space: FactorSpace, text: str) -> Parts:
    """Pairings, blocks and canonical name of a task whose views share factors, in one way or several."""
    ways = sorted(_columns(space_name, space, way) for way in text.split(","))
    owned = [column for way in ways for column in way]
    for column in owned:
        if owned.count(column) > 1:
            raise ValueError(f"'{space.names[column]}' is in two pairings; expected each factor in one block")
    shared = [frozenset(space.names[column] for column in way) for way in ways]
    private = frozenset(space.names).difference(*shared)
    if not private:
        raise ValueError("it shares every factor, so the private block would own none")
    names = ["shared"] if len(ways) == 1 else [f"shared_{number}" for number in range(1, len(ways) + 1)]
    pairings = {name: Pairing(factors) for name, factors in zip(names, shared, strict=True)}
    written = ",".join("+".join(space.names[column] for column in way) for way in ways)
    return pairings, dict(zip(names, shared, strict=True)) | {"private": private}, written


def _columns(space_name: str, space: FactorSpace, text: str) -> tuple[int, ...]:
    """Columns of factors with a plus between, ascending."""
    factors = set(text.split("+"))
    for factor in sorted(factors):
        if factor in DIAGNOSTICS:
            raise ValueError(f"'{factor}' stands alone, as in '{space_name}/{factor}'")
        if factor not in space.names:
            raise ValueError(
                f"'{space_name}' has no factor '{factor}'{nearest(factor, [*space.names, *DIAGNOSTICS])} "
                f"its factors are {', '.join(space.names)}"
            )
    return tuple(sorted(space.column(factor) for factor in factors))


def load_preset(name: str) -> Preset:
    """The preset of a name. Raises ValueError listing those that there are."""
    if name not in PRESETS:
        raise ValueError(f"no preset '{name}'{nearest(name, PRESETS)} There are: {', '.join(PRESETS)}")
    return PRESETS[name]


def nearest(name: str, known: object) -> str:
    """The middle of an error: the nearest known name as a question, or a full stop."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)  # type: ignore[call-overload]
    return f"; did you mean '{near[0]}'?" if near else "."
