import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import special, stats

from benchmark.statistics import against, holm, mean_interval, paired_p, pairwise, power, ranks, seeds_needed


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


def test_ten_equal_methods_share_a_rank_in_19_of_20_simulations():
    """Ten equal methods, five seeds, a common effect of each seed: how often any two get different ranks."""
    n, methods, seeds = 20_000, 10, 5
    rng = np.random.default_rng(4)
    values = rng.normal(size=(n, methods, seeds)) + 2 * rng.normal(size=(n, 1, seeds))
    first, second = np.triu_indices(methods, 1)
    differences = values[:, first] - values[:, second]
    t = differences.mean(-1) / (differences.std(-1, ddof=1) / math.sqrt(seeds))
    p = 2 * special.stdtr(seeds - 1, -np.abs(t))
    # Holm tells some pair apart if and only if the smallest p does it by Bonferroni.
    apart = p.min(axis=1) * len(first) < 0.05
    margin = 3 * math.sqrt(0.05 * 0.95 / n)
    assert apart.mean() <= 0.05 + margin
    assert apart.mean() > 0.01  # the test has power to fail: without the correction it would be over 0.3
    assert (p.min(axis=1) < 0.05).mean() > 0.3
    # The shortcut is what `ranks` does.
    chosen = [*range(100), *np.flatnonzero(apart)[:20]]
    for i in chosen:
        table = ranks({str(m): by_seed(*values[i, m]) for m in range(methods)})
        assert (set(table.values()) != {1}) == apart[i]


def test_power_is_what_a_simulation_finds():
    rng = np.random.default_rng(5)
    for difference, n in ((1.0, 10), (0.5, 20), (2.0, 3)):
        sample = rng.normal(difference, 1.0, (40_000, n))
        t = sample.mean(1) / (sample.std(1, ddof=1) / math.sqrt(n))
        found = (t > special.stdtrit(n - 1, 0.975)).mean()
        assert power(difference, 1.0, n) == pytest.approx(found, abs=0.01)
    assert power(1e9, 1.0, 2) == 1.0
    assert power(1e-3, 1e-6, 2) == pytest.approx(1.0)


def test_seeds_needed_are_those_of_the_tables():
    # Paired t test, two-sided 5 %, power .8, effect sizes .2, .5, .8, 1: 199, 34, 15, 10 (Cohen 1988; G*Power).
    assert [seeds_needed(effect, 1.0) for effect in (0.2, 0.5, 0.8, 1.0)] == [199, 34, 15, 10]
    assert seeds_needed(-0.05, 0.1) == seeds_needed(0.05, 0.1) == 34
    n = seeds_needed(0.3, 1.0)
    assert power(0.3, 1.0, n) >= 0.8 > power(0.3, 1.0, n - 1)
    assert seeds_needed(1.0, 0.0) == seeds_needed(1e9, 1.0) == 2
    assert seeds_needed(0.0, 0.0) is seeds_needed(0.0, 1.0) is seeds_needed(0.01, 1.0) is None


def test_a_paired_test_knows_its_interval_and_its_seeds():
    test = paired_p(by_seed(11, 22, 33, 44, 55), by_seed(10, 20, 30, 40, 50))  # differences 1..5
    assert test.deviation == pytest.approx(math.sqrt(2.5))
    assert test.half_width == pytest.approx(mean_interval([1, 2, 3, 4, 5])[1])
    assert test.seeds_needed == seeds_needed(3, math.sqrt(2.5)) == 5
    assert paired_p(by_seed(1, 2), by_seed(1, 2)).half_width == 0


def test_every_two_methods_are_compared_once_and_corrected_together():
    values = {"a": by_seed(0, 0, 0, 0, 0), "b": by_seed(1, 2, 3, 4, 6), "c": by_seed(2, 2, 3, 3, 5), "d": by_seed(1, 1)}
    found = pairwise(values)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    plain = [paired_p(values[a], values[b]).two_sided for a, b in found]
    assert [p for _, p in found.values()] == holm(plain)


def test_importing_does_not_bring_scipy_stats():
    code = "import sys, benchmark.statistics; sys.exit('scipy.stats' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_pairs_at_once_are_the_pairs_one_by_one():
    """Methods of other seeds, equal ones, constant differences: ranks and p are those of `pairwise`."""
    rng = np.random.default_rng(0)
    values = {f"m{i}": {s: float(v) for s, v in enumerate(rng.normal(i / 20, 0.05, 5))} for i in range(30)}
    values["m30"] = dict(values["m3"])
    values["m31"] = {seed: value + 0.25 for seed, value in values["m3"].items()}
    values["more"] = {s: float(v) for s, v in enumerate(rng.normal(0.5, 0.05, 9))}
    values["few"] = {0: 0.5, 1: 0.25}
    values["others"] = {s + 100: 0.5 + s / 10 for s in range(5)}
    one_by_one = pairwise(values)
    pairs = list(one_by_one)
    for (test, p), found in zip(one_by_one.values(), against(values, pairs), strict=True):
        assert found[0] == test
        assert found[1] == pytest.approx(p, rel=1e-9)
    better = dict.fromkeys({name for pair in pairs for name in pair}, 0)
    for (a, b), (test, p) in one_by_one.items():
        if p < 0.05:
            better[b if test.difference > 0 else a] += 1
    expected = {name: better[name] + 1 if name in better else None for name in values}
    assert ranks(values) == expected
    assert {name for name, rank in expected.items() if rank is None} == {"few", "others"}
