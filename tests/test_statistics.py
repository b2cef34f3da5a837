import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import holm, mean_interval, paired_p, ranks


def by_seed(*values):
    return dict(enumerate(values))


def test_interval_by_hand():
    # 1..5: mean 3, variance 2.5, standard error sqrt(.5); t(.975, 4) = 2.776445 (any t table).
    mean, half_width = mean_interval([1, 2, 3, 4, 5])
    assert mean == 3
    assert half_width == pytest.approx(2.7764451 * math.sqrt(0.5), rel=1e-7)
    assert mean_interval([0.25] * 5) == (0.25, 0.0)
    assert mean_interval([0.5]) == (0.5, None)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_interval_covers_the_truth_19_times_in_20():
    samples = np.random.default_rng(0).normal(7.0, 3.0, (4000, 5))
    covered = 0
    for sample in samples:
        mean, half_width = mean_interval(sample.tolist())
        covered += abs(mean - 7.0) <= half_width
    assert 0.94 < covered / 4000 < 0.96


def test_paired_test_by_hand():
    # Differences 1..5: t = 3 / sqrt(.5), 4 degrees of freedom, where the t distribution is in closed form:
    # F(t) = 1/2 + 3/8 u (1 - u^2 / 12), u = t / sqrt(1 + t^2 / 4); u^2 = 18 / 5.5.
    u = math.sqrt(18 / 5.5)
    above = 0.5 - 3 / 8 * u * (1 - u * u / 12)
    test = paired_p(by_seed(11, 22, 33, 44, 55), by_seed(10, 20, 30, 40, 50))
    assert (test.difference, test.n) == (3, 5)
    assert test.two_sided == pytest.approx(2 * above, rel=1e-12)
    assert test.one_sided == pytest.approx(above, rel=1e-12)
    back = paired_p(by_seed(10, 20, 30, 40, 50), by_seed(11, 22, 33, 44, 55))
    assert back.difference == -3
    assert back.two_sided == test.two_sided
    assert back.one_sided == pytest.approx(1 - above, rel=1e-12)


def test_paired_test_agrees_with_scipy():
    a, b = np.random.default_rng(1).uniform(size=(2, 7))
    test = paired_p(by_seed(*a), by_seed(*b))
    assert test.two_sided == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-12)
    assert test.one_sided == pytest.approx(stats.ttest_rel(a, b, alternative="greater").pvalue, rel=1e-12)


def test_only_common_seeds_count():
    a, b = {0: 1.0, 1: 2.0, 2: 4.0, 7: 99.0}, {2: 0.0, 1: 1.0, 0: 0.0, 8: -99.0}
    test = paired_p(a, b)
    assert (test.n, test.difference) == (3, 2.0)
    with pytest.raises(ValueError, match="two common seeds or more, and there are 1"):
        paired_p({0: 1.0, 1: 2.0}, {1: 1.0, 2: 2.0})


def test_differences_without_variance():
    a = by_seed(0.1, 0.2, 0.3, 0.4, 0.7)
    shifted = {seed: value + 0.1 for seed, value in a.items()}  # constant only up to rounding: .1 + .2 is not .3
    assert len({shifted[seed] - a[seed] for seed in a}) > 1
    equal, better, worse = paired_p(a, a), paired_p(shifted, a), paired_p(a, shifted)
    assert (equal.difference, equal.two_sided, equal.one_sided) == (0, 1, 1)
    assert (better.two_sided, better.one_sided) == (0, 0)
    assert (worse.two_sided, worse.one_sided) == (0, 1)
    assert paired_p(by_seed(0, 0), by_seed(0, 0)).two_sided == 1


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04 times 4 3 2 1: .02 .03 .06 .04, and the last may not be under the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_ranks_with_known_differences():
    noise = np.random.default_rng(2).normal(0, 1e-3, (4, 5))
    values = {
        "third": by_seed(*(0.2 + noise[0])),
        "first": by_seed(*(0.9 + noise[1])),
        "second": by_seed(*(0.5 + noise[2])),
        "also-second": by_seed(*(0.5 + noise[3])),
    }
    assert ranks(values) == {"third": 4, "first": 1, "second": 2, "also-second": 2}


def test_seeds_are_paired():
    # One seed is far better than another for both methods; within a seed b is always a little better.
    a = by_seed(0.1, 0.3, 0.5, 0.7, 0.9)
    b = by_seed(0.111, 0.309, 0.512, 0.708, 0.910)
    assert ranks({"a": a, "b": b}) == {"a": 2, "b": 1}


def test_holm_is_applied():
    # Two-sided p of b against a is between .05 / 3 and .05: real alone, not as the smallest of three.
    a, b = by_seed(0, 0, 0, 0, 0), by_seed(1, 2, 3, 4, 6)
    assert 0.05 / 3 < paired_p(b, a).two_sided < 0.05
    assert ranks({"a": a, "b": b}) == {"a": 2, "b": 1}
    between = by_seed(10, -9, 8, -7, 6)
    assert ranks({"a": a, "b": b, "between": between}) == {"a": 1, "b": 1, "between": 1}


def test_five_common_seeds_to_be_ranked():
    high, low, four = by_seed(*[0.9] * 5), by_seed(*[0.1] * 5), by_seed(*[0.5] * 4)
    elsewhere = {seed: 0.5 for seed in range(100, 105)}
    assert ranks({"four": four, "high": high, "low": low}) == {"four": None, "high": 1, "low": 2}
    assert ranks({"elsewhere": elsewhere, "high": high, "low": low}) == {"elsewhere": None, "high": 1, "low": 2}
    assert ranks({"elsewhere": elsewhere, "high": high}) == {"elsewhere": None, "high": None}
    assert ranks({"high": high}) == {"high": 1}
    assert ranks({}) == {}


def test_equal_methods_are_rarely_told_apart():
    rng = np.random.default_rng(3)
    tables = [ranks({name: by_seed(*rng.normal(size=5)) for name in "abcd"}) for _ in range(400)]
    assert sum(set(table.values()) != {1} for table in tables) / 400 < 0.08  # 5 % by design


def test_importing_does_not_bring_scipy_stats():
    code = "import sys, benchmark.statistics; sys.exit('scipy.stats' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
