"""Which contrastive strategy, joined to reconstruction how, separates without losing? The runs that answer it.

Parts, the most important first; each is a comparison of its own, with its own correction for many tests. All are points
of the combined family (`baselines/combination.py`) on one base: reconstruction from exchanged shared codes, a rate and
an independence term on the private block. A strategy adds contrast to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Value = float | str

TASK = "phrases/timbre"
WEIGHTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # the least is that of `combined_private`
SEEDS = 5  # that the page is planned for
BASE = "no contrast"
CONTRAST_ALONE = "contrast alone"

ALL_LOSSES = "shared + private + across"
# Strategy -> the method that is its named point, and what its weight multiplies; several in that point's proportions.
STRATEGIES: dict[str, tuple[str, dict[str, float]]] = {
    "shared": ("combined_shared", {"contrast_weight": 1.0}),
    "private": ("combined_private", {"private_contrast_weight": 1.0}),
    "across": ("combined_across", {"across_contrast_weight": 1.0}),
    ALL_LOSSES: (
        "combined_all",
        {"contrast_weight": 1.0, "private_contrast_weight": 0.03, "across_contrast_weight": 1.0},
    ),
    "swap": ("combined", {"contrast_weight": 0.0, "swap_weight": 1.0}),
    "shared + swap": ("combined", {"contrast_weight": 1.0, "swap_weight": 0.3}),
}
# What `combined`, which has contrast on the shared block and on swaps, takes over from the other named points.
ALL_FOUR: dict[str, Value] = {"private_contrast_weight": 0.003, "across_contrast_weight": 0.1}


@dataclass(frozen=True)
class Cell:
    """One choice of method and settings in a part of the study; a run for each seed.

    name: what it is called in its part. weight: of the contrast, where that is what varies. against: the cell of the
    same part that it is tested against; None for that itself.
    """

    part: str
    name: str
    method: str
    settings: dict[str, Value] = field(default_factory=dict)
    task: str = TASK
    weight: float | None = None
    against: str | None = BASE

    @property
    def written(self) -> str:
        """Its settings, those that are not the method's defaults, in a line."""
        return " ".join(f"{name}={value}" for name, value in self.settings.items())


def _base(part: str, **settings: Value) -> Cell:
    return Cell(part, BASE, "combined_shared", {"contrast_weight": 0.0, **settings}, weight=0.0, against=None)


def _weights() -> list[Cell]:
    cells = [_base("weight")]
    for strategy, (method, shares) in STRATEGIES.items():
        for weight in WEIGHTS:
            settings: dict[str, Value] = {name: round(share * weight, 6) for name, share in shares.items()}
            cells.append(Cell("weight", f"{strategy} {weight:g}", method, settings, weight=weight))
    return cells


def _alone() -> list[Cell]:
    """Each contrast at the weight of its named point, all of them, and contrast without reconstruction."""
    points: dict[str, tuple[str, dict[str, Value]]] = {
        "shared": ("combined_shared", {}),
        "private": ("combined_private", {}),
        "across": ("combined_across", {}),
        "swap": ("combined", {"contrast_weight": 0.0}),
        "all four": ("combined", dict(ALL_FOUR)),
        CONTRAST_ALONE: ("contrastive", {}),
    }
    return [_base("alone"), *(Cell("alone", name, method, given) for name, (method, given) in points.items())]


def _left_out() -> list[Cell]:
    part, point = "left out", "all four"
    cells = [Cell(part, point, "combined", dict(ALL_FOUR), against=None)]
    return cells + [
        Cell(part, f"without {name}", "combined", {**ALL_FOUR, setting: 0.0}, against=point)
        for name, setting in (
            ("shared", "contrast_weight"),
            ("private", "private_contrast_weight"),
            ("across", "across_contrast_weight"),
            ("swap", "swap_weight"),
        )
    ]


def _terms() -> list[Cell]:
    """Reconstruction, independence and the form of contrast, each changed alone, with contrast on the shared block."""
    point = "shared contrast"
    cells = [Cell("terms", point, "combined_shared", against=None)]
    changes: dict[str, dict[str, Value]] = {
        "without contrast": {"contrast_weight": 0.0},
        "without independence": {"independence_weight": 0.0},
        "without either": {"contrast_weight": 0.0, "independence_weight": 0.0},
        "own reconstruction": {"reconstruction": "own"},
        "own reconstruction, without contrast": {"reconstruction": "own", "contrast_weight": 0.0},
        "product reconstruction": {"reconstruction": "product"},
        "product reconstruction, without contrast": {"reconstruction": "product", "contrast_weight": 0.0},
        "continuous shared block": {"shared_groups": 0},
        "VICReg for NT-Xent": {"form": "vicreg"},
        "Barlow Twins for NT-Xent": {"form": "barlow"},
    }
    return cells + [Cell("terms", name, "combined_shared", given, against=point) for name, given in changes.items()]


def _temperatures() -> list[Cell]:
    point = "temperature 0.1"
    cells = [Cell("temperature", point, "combined_shared", against=None)]
    return cells + [
        Cell("temperature", f"temperature {value:g}", "combined_shared", {"temperature": value}, against=point)
        for value in (0.03, 0.2, 0.5, 1.0)
    ]


def _false_negatives() -> list[Cell]:
    """One rival in eight is false: left alone, their share taken out, or, as an oracle alone can, left out by name."""
    point = "left alone"
    part = "false negatives"
    return [
        Cell(part, point, "combined", against=None),
        Cell(part, "debiased", "combined", {"false_negatives": "debiased"}, against=point),
        Cell(part, "masked (oracle)", "oracle.masked", against=point),
    ]


def _pairings() -> list[Cell]:
    cells = []
    for shared in ("pitch", "loudness", "rhythm"):
        part, task = f"pairing {shared}", f"phrases/{shared}"
        for name, method, settings in (
            (BASE, "combined_shared", {"contrast_weight": 0.0}),
            ("shared contrast", "combined_shared", {}),
            ("shared + swap contrast", "combined", {}),
            (CONTRAST_ALONE, "contrastive", {}),
        ):
            cells.append(Cell(part, name, method, dict(settings), task, against=None if name == BASE else BASE))
    return cells


def cells() -> list[Cell]:
    """Every cell of the study, part by part."""
    return [*_weights(), *_alone(), *_left_out(), *_terms(), *_temperatures(), *_false_negatives(), *_pairings()]


def parts() -> list[str]:
    """Names of the parts, in their order."""
    return list(dict.fromkeys(cell.part for cell in cells()))
