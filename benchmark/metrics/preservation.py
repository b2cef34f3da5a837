"""Preservation beyond usable information: accuracy above chance, and R2 of ordinal factors.

Accuracy above chance: (accuracy - chance) / (1 - chance), chance being the share of the most frequent test level.
1: every clip is named right. 0, which is chance: no better than always naming the most frequent level. Negative, down
to -chance / (1 - chance): worse than that. It makes factors of 6 and of 24 levels comparable; it cannot see a
probability (a reader who is right and unsure counts as one who is right and sure), nor how far off a wrong level is.
Source: after Cohen 1960, "A coefficient of agreement for nominal scales", with a rater who always names one level.

R2 of an ordinal factor: 1 - SSE / SST of its level number, predicted by `regression.py` from a code, on test clips,
clipped at 0. 1: the level is read exactly. 0, which is chance: no better than the mean level. Unlike accuracy it
counts a near miss as nearly right. It cannot see a code in which the level is keyed by another factor, nor one that
tells two far levels apart and confuses neighbours only a little (R2 stays near 1: 24 levels read to within one level
either way at random still give .99).
Cost: 1 s for 2,304 clips and all ordinal factors at once.
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.checks import checked_levels
from benchmark.metrics.regression import held_back, regress
from benchmark.metrics.whitening import joined

Levels = NDArray[np.int64]


def above_chance(accuracy: float, chance: float) -> float:
    """Accuracy on a scale where chance is 0 and certainty 1. accuracy: [0, 1]. chance: [0, 1).

    Raises ValueError when either is out of range.
    """
    if not (0.0 <= accuracy <= 1.0 and 0.0 <= chance < 1.0):
        raise ValueError(f"accuracy {accuracy} and chance {chance}; expected [0, 1] and [0, 1)")
    return (accuracy - chance) / (1.0 - chance)


def ordinal_r2(
    probe_blocks: Mapping[str, NDArray[np.floating]],
    probe_levels: Levels,
    test_blocks: Mapping[str, NDArray[np.floating]],
    test_levels: Levels,
    n_levels: tuple[int, ...],
    ordinal: Collection[int],
    seed: int,
) -> dict[int, float]:
    """R2 of each ordinal factor's level from the union of some blocks.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    probe_levels, test_levels: int64 [clip, factor]. ordinal: columns of the factors whose levels are ordered.
    seed: of the held-back split and of the perceptron.
    Returns column -> R2 in [0, 1].
    Raises ValueError for codes or levels that `checks.py` refuses.
    """
    checked_levels(probe_levels, test_levels, n_levels)
    columns = sorted(ordinal)
    codes, asked = joined(probe_blocks, test_blocks, len(probe_levels), len(test_levels))
    # Each factor to variance 1 over an even spread: 24 levels of pitch must not outweigh 6 of loudness in training.
    spread = np.array([np.sqrt((n_levels[column] ** 2 - 1) / 12) for column in columns])
    goal, true = probe_levels[:, columns] / spread, test_levels[:, columns] / spread
    told = regress(codes, goal, held_back(len(codes), seed), asked, seed)
    unexplained = ((told - true) ** 2).sum(axis=0) / ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    return {column: float(max(0.0, 1.0 - share)) for column, share in zip(columns, unexplained, strict=True)}
