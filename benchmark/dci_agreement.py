"""Does the default predictor of DCI rank codes as gradient boosting does? `python -m benchmark.dci_agreement` answers.

It scores 36 synthetic codes of nine structures with both, writes the rank correlations, and how long both take at
5,000 x 64, to `results/dci_agreement.json`. About ten minutes on one core, nearly all of it gradient boosting.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import sklearn
from scipy.linalg import expm
from scipy.stats import spearmanr

from benchmark.metrics.dci import DCI, DEFAULT, PREDICTORS, dci
from benchmark.metrics.dimensions import Array, Levels

OUTPUT = Path(__file__).resolve().parent.parent / "results" / "dci_agreement.json"
N_TRAIN, N_TEST, WIDTH = 1000, 500, 10
N_LEVELS = (6, 5, 4, 3)
FULL_SHAPE = (5000, 64)
FULL_LEVELS = (12, 12, 12, 12, 12)
SEED = 2  # the default predictor was chosen on the codes of another seed

# (factors as numbers of variance 1 [n, k], generator of noise, strength) -> codes [n, WIDTH]
Structure = Callable[[Array, np.random.Generator, float], Array]


def _filled(parts: Array, rng: np.random.Generator) -> Array:
    return np.hstack([parts, rng.normal(size=(len(parts), WIDTH - parts.shape[1]))])


def aligned(factors: Array, rng: np.random.Generator, noise: float) -> Array:
    """A factor a dimension, with noise, and noise in the other dimensions."""
    return _filled(factors + noise * rng.normal(size=factors.shape), rng)


def rotated(factors: Array, rng: np.random.Generator, turn: float) -> Array:
    """An aligned code turned part of the way to a random rotation."""
    skew = rng.normal(size=(WIDTH, WIDTH))
    return np.asarray(aligned(factors, rng, 0.1) @ expm(turn * (skew - skew.T) / 2))


def duplicated(factors: Array, rng: np.random.Generator, noise: float) -> Array:
    """Each factor in two dimensions, each copy with noise of its own."""
    twice = np.hstack([factors, factors])
    return _filled(twice + noise * rng.normal(size=twice.shape), rng)


def paired(factors: Array, rng: np.random.Generator, weight: float) -> Array:
    """In each dimension a factor and a share of the next one."""
    return aligned(factors + weight * np.roll(factors, 1, axis=1), rng, 0.1)


def mixed(factors: Array, rng: np.random.Generator, density: float) -> Array:
    """Each dimension a random sum of some factors."""
    weights = rng.normal(size=(factors.shape[1], WIDTH)) * (rng.random((factors.shape[1], WIDTH)) < density)
    return np.asarray(factors @ weights + 0.1 * rng.normal(size=(len(factors), WIDTH)))


def curved(factors: Array, rng: np.random.Generator, noise: float) -> Array:
    """An aligned code that rises and falls along each factor."""
    return aligned(np.sin(3 * factors), rng, noise)


def partial(factors: Array, rng: np.random.Generator, kept: float) -> Array:
    """The first factors alone, the others nowhere."""
    return aligned(factors[:, : int(kept)], rng, 0.1)


def entangled(factors: Array, rng: np.random.Generator, gain: float) -> Array:
    """A random network of one hidden layer, from nearly linear to nearly steps."""
    hidden = np.tanh(gain * factors @ rng.normal(size=(factors.shape[1], 16)))
    return np.asarray(hidden @ rng.normal(size=(16, WIDTH)) / 4 + 0.05 * rng.normal(size=(len(factors), WIDTH)))


def quantised(factors: Array, rng: np.random.Generator, steps: float) -> Array:
    """A code turned a little and rounded to so many values a standard deviation."""
    return np.asarray(np.round(rotated(factors, rng, 0.15) * steps))


STRUCTURES: dict[Structure, tuple[float, ...]] = {
    aligned: (0.05, 0.3, 1.0, 3.0),
    rotated: (0.05, 0.1, 0.2, 1.0),
    duplicated: (0.05, 0.3, 1.0, 3.0),
    paired: (0.1, 0.3, 0.6, 1.0),
    mixed: (0.1, 0.25, 0.5, 1.0),
    curved: (0.05, 0.3, 0.6, 1.0),
    partial: (0, 1, 2, 3),
    entangled: (0.1, 0.5, 2.0, 10.0),
    quantised: (0.5, 1.0, 2.0, 4.0),
}


def embeddings() -> Iterator[tuple[str, Array, Levels]]:
    """Name, codes [n, WIDTH] and factors int64 [n, k] of every synthetic code; train clips first, then test clips."""
    for row, (structure, strengths) in enumerate(STRUCTURES.items()):
        for column, strength in enumerate(strengths):
            rng = np.random.default_rng([SEED, row, column])
            levels = np.stack([rng.integers(k, size=N_TRAIN + N_TEST) for k in N_LEVELS], axis=1)
            numbers = (levels - levels.mean(axis=0)) / levels.std(axis=0)
            yield f"{structure.__name__} {strength}", structure(numbers, rng, strength), levels


def agreement() -> dict[str, object]:
    """Scores of every synthetic code by both predictors, and for each score how the two agree over codes."""
    names = [field.name for field in fields(DCI)]
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for name, codes, levels in embeddings():
        clips = codes[:N_TRAIN], levels[:N_TRAIN], codes[N_TRAIN:], levels[N_TRAIN:]
        scores[name] = {predictor: asdict(dci(*clips, seed=0, predictor=predictor)) for predictor in PREDICTORS}
        print(name, {predictor: round(score[names[0]], 3) for predictor, score in scores[name].items()}, flush=True)
    found: dict[str, object] = {"codes": len(scores)}
    for score in names:
        fast, boosted = np.array([[of_code[name][score] for of_code in scores.values()] for name in PREDICTORS])
        found[score] = {
            "rank_correlation": float(spearmanr(fast, boosted).statistic),
            "mean_absolute_difference": float(np.abs(fast - boosted).mean()),
        }
    return found | {"scores": scores}


def speed() -> dict[str, float]:
    """Processor seconds of DCI at 5,000 x 64 and five factors; boosting is timed on one and counted five times."""
    rng = np.random.default_rng(SEED)
    levels = np.stack([rng.integers(k, size=FULL_SHAPE[0]) for k in FULL_LEVELS], axis=1)
    codes = rng.normal(size=FULL_SHAPE)
    codes[:, : levels.shape[1]] += levels / 3
    seconds = {}
    for predictor, n_factors in ((DEFAULT, levels.shape[1]), ("gradient boosting", 1)):
        begun = time.process_time()
        dci(codes, levels[:, :n_factors], codes, levels[:, :n_factors], seed=0, predictor=predictor)
        seconds[predictor] = (time.process_time() - begun) * levels.shape[1] / n_factors
    return seconds | {"times_faster": seconds["gradient boosting"] / seconds[DEFAULT]}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file and print its summary. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.dci_agreement", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write (default: %(default)s)")
    output = parser.parse_args(argv).output
    measured = {
        "default": DEFAULT,
        "reference": "gradient boosting",
        "scikit_learn": sklearn.__version__,
        "processor_seconds_5000x64_five_factors": speed(),
        "agreement": agreement(),
    }
    output.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
