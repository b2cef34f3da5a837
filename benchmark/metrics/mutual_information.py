"""Mutual information of each dimension of a code with each factor, in nats, by two estimates; and factors' entropies.

    I(z_j; v_k) = sum over bins b and levels l of p(b, l) ln(p(b, l) / p(b) p(l))                        histogram
    I(z_j; v_k) = psi(n) + <psi(k_i)> - <psi(n_i)> - <psi(m_i)>                                   nearest neighbours

In the second, of clip i: n_i clips share its level; k_i = min(10, n_i - 1); m_i clips, itself included, are nearer to
it than its k_i-th neighbour of its own level. One table of each is made of a code; MIG and modularity read the first,
InfoM and InfoC the second.

0: independent. H(v_k), the factor's entropy: the dimension determines the level. Chance: the histogram is biased
upwards, by about (bins in use - 1)(levels - 1) / 2n where the two are independent (.05 for 12 levels, 2,000 clips); the
neighbours' estimate scatters around 0 and is clipped there. Breaking ties at random scatters it by .01 at 1,000 clips.

They cannot see what takes two dimensions to read: a rotated code shows each factor weakly everywhere, an exclusive or
shows it nowhere. The histogram's bins are of one width: a single far outlier empties them, and a factor of more levels
than bins never fits.
Sources: Chen et al. 2018, "Isolating sources of disentanglement in VAEs" (20 bins: Locatello et al. 2019); Ross 2014,
"Mutual information between discrete and continuous data sets", eq. 2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma

from benchmark.metrics.dimensions import Array, Levels, checked, varying
from benchmark.metrics.information import entropy

BINS = 20
NEIGHBOURS = 10
# A dimension of so few values is discrete: its frequencies are counted. With more values the counts' bias grows, and
# ties are broken by the jitter instead.
FEW_VALUES = 20
# In standard deviations: above float64's rounding, below the least gap of float32 values. Clips that share a value then
# have neighbours in random order, so m_i counts the ties in proportion.
JITTER = 1e-10


def entropies(factors: Levels) -> Array:
    """Entropy of each factor's levels, in nats. factors: int64 [n, k]. Returns float64 [k]."""
    return np.array([entropy(levels) for levels in factors.T])


def histogram_information(codes: ArrayLike, factors: Levels, n_bins: int = BINS) -> Array:
    """Mutual information by a histogram of bins of one width from each dimension's least to its largest value, in nats.

    codes: real [n, d]. factors: int64 [n, k].
    Returns float64 [d, k], at least 0; 0 for a dimension that does not vary.
    Raises ValueError for codes or factors that `checked` refuses.
    """
    values = checked(codes, factors)
    binned = [_bins(column, n_bins) for column in values.T]
    return np.array([[_counted(bins, levels) for levels in factors.T] for bins in binned]).reshape(-1, factors.shape[1])


def neighbour_information(codes: ArrayLike, factors: Levels, seed: int, n_neighbours: int = NEIGHBOURS) -> Array:
    """Mutual information by nearest neighbours, or by counting where a dimension has few values, in nats.

    codes: real [n, d]. factors: int64 [n, k]. seed: of the jitter that breaks ties.
    Returns float64 [d, k], at least 0; 0 for a dimension that does not vary.
    Raises ValueError for codes or factors that `checked` refuses.
    """
    values, rng = checked(codes, factors), np.random.default_rng(seed)
    noise = rng.normal(size=len(values))
    groups = [[np.flatnonzero(levels == level) for level in np.unique(levels)] for levels in factors.T]
    found = np.zeros((values.shape[1], factors.shape[1]))
    for j in np.flatnonzero(varying(values)):
        distinct, places = np.unique(values[:, j], return_inverse=True)
        if len(distinct) <= FEW_VALUES:
            found[j] = [_counted(places, levels) for levels in factors.T]
            continue
        jittered = (values[:, j] - values[:, j].mean()) / values[:, j].std() + JITTER * noise
        found[j] = [_ross(jittered, clips, n_neighbours) for clips in groups]
    return found


def _bins(column: Array, n_bins: int) -> NDArray[np.int64]:
    # The last edge belongs to the last bin. A constant is in one bin wherever the edges lie.
    edges = np.histogram_bin_edges(column, n_bins)
    return np.searchsorted(edges[:-1], column, side="right")


def _counted(places: NDArray[np.int64], levels: Levels) -> float:
    width = int(levels.max()) + 1
    joint = np.bincount(places * width + levels, minlength=(int(places.max()) + 1) * width) / len(levels)
    joint = joint.reshape(-1, width)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    information = float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())
    # What rounding leaves of an independent table must not count as the larger of two nothings.
    return information if information > 1e-12 else 0.0


def _ross(column: Array, groups: list[NDArray[np.int64]], n_neighbours: int) -> float:
    # A level that one clip shows has no neighbours; that clip is left out, as in scikit-learn.
    groups = [clips for clips in groups if len(clips) > 1]
    if not groups:
        return 0.0
    ordered = np.sort(column[np.concatenate(groups)])
    n, total = len(ordered), 0.0
    for clips in groups:
        own, k = np.sort(column[clips]), min(n_neighbours, len(clips) - 1)
        # A hair shorter, so that rounding cannot count the neighbour at the rim.
        radii = _distances(own, k) * (1 - 1e-9)
        below = np.searchsorted(ordered, own - radii, side="right")
        nearer = np.maximum(1, np.searchsorted(ordered, own + radii, side="left") - below)
        total += len(own) * (digamma(k) - digamma(len(own))) - digamma(nearer).sum()
    return max(0.0, float(digamma(n) + total / n))


def _distances(ordered: Array, k: int) -> Array:
    """Distance of each value to its k-th neighbour among sorted values [n], n > k. Returns [n]."""
    padded = np.concatenate([np.full(k, -np.inf), ordered, np.full(k, np.inf)])
    # The k-th neighbour is at the farther end of that run of k + 1 values around a value which reaches the least far.
    runs = np.lib.stride_tricks.sliding_window_view(padded, len(ordered))
    reach = np.maximum(ordered - runs[: k + 1], runs[k:] - ordered)
    return np.asarray(reach.min(axis=0))
