"""Usable information: the share of a factor's entropy that a probe can take from a code.

    I(f; z) = (H(f) - CE) / H(f), clipped to [0, 1]

CE is the cross-entropy, on test clips, of a mixture of probes whose shares held-back probe clips chose; H(f) is the
entropy of the factor's levels among the *test* clips. 1: every level is read, with certainty. 0, which is also chance:
reading the code is no better than knowing how frequent the levels are. Beside it accuracy, in [0, 1], whose chance is
the share of the most frequent level among the test clips (never 0).

It cannot see what the probes cannot learn from the probe clips: it is a lower bound on mutual information, and a factor
keyed by others (a one-time pad) reads 0 although the code determines it. It says nothing of how the factor is laid out.
Where test clips read far worse than probe clips that were held back (`mismatch`), `score` refuses the codes: both are
clips that no probe has seen, so the two do not mean the same.
Source: Xu et al. 2020, "A theory of usable information under computational constraints".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.checks import checked_levels
from benchmark.metrics.probes import Prediction, predict
from benchmark.metrics.problem import cross_entropy, of_level
from benchmark.metrics.tails import second_view
from benchmark.metrics.whitening import joined

Levels = NDArray[np.int64]

# How much worse test clips may read than probe clips held back: of the entropy, and in standard errors of the mean.
# The two differ by chance alone: among the encoders of the board test clips read worse by .0063 at most (of a factor
# read nearly with certainty, where that is six errors), and better by .045 at most, as all probe clips answer for them.
WORSE, WORSE_ERRORS = 0.03, 6.0


@dataclass(frozen=True)
class Reading:
    """What one input tells of one factor: information and accuracy, in [0, 1], and the prediction they come from."""

    information: float
    accuracy: float
    prediction: Prediction

    @property
    def probe(self) -> str:
        """The kind of probe with the largest share."""
        return self.prediction.kind


def usable_information(
    probe_blocks: Mapping[str, NDArray[np.floating]],
    probe_levels: Levels,
    test_blocks: Mapping[str, NDArray[np.floating]],
    test_levels: Levels,
    n_levels: Sequence[int],
    seed: int,
    device: str = "cpu",
    parts: Sequence[Sequence[Reading]] = (),
) -> list[Reading]:
    """Information and accuracy of each factor from the union of some blocks.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    probe_levels, test_levels: int64 [clip, factor], 0 <= level < n_levels[factor].
    seed: of the folds and of the perceptron.
    parts: what was read from some of these blocks alone, of the same clips and with the same seed.
    Each block is whitened before they are joined, so that no block's unit drowns another's. Where a few clips own the
    scale of one, all is read a second time, as `tails.py` sees it, and the two readings are mixed.
    Raises ValueError for codes or levels that `checked_codes` and `checked_levels` refuse.
    """
    checked_levels(probe_levels, test_levels, n_levels)
    codes, asked = joined(probe_blocks, test_blocks, len(probe_levels), len(test_levels))
    known = [[reading.prediction for reading in part] for part in parts]
    predictions = predict(codes, probe_levels, asked, n_levels, seed, device, known)
    if (view := second_view(probe_blocks, test_blocks)) is not None:
        predictions = predict(view[0], probe_levels, view[1], n_levels, seed, device, [*known, predictions])
    return [_reading(one, test_levels[:, i]) for i, one in enumerate(predictions)]


def chance(levels: Levels) -> float:
    """Share of the most frequent level among clips: the accuracy of a probe that sees nothing. levels: int [n]."""
    return float(np.bincount(levels).max() / len(levels))


def entropy(levels: Levels) -> float:
    """Entropy of the levels' frequencies, in nats. levels: int [n]."""
    shares = np.bincount(levels) / len(levels)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def mismatch(prediction: Prediction, probe_levels: Levels, test_levels: Levels) -> str | None:
    """What is wrong where test clips read far worse than probe clips held back, in a few words; else None.

    probe_levels: int [n], test_levels: int [m], of the factor predicted.
    """
    held = -np.log(of_level(prediction.held, probe_levels))
    asked = -np.log(of_level(prediction.probabilities, test_levels))
    worse = float(asked.mean() - held.mean())
    error = float(np.hypot(held.std() / len(held) ** 0.5, asked.std() / len(asked) ** 0.5))
    if worse < max(WORSE * entropy(test_levels), WORSE_ERRORS * error):
        return None
    told = [
        1 - float(losses.mean()) / entropy(levels) for losses, levels in ((held, probe_levels), (asked, test_levels))
    ]
    return (
        f"probe clips that no probe had seen read {told[0]:.2f}, test clips {told[1]:.2f}, so the codes of the two do "
        "not mean the same; an embedding must depend on the clip alone"
    )


def _reading(prediction: Prediction, levels: Levels) -> Reading:
    information = 1.0 - cross_entropy(prediction.probabilities, levels) / entropy(levels)
    accuracy = float((prediction.probabilities.argmax(axis=1) == levels).mean())
    return Reading(float(np.clip(information, 0.0, 1.0)), accuracy, prediction)
