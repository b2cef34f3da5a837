"""Which combinations of levels train, validate, probe and test: four roles, disjoint in combinations.

A split is written `iid`, `heldout(timbre,pitch,0.2)`, `extrapolate(pitch,0.25)` or `correlated(pitch,timbre,0.9)`. It
decides what trains and validates. Probe and test are those of `iid` whatever the split: independent, every level there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from generators.coupling import Pool, arranged, coupling, dependent, lend

if TYPE_CHECKING:
    from generators.factors import FactorSpace

Role = Literal["train", "validation", "probe", "test"]
ROLES: tuple[Role, ...] = get_args(Role)
LEARNING: tuple[Role, Role] = ("train", "validation")
Rows = NDArray[np.int64]
Roles = dict[Role, Rows]

# Probe and test are a quarter each: 2,304 of the 9,216 combinations of `phrases`, 96 clips a pitch.
SHARES: dict[Role, float] = {"train": 0.4, "validation": 0.1, "probe": 0.25, "test": 0.25}

_STREAM, _HELD, _FIRST, _SECOND, _DEALT = range(101, 106)  # apart from the streams that draw nuisances

_FORMS = {
    "iid": "iid",
    "heldout": "heldout(factor,factor,share)",
    "extrapolate": "extrapolate(factor,share)",
    "correlated": "correlated(factor,factor,strength)",
}


@dataclass(frozen=True)
class Split:
    """What trains and validates.

    kind, factors and amount:
    `iid`: a uniform draw of combinations.
    `heldout`, two factors, share in (0, 1): see `held_pairs`; the rows of iid but those with such a pair of levels.
    `extrapolate`, an ordinal factor, share in (0, 1): the rows of iid but those of that share of its levels, the top.
    `correlated`, two factors, strength in [0, 1]: as many rows as iid has, some of them several times (each time a clip
        of its own). The table of the two factors is (1 - strength) times iid's own plus strength times `coupling`'s,
        each cell rounded to a whole number, so both factors stay as uniform as they are in iid. Strength 0 is iid, row
        for row. The other factors are what they are in the rows that iid has there, which are the fewer the greater the
        strength: their chance dependence grows. Where train or validation has no such row it gets one of the other's.
    """

    kind: str = "iid"
    factors: tuple[str, ...] = ()
    amount: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _FORMS:
            raise ValueError(
                f"no split '{self.kind}'{_nearest(self.kind, _FORMS)} There are: {', '.join(_FORMS.values())}"
            )
        form = _FORMS[self.kind]
        if len(self.factors) != form.count("factor"):
            raise ValueError(f"'{self.kind}' takes {form.count('factor')} factors, not {len(self.factors)}: {form}")
        if len(set(self.factors)) < len(self.factors):
            raise ValueError(f"'{self.name}' has the factor '{self.factors[0]}' twice; expected two different ones")
        if self.kind == "correlated" and not 0 <= self.amount <= 1:
            raise ValueError(f"the strength of '{self.name}' is {self.amount}; expected 0 to 1")
        if self.kind in ("heldout", "extrapolate") and not 0 < self.amount < 1:
            raise ValueError(f"the share of '{self.name}' is {self.amount}; expected more than 0 and less than 1")

    @property
    def name(self) -> str:
        """As it is written, without spaces, the amount in its shortest form."""
        if self.kind == "iid":
            return self.kind
        amount = repr(float(self.amount) + 0.0).removesuffix(".0")
        return f"{self.kind}({','.join((*self.factors, amount))})"

    def ordered(self, space: FactorSpace) -> Split:
        """The same split with its factors in the order of the space: which of two comes first makes no difference.

        Raises ValueError where the space has no such factor.
        """
        for name in self.factors:
            if name not in space.names:
                near = _nearest(name, space.names)
                raise ValueError(f"'{self.name}': no factor '{name}'{near} There are: {', '.join(space.names)}")
        return replace(self, factors=tuple(sorted(self.factors, key=space.column)))

    def rows(self, space: FactorSpace) -> Roles:
        """For each role, rows of `space.grid()`: int64 [n], ascending; the same on every machine.

        Raises ValueError where the space cannot be split so: an unknown factor, one that is not ordinal, a role that
        would be empty or lack a level that it must have.
        """
        split, roles = self.ordered(space), iid(space)
        try:
            counts = _learn(split, space, roles)
            if not len(roles["validation"]):
                raise ValueError(f"it leaves nothing to validate on in a space of {space.size} combinations")
            _check_cover(space, "train", roles["train"], counts, "it takes too much of this space")
        except ValueError as error:
            raise ValueError(f"'{self.name}': {error}") from None
        return roles


IID = Split()


def parse(text: str) -> Split:
    """The split that is written so; spaces make no difference.

    Raises ValueError, saying what came and what was expected, where there is no such split.
    """
    written = re.fullmatch(r"\s*([^()]*?)\s*(?:\(([^()]*)\))?\s*", text)
    if written is None:
        raise ValueError(f"no split '{text}'; there are: {', '.join(_FORMS.values())}")
    kind, inside = written[1], written[2]
    arguments = [argument.strip() for argument in inside.split(",")] if inside and inside.strip() else []
    form = _FORMS.get(kind)
    if form is None:
        return Split(kind)  # which says what there is
    wanted = form.count(",") + 1 if "(" in form else 0
    if len(arguments) != wanted:
        raise ValueError(f"'{text}' has {len(arguments)} arguments; expected {wanted}: {form}")
    if not arguments:
        return IID
    try:
        amount = float(arguments[-1])
    except ValueError:
        raise ValueError(f"'{text}' ends in '{arguments[-1]}'; expected a number: {form}") from None
    return Split(kind, tuple(arguments[:-1]), amount)


def iid(space: FactorSpace) -> Roles:
    """Every role a uniform draw of combinations, in hash order: the same on every machine, whatever the library.

    Returns, for each role, rows of `space.grid()`: int64 [n], ascending. The roles are disjoint and cover the grid.
    Raises ValueError where a role would lack a level of some factor.
    """
    order = _hash_order(np.arange(space.size), _STREAM)
    ends = np.rint(np.cumsum([SHARES[role] for role in ROLES]) * space.size).astype(int)
    parts = np.split(order, ends[:-1])
    roles = {role: np.sort(part).astype(np.int64) for role, part in zip(ROLES, parts, strict=True)}
    for role, combinations in roles.items():
        _check_cover(space, role, combinations, space.n_levels, "the space is too small to split")
    return roles


def held_pairs(n_first: int, n_second: int, share: float) -> NDArray[np.bool_]:
    """Which pairs of levels are held out: bool [n_first, n_second], the share of them true, to the nearest number.

    By hash, and as many of each level as of any other, as near as that goes; every level keeps a pair.
    Raises ValueError where that is none, or more than every level can spare.
    """
    cells, lines = n_first * n_second, max(n_first, n_second)
    count = _nearest_count(share, cells)
    if not 1 <= count <= cells - lines:
        raise ValueError(
            f"{share} of {cells} pairs of levels is {count}; expected 1 to {cells - lines}: every level must keep one"
        )
    places = np.arange(lines)
    first, second = _hash_order(np.arange(n_first), _FIRST), _hash_order(np.arange(n_second), _SECOND)
    taken = np.zeros((n_first, n_second), bool)
    taken[first[places % n_first], second[places % n_second]] = True  # what every level keeps
    held = np.zeros((n_first, n_second), bool)
    rank = np.argsort(_hash_order(np.arange(cells), _HELD)).reshape(held.shape)
    for _ in range(count):
        crowding = held.sum(1)[:, None] * n_first + held.sum(0) * n_second  # shares of the two levels' pairs, scaled
        cost = np.where(taken, np.iinfo(np.int64).max, crowding * cells + rank)
        place = np.unravel_index(int(cost.argmin()), cost.shape)
        held[place] = taken[place] = True
    return held


def _learn(split: Split, space: FactorSpace, roles: Roles) -> tuple[int, ...]:
    """Replace the rows that train and validate. Returns how many levels of each factor train must have."""
    columns = [space.column(name) for name in split.factors]
    if split.kind == "heldout":
        held = held_pairs(space.n_levels[columns[0]], space.n_levels[columns[1]], split.amount)
        roles |= {role: rows[~held[tuple(space.levels_at(rows)[:, columns].T)]] for role, rows in _learning(roles)}
    elif split.kind == "extrapolate":
        (column,) = columns
        left = _levels_left(space, column, split.amount)
        roles |= {role: rows[space.levels_at(rows)[:, column] < left] for role, rows in _learning(roles)}
        return tuple(left if i == column else n for i, n in enumerate(space.n_levels))
    elif split.kind == "correlated" and split.amount > 0:
        roles |= _correlated(split, space, roles)
    return space.n_levels


def _levels_left(space: FactorSpace, column: int, share: float) -> int:
    """How many levels of an ordinal factor are not held out."""
    factor = space.factors[column]
    if not factor.ordinal:
        ordinal = ", ".join(other.name for other in space.factors if other.ordinal) or "none"
        raise ValueError(f"the levels of '{factor.name}' have no order; those of these have: {ordinal}")
    top = _nearest_count(share, factor.n_levels)
    if not 1 <= top < factor.n_levels:
        raise ValueError(f"that is {top} of {factor.n_levels} levels; expected 1 to {factor.n_levels - 1}")
    return factor.n_levels - top


def _correlated(split: Split, space: FactorSpace, roles: Roles) -> Roles:
    n_first, n_second = (space.n_levels[space.column(name)] for name in split.factors)
    pools = []
    for _, rows in _learning(roles):
        dealt = rows[_hash_order(rows, _DEALT)]
        pools.append(Pool(dealt, space.combinations(space.levels_at(dealt), split.factors)))
    train, validation = pools
    n_rows = train.counts(n_first * n_second) + validation.counts(n_first * n_second)
    # Two rows in a cell: one to train, one to validate.
    table = arranged(coupling(n_first, n_second), n_rows.reshape(n_first, n_second) >= 2).ravel()
    train, validation = lend(train, validation, table)
    validation, train = lend(validation, train, table)
    return {
        "train": dependent(train, table, split.amount, len(roles["train"])),
        "validation": dependent(validation, table, split.amount, len(roles["validation"])),
    }


def _learning(roles: Roles) -> list[tuple[Role, Rows]]:
    return [(role, roles[role]) for role in LEARNING]


def _hash_order(numbers: Rows, stream: int) -> Rows:
    """Places of the numbers in the order of their hashes."""
    import torch  # here, so that names of tasks can be read without it

    from generators.hashing import hash64

    return np.argsort(hash64(torch.from_numpy(numbers), stream).numpy(), kind="stable")


def _nearest_count(share: float, n: int) -> int:
    """The whole number nearest to the share of n, halves upwards."""
    return int(np.floor(share * n + 0.5))


def _check_cover(space: FactorSpace, role: Role, rows: Rows, n_levels: tuple[int, ...], trouble: str) -> None:
    levels = space.levels_at(rows)
    for column, expected in enumerate(n_levels):
        present = len(np.unique(levels[:, column]))
        if present < expected:
            raise ValueError(f"{trouble}: {role} has {present} of {expected} levels of {space.names[column]}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else "."
