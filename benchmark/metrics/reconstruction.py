"""Reconstruction: how much of the features' variance a decoder gives back.

R2 = 1 - SSE / SST over all clips and bins; SST is around the mean *of the test features* in each bin.
1: exact. 0, which is chance: no better than always answering with the test features' own mean. Negative, without bound:
worse than that mean.

It cannot see what is loud from what is heard: a bin counts by its variance, so a factor that moves little energy
(a soft partial, the last of a decay) can be lost at an R2 near 1. Read usable information for factors.

By two decoders: the method's own, where it has one, and one *standard decoder* trained on everybody's frozen codes
(`regression.py`, from whitened probe codes to the features' 128 principal components, which hold .95 of the variance
of `phrases`). The standard one compares methods that have no decoder or a poor one; it is small, so an own decoder can
beat it, and it reads a code that is laid out smoothly better than one that is not: one scalar a factor reads .77 where
one-hot codes of the same factors read .90.
Cost: of the standard decoder 2 s for 2,304 clips.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.regression import held_back, regress
from benchmark.metrics.whitening import joined

COMPONENTS = 128  # with 64 a rotated one-hot code reads .87, with 128 .90; a decoder of every bin costs ten times more


def r2(decoded: ArrayLike, features: ArrayLike) -> float:
    """Share of the test features' variance that the decoded features explain.

    decoded, features: [clip, ...], one shape, any unit; the axes after the first are bins.
    Returns a number up to 1; 0 is the mean spectrum, negative is worse.
    Raises ValueError when shapes differ, a value is not finite, or the features never vary.
    """
    predicted, true = np.asarray(decoded, dtype=np.float64), np.asarray(features, dtype=np.float64)
    if predicted.shape != true.shape or true.ndim < 2:
        raise ValueError(f"decoded {predicted.shape} and features {true.shape}; expected one shape, [clip, ...bins]")
    for name, values in (("decoded", predicted), ("true", true)):
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        if bad.size:
            raise ValueError(f"{name} features of clip {bad[0]} hold NaN or infinity; expected finite numbers")
    if not len(true) or (true == true[:1]).all():
        raise ValueError(f"{len(true)} clips whose features never vary; R2 needs features that do")
    return float(1.0 - np.sum((predicted - true) ** 2) / np.sum((true - true.mean(axis=0)) ** 2))


def standard_decoder_r2(
    probe_blocks: Mapping[str, NDArray[np.floating]],
    probe_features: NDArray[np.floating],
    test_blocks: Mapping[str, NDArray[np.floating]],
    test_features: NDArray[np.floating],
    seed: int,
) -> float:
    """R2 of the test clips' features, decoded from the union of some blocks by the decoder that all methods share.

    probe_blocks, test_blocks: block -> finite [clip, d], the same blocks and widths in both.
    probe_features, test_features: [clip, ...bins], any unit. seed: of the held-back split and of the decoder.
    Returns a number up to 1; 0, which is chance: the mean spectrum. Not clipped.
    Raises ValueError for bad codes, and as `r2` does.
    """
    codes, asked = joined(probe_blocks, test_blocks, len(probe_features), len(test_features))
    flat = probe_features.reshape(len(probe_features), -1)
    from sklearn.decomposition import PCA  # takes a second to load, which a run spends better

    n_components = min(COMPONENTS, *flat.shape)
    # Seeded and iterated a fixed number of times: the same components for every method.
    pca = PCA(n_components, svd_solver="randomized", iterated_power=2, random_state=0).fit(flat)
    goal = pca.transform(flat).astype(np.float64)
    told = regress(codes, goal, held_back(len(codes), seed), asked, seed)
    return r2(pca.inverse_transform(told).reshape(test_features.shape), test_features)
