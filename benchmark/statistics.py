"""Which differences between methods are real: t intervals over seeds, paired t tests, Holm's correction, ranks.

Higher values are better throughout. Sums are `math.fsum`, exactly rounded, so that the same values give the same bytes
in a table on every machine. What this cannot see: seeds vary a method's initial weights and
the examples that it draws; the clips, the split and the probes' seed are the same for all.
"""

import math
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr, ndtri, stdtr, stdtrit  # not scipy.stats, which takes a second to import

SEEDS_TO_BE_RANKED = 5
SIGNIFICANCE = 0.05
POWER = 0.8
MOST_SEEDS = 1_000  # what takes more is no difference that anybody will show


@dataclass(frozen=True)
class PairedTest:
    """A paired t test of a against b over n common seeds.

    difference: mean of a - b. two_sided: p of "a and b are equal"; one_sided: p of "a is not better than b".
    deviation: standard deviation of a - b over seeds, 0 where it is within rounding.
    """

    difference: float
    two_sided: float
    one_sided: float
    n: int
    deviation: float

    @property
    def half_width(self) -> float:
        """Half the width of the difference's 95 % t interval."""
        return float(stdtrit(self.n - 1, 0.975)) * self.deviation / math.sqrt(self.n)

    @property
    def seeds_needed(self) -> int | None:
        """Seeds that it takes to tell a from b, were the difference and its deviation what they are here."""
        return seeds_needed(self.difference, self.deviation)


def _mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)


def _standard_error(values: Collection[float]) -> float:
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def mean_interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean over seeds and half the width of its 95 % t interval (n - 1 degrees of freedom).

    The half-width of a single value is unknown: None. Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values to take a mean of")
    if len(values) == 1:
        return float(values[0]), None
    return _mean(values), float(stdtrit(len(values) - 1, 0.975)) * _standard_error(values)


def paired_p(a: Mapping[int, float], b: Mapping[int, float]) -> PairedTest:
    """Paired t test of two methods over the seeds that both have; a, b: {seed: value}.

    Where the difference is the same at every seed there is no variance to divide by: none gives p = 1 both ways, a
    constant one gives p = 0 (one-sided: 0 if a is better, else 1). Raises ValueError under two common seeds.
    """
    seeds = sorted(a.keys() & b.keys())
    if len(seeds) < 2:
        raise ValueError(f"a paired test needs two common seeds or more, and there are {len(seeds)}")
    differences = [a[seed] - b[seed] for seed in seeds]
    mean, error, n = _mean(differences), _standard_error(differences), len(seeds)
    # Subtraction leaves rounding of this size, which would pass for a tiny variance or a tiny difference.
    rounding = 8 * sys.float_info.epsilon * max(abs(values[seed]) for values in (a, b) for seed in seeds)
    if error > rounding:
        t = mean / error
        deviation = error * math.sqrt(n)
        return PairedTest(mean, float(2 * stdtr(n - 1, -abs(t))), float(stdtr(n - 1, -t)), n, deviation)
    if abs(mean) <= rounding:
        return PairedTest(0.0, 1.0, 1.0, n, 0.0)
    return PairedTest(mean, 0.0, 0.0 if mean > 0 else 1.0, n, 0.0)


def power(difference: float, deviation: float, n: int) -> float:
    """Probability that a two-sided paired t test at 5 % over n seeds finds a difference, in its own direction.

    difference: true mean of a - b. deviation: true standard deviation of a - b over seeds, above 0. n: at least 2.
    """
    shift, df = abs(difference) / deviation * math.sqrt(n), n - 1
    critical = float(stdtrit(df, 1 - SIGNIFICANCE / 2))
    # Beyond this the noncentral t of scipy loses its digits, and the power is 1 to twelve of them.
    return 1.0 if shift > 30 + 10 * critical else float(1 - nctdtr(df, shift, critical))


def seeds_needed(difference: float, deviation: float) -> int | None:
    """The fewest seeds at which a paired t test at 5 %, uncorrected, finds a difference with a probability of .8.

    difference, deviation: true mean and standard deviation of a - b over seeds. At least 2; None where it takes more
    than 1,000, or where there is no difference. Estimates of both from five seeds are rough, and so is this.
    """
    if deviation == 0:
        return 2 if difference else None
    # By the normal distribution: fewer than by the t distribution, whose tails are heavier.
    least = ((ndtri(1 - SIGNIFICANCE / 2) + ndtri(POWER)) * deviation / difference) ** 2 if difference else math.inf
    if least > MOST_SEEDS:
        return None
    counts = range(max(2, int(least)), MOST_SEEDS + 1)
    return next((n for n in counts if power(difference, deviation, n) >= POWER), None)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the order given; below 0.05 is significant at 5 % for the whole family.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for done, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[index]))
        corrected[index] = largest
    return corrected


def _comparable(values_by_method: Mapping[str, Mapping[int, float]]) -> list[str]:
    """The methods of which every two have five common seeds; those in the way of most others leave first."""
    names = sorted(name for name, values in values_by_method.items() if len(values) >= SEEDS_TO_BE_RANKED)
    while True:
        kinds = Counter(frozenset(values_by_method[name]) for name in names)  # many have the same seeds
        missing = {a: sum(count for b, count in kinds.items() if len(a & b) < SEEDS_TO_BE_RANKED) for a in kinds}
        lacking = {name: missing[frozenset(values_by_method[name])] for name in names}
        most = max(lacking.values(), default=0)
        if most == 0:
            return names
        names = [name for name in names if lacking[name] < most]


def pairwise(values_by_method: Mapping[str, Mapping[int, float]]) -> dict[tuple[str, str], tuple[PairedTest, float]]:
    """Every two methods that can be ranked, {method: {seed: value}}: (a, b) -> their test, its two-sided p by Holm."""
    pairs = list(combinations(_comparable(values_by_method), 2))
    tests = [paired_p(values_by_method[a], values_by_method[b]) for a, b in pairs]
    corrected = holm([test.two_sided for test in tests])
    return dict(zip(pairs, zip(tests, corrected, strict=True), strict=True))


@dataclass(frozen=True)
class _Tests:
    """Paired t tests of every two methods that can be ranked, as `pairwise` has them, all at once.

    names: the methods, sorted. difference, p: float64 [pair], in the order of `itertools.combinations`; p is two-sided,
    by Holm. Sums are taken seed by seed, which is the same on every machine; the last digit may not be `pairwise`'s.
    """

    names: list[str]
    difference: NDArray[np.float64]
    p: NDArray[np.float64]

    def place(self, a: str, b: str) -> int:
        """The row of a pair, in whichever order."""
        first, second = sorted((self.names.index(a), self.names.index(b)))
        return first * len(self.names) - first * (first + 1) // 2 + second - first - 1


def _tested(values_by_method: Mapping[str, Mapping[int, float]]) -> _Tests:
    names = _comparable(values_by_method)
    seeds = sorted({seed for name in names for seed in values_by_method[name]})
    table = np.array([[values_by_method[name].get(seed, np.nan) for seed in seeds] for name in names])
    table = table.reshape(len(names), len(seeds))
    first, second = np.triu_indices(len(names), 1)
    n, total, largest, squares = (np.zeros(len(first)) for _ in range(4))
    for values in table.T:
        difference = values[first] - values[second]
        there = ~np.isnan(difference)
        n += there
        total += np.where(there, difference, 0.0)
        size = np.maximum(np.abs(values[first]), np.abs(values[second]))
        largest = np.maximum(largest, np.where(there, size, 0.0))
    mean = total / n
    for values in table.T:
        apart = values[first] - values[second] - mean
        squares += np.where(np.isnan(apart), 0.0, apart * apart)
    error, rounding = np.sqrt(squares / (n - 1) / n), 8 * sys.float_info.epsilon * largest
    t = np.abs(mean) / np.where(error > rounding, error, 1.0)
    same = np.where(np.abs(mean) <= rounding, 1.0, 0.0)
    p = np.where(error > rounding, 2 * stdtr(n - 1, -t), same)
    return _Tests(names, mean, _holm(p))


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `holm`."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, np.arange(len(p), 0, -1) * p[order]))
    return corrected


def against(
    values_by_method: Mapping[str, Mapping[int, float]], pairs: Sequence[tuple[str, str]]
) -> list[tuple[PairedTest, float]]:
    """Some pairs of methods that can be ranked: their test, and its two-sided p by Holm over all pairs there are."""
    tests = _tested(values_by_method)
    return [(paired_p(values_by_method[a], values_by_method[b]), float(tests.p[tests.place(a, b)])) for a, b in pairs]


def ranks(values_by_method: Mapping[str, Mapping[int, float]]) -> dict[str, int | None]:
    """Rank of each method, {method: {seed: value}}: 1 + the number of methods that are significantly better.

    Better: the mean difference over common seeds is positive, and a two-sided paired t test is significant at 5 %
    after Holm's correction over all pairs. So ranks need not follow means. None, unranked: a method without five seeds
    in common with the others; such a method does not enter the correction.
    """
    tests = _tested(values_by_method)
    first, second = np.triu_indices(len(tests.names), 1)
    worse = np.where(tests.difference > 0, second, first)[tests.p < SIGNIFICANCE]
    counts = np.bincount(worse, minlength=len(tests.names)).tolist()
    better = dict(zip(tests.names, counts, strict=True))
    return {name: 1 + better[name] if name in better else None for name in values_by_method}
