"""What is searched of each method: settings, their ranges, and the value of the first trial.

One representative of each family, and `reconstructive`. The first trial has what the method came with, from its
paper or from earlier trials, so that a choice is never worse, on the clips that it is made by, than no choice. What
is not listed keeps its default. Ranges go about a factor of ten to each side of the first value where a setting may
do so, and are searched by their logarithm, for what matters of a weight is its order of magnitude.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

Value = float | int | str
Settings = dict[str, Value]


@dataclass(frozen=True)
class Real:
    """A number from low to high, both of two significant digits and above 0, drawn evenly in its logarithm."""

    low: float
    high: float
    first: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of some values: the first trial's, then the others. For what may be 0, or whole, or a word."""

    values: tuple[Value, ...]

    @property
    def first(self) -> Value:
        """The value of the first trial."""
        return self.values[0]

    def __str__(self) -> str:
        return " or ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in self.values)


Range = Real | Choice

# Common to several.
FAST = Real(5e-4, 5e-3, first=2e-3)  # learning rate
SLOW = Real(5e-4, 5e-3, first=1e-3)  # of the VAEs, whose defaults it is
NOISE = Real(0.05, 0.5, first=0.2)  # that tells copies of a clip apart
PRIVATE = Real(0.1, 10, first=1.0)  # weight of the private block's objective
INDEPENDENCE = Real(0.3, 3, first=1.0)
VARIANCE = Real(0.1, 100, first=1.0)  # of the decoder

SPACES: dict[str, dict[str, Range]] = {
    "combined": {
        "learning_rate": FAST,
        "contrast_weight": Real(0.01, 1, first=0.1),
        "temperature": Real(0.05, 0.5, first=0.1),
        "swap_weight": Real(0.003, 0.3, first=0.03),
        "rate_weight": Real(0.001, 0.01, first=0.003),
        "independence_weight": INDEPENDENCE,
        "resolution": Real(1.5, 4, first=3.0),
    },
    "contrastive": {
        "learning_rate": FAST,
        "temperature": Real(0.05, 0.5, first=0.2),
        "private_weight": PRIVATE,
        "independence_weight": INDEPENDENCE,
        "noise": NOISE,
        "resolution": Choice((2.0, 3.0, 0.0)),
    },
    "vicreg": {
        "learning_rate": FAST,
        "invariance_weight": Real(5, 100, first=25),  # what matters is its ratio to the other two
        "covariance_weight": Real(0.1, 10, first=1.0),
        "private_weight": PRIVATE,
        "noise": NOISE,
    },
    "byol": {
        "learning_rate": FAST,
        "momentum": Choice((0.98, 0.9, 0.95, 0.99, 0.996)),
        "private_weight": PRIVATE,
        "noise": NOISE,
    },
    "reconstructive": {
        "learning_rate": FAST,
        "own_weight": Choice((0.0, 0.1, 0.3)),
        "rate_weight": Real(0.001, 0.02, first=0.006),
        "independence_weight": Real(0.3, 3, first=2.0),
        "resolution": Real(1.5, 4, first=2.0),
    },
    "poe_vae": {
        "learning_rate": SLOW,
        "decoder_variance": VARIANCE,
        "alpha": Choice((0.0, 0.1, 1.0)),
        "beta": Choice((0.0, 0.1, 1.0)),
        "gamma": Real(0.05, 5, first=0.5),
    },
    "dmvae": {
        "learning_rate": SLOW,
        "decoder_variance": VARIANCE,
        "beta": Real(0.1, 10, first=1.0),
        "private_beta": Real(1, 100, first=10),
        "cross_weight": Choice((1 / 3, 0.1, 1.0, 3.0)),
    },
}


def rounded(value: float) -> float:
    """A number as it is tried, chosen and written in a method's file: of two significant digits."""
    return float(f"{value:.2g}")


def space_of(method: str) -> dict[str, Range]:
    """What is searched of a method. Raises ValueError with the nearest name where it is not searched."""
    if method not in SPACES:
        near = difflib.get_close_matches(method, SPACES, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"no search for '{method}'{hint} There are: {', '.join(SPACES)}")
    return SPACES[method]


def first(method: str) -> Settings:
    """The settings of a method's first trial."""
    return {name: where.first for name, where in space_of(method).items()}
