"""The page of the study of strategies says what its record supports, whichever way its tests fall."""

import pytest
from study_rows import NOTHING, SEEDS, made, row, told

from benchmark.study import conclusions
from benchmark.study.strategies import ALL_LOSSES, BASE, CONTRAST_ALONE, WEIGHTS, cells


def test_a_difference_is_said_where_the_test_finds_it():
    text = told(made({BASE: NOTHING, "shared 0.1": (0.93, 0.88, 0.80), "shared 3": (0.92, 0.85, 0.75)}))
    assert "- *shared*, at its best weight 0.1: P +0.030, D +0.080, B +0.100 (P +0.030 ± " in text
    assert "It holds here for shared: beside no contrast D rises, and no more than 0.01 of P is lost (" in text
    assert "- *private*: not run." in text
    assert "- *shared*, weight 3, the worst, beside 0.1: P -0.010 ± " in text


def test_the_worst_weight_is_told_beside_the_largest_and_an_end_of_the_grid_is_named():
    scores = {"private 0.003": NOTHING, "private 0.1": (0.9, 0, 0), "private 3": (0.9, 0.5, 0.4)}
    text = told(made({BASE: NOTHING, **scores}))
    assert "- *private*, at its best weight 0.003, the least tried: no difference found in P, D, B (P +0.000 ± " in text
    assert "- *private*, weight 0.1, the worst, beside 0.003: P +0.000 ± 0.00" in text
    assert "- *private*, weight 3 beside 0.003: P +0.000 ± 0.00" in text
    text = told(made({BASE: NOTHING, "private 0.003": (0.9, 0, 0), "private 3": NOTHING}))
    assert "at its best weight 3, the largest tried: " in text
    assert text.count("- *private*, weight ") == 1


def test_where_nothing_is_found_that_is_said():
    text = told(made({BASE: NOTHING, "across 0.1": (0.901, 0.80, 0.70)}))
    assert "- *across*, at its best weight 0.1: no difference found in P, D, B (P " in text
    assert "It is not supported here: no strategy was found to raise D over no contrast." in text


def test_where_nothing_could_be_found_that_is_said():
    """Runs that differ so much among themselves hide a rise as well as a fall."""
    text = told(made({BASE: NOTHING, "across 0.1": (0.92, 0.84, 0.70)}, noise=0.05))
    assert "- *across*, at its best weight 0.1: no difference found in P, D, B (P " in text
    assert "It is not supported here" not in text
    assert (
        "Undecided: no strategy was found to raise D over no contrast, but too few seeds were run to exclude that one "
        "does (across: D +0." in text
    )
    alone = told(made({BASE: NOTHING, CONTRAST_ALONE: (0.92, 0.78, 0.70)}, noise=0.05, part="alone"))
    assert "No difference was found, nor is one excluded: too few seeds to tell." in alone
    half = told(made({BASE: NOTHING, CONTRAST_ALONE: (1.5, 0.78, 0.70)}, noise=0.05, part="alone"))
    assert "Contrast alone is the better one where they differ; too few seeds tell of the other score." in half


def test_a_price_in_preservation_is_named():
    text = told(made({BASE: NOTHING, f"{ALL_LOSSES} 0.3": (0.80, 0.90, 0.75)}))
    assert "It does not hold here: where contrast raises D (shared + private + across), P falls." in text
    both = told(made({BASE: NOTHING, f"{ALL_LOSSES} 0.3": (0.80, 0.90, 0.75), "swap 0.1": (0.90, 0.9, 0.8)}))
    assert "It holds here for swap: " in both
    assert "Of shared + private + across D rises at a price in P." in both


def test_no_loss_is_said_only_where_a_loss_is_excluded():
    """P moves by .012 or so with the seed, so that a loss of .01 may hide in the interval."""
    scatter = (0.012, -0.011, 0.009, -0.012, 0.004)
    wide = [row("across 0.1", seed, 0.90 + moved, 0.9, 0.8) for seed, moved in zip(SEEDS, scatter, strict=True)]
    rows = conclusions.grouped(wide + made({BASE: NOTHING}, noise=0.0))
    found = conclusions.findings("weight", [cell for cell in cells() if cell.part == "weight"], rows)
    text = conclusions.verdict(found, conclusions.at_best(rows))
    assert text.startswith("Undecided for across: D rises, and no loss of P is found, but one of more than 0.01 is not")
    assert "It holds" not in text


def test_a_loss_counts_before_it_is_corrected():
    """P falls with p = .02 or so, which no correction over four tests and more survives."""
    falls = [row("across 0.1", seed, 0.90 - 0.01 - 0.006 * (seed % 3 - 1), 0.9, 0.8) for seed in SEEDS]
    others = made({BASE: NOTHING, **{f"shared {weight:g}": NOTHING for weight in WEIGHTS}}, noise=0.0)
    rows = conclusions.grouped(falls + others)
    found = conclusions.findings("weight", [cell for cell in cells() if cell.part == "weight"], rows)
    [loss] = [one for one in found if (one.cell, one.score) == ("across 0.1", "preservation")]
    assert (loss.fell, loss.real, loss.test.two_sided < 0.05 < loss.p) == (True, False, True)
    assert "It does not hold here: where contrast raises D (across), P falls." in conclusions.verdict(
        found, conclusions.at_best(rows)
    )


def test_a_strategy_that_lowers_disentanglement_is_named():
    text = told(made({BASE: NOTHING, "private 0.1": (0.93, 0.6, 0.65)}))
    assert "no strategy was found to raise D over no contrast. Of private D falls." in text


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (
            (0.60, 0.90, 0.5),
            "P -0.300 ± 0.000, D +0.100 ± 0.000. It separates more and keeps less: neither has both.",
        ),
        ((0.95, 0.70, 0.5), "It keeps more and separates less: neither has both."),
        ((0.60, 0.60, 0.5), "Reconstruction alone is the better one where they differ: no trade-off between the two"),
        ((0.95, 0.90, 0.5), "Contrast alone is the better one where they differ: no trade-off between the two"),
        (NOTHING, "Neither differs by more than 0.01, so no trade-off."),
    ],
)
def test_whether_each_alone_shows_a_tradeoff(scores, said):
    rows = [
        row(name, seed, *own, "alone") for name, own in ((BASE, NOTHING), (CONTRAST_ALONE, scores)) for seed in SEEDS
    ]
    assert said in told(rows)


def test_the_paper_s_finding_is_also_judged_at_weights_fixed_beforehand():
    """In a part of its own, whose correction is its own; without these runs nothing is said of them."""
    scores = {
        BASE: NOTHING,
        "shared": (0.93, 0.88, 0.80),
        "private": (0.85, 0.70, 0.60),
        CONTRAST_ALONE: (0.5, 0.9, 0.6),
    }
    text = told(made(scores, part="alone"))
    [line] = [line for line in text.splitlines() if line.startswith("*Combined, at the weights of the named points.*")]
    assert "It holds here for shared: beside no contrast D rises" in line
    assert "Of private D falls." in line
    assert "contrast alone" not in line
    assert "named points.*" not in told(made({BASE: NOTHING, "shared 0.1": NOTHING}))


def test_combinations_are_also_held_against_contrast_alone():
    scores = {BASE: NOTHING, "shared": (0.93, 0.88, 0.80), "swap": (0.98, 0.9, 0.9), CONTRAST_ALONE: (0.96, 0.5, 0.6)}
    [line] = [line for line in told(made(scores, part="alone")).splitlines() if "beside contrast alone.*" in line]
    assert line.startswith("*Combined, beside contrast alone.* Contrast alone keeps more than shared (shared: P -0.0")
    assert "; swap: P +0.0" in line
    assert "beside contrast alone.*" not in told(made({BASE: NOTHING, "shared": NOTHING}, part="alone"))
    more = told(made({**scores, "shared": (0.97, 0.9, 0.9)}, part="alone"))
    assert "*Combined, beside contrast alone.* None is found to keep less (shared: P +0.0" in more


def test_of_what_was_not_run_nothing_is_concluded():
    text = told(made({"left alone": NOTHING}, part="false negatives"))
    assert "*Combined, at the best weights.* It cannot be told: fewer than two seeds to test it by." in text
    assert "not supported" not in text


def test_the_sweep_says_how_much_it_finds_and_the_points_have_their_weights():
    text = told(made({BASE: NOTHING, "swap 3": (0.80, 0.80, 0.70)}, noise=0.002))
    assert "more than it decides: of its 3 tests only these find a difference: P of *swap 3* (-0.1" in text
    none = told(made({BASE: NOTHING, "swap 3": NOTHING}, noise=0.002))
    assert "The sweep of weights describes more than it decides: of its 3 tests none finds one." in none
    assert "The named points have *shared* 0.1, *private* 0.003, *across* 0.1, *swap* 0.03, *all four* all of" in text


def test_a_loss_within_the_margin_is_none():
    """P falls by .003, surely: that is less than counts as lost."""
    text = told(made({BASE: NOTHING, "swap 0.1": (0.897, 0.9, 0.8)}, noise=0.0))
    assert "It holds here for swap: beside no contrast D rises, and no more than 0.01 of P is lost" in text


def test_what_stays_undecided_is_told_beside_what_holds():
    scatter = (0.15, -0.12, 0.1, -0.14, 0.05)
    wide = [row("across 0.1", seed, 0.90, 0.82 + moved, 0.8) for seed, moved in zip(SEEDS, scatter, strict=True)]
    text = told(wide + made({BASE: NOTHING, "swap 0.1": (0.9, 0.9, 0.8)}, noise=0.0))
    assert "It holds here for swap: " in text
    assert "Whether D rises is undecided for across (across: D +0.0" in text


def test_seeds_beyond_those_planned_are_told_of():
    assert "seeds beyond those\nplanned (none)" in told(made({BASE: NOTHING}))
    assert "planned (*weight* has 5)" in told(made({BASE: NOTHING}), seeds=3)


def test_a_tradeoff_that_was_not_run_is_not_told_of():
    assert "Whether each alone shows a trade-off cannot be told" in told(made({BASE: NOTHING}))


def test_strategies_are_compared_with_each_other():
    text = told(made({"shared 0.1": (0.9, 0.8, 0.80), "private 1": (0.9, 0.8, 0.70), "swap 3": (0.9, 0.8, 0.80)}))
    assert "- *shared* over *private*: B +0.100 (p < 0.001)." in text
    assert "- *swap* over *private*: B +0.100 (p " in text
    assert "The other 1 of 3 pairs are not told apart." in text
    assert "No two are told apart." in told(made({"shared 0.1": NOTHING, "swap 1": NOTHING}, noise=0.02))
    assert "No two strategies have 5 seeds in common" in told(made({"shared 0.1": NOTHING}))


def test_every_part_says_what_its_tests_find():
    rows = made(
        {"left alone": NOTHING, "debiased": (0.9, 0.9, 0.75), "masked (oracle)": NOTHING}, 0.0, "false negatives"
    )
    text = told(rows)
    assert "- *debiased*: D +0.100, B +0.050; no difference found in P." in text
    assert "- *masked (oracle)*: no difference found in P, D, B." in text


def test_the_correction_is_for_all_tests_of_the_part():
    rows = conclusions.grouped(
        made({BASE: NOTHING, **{f"shared {weight:g}": (0.91, 0.81, 0.71) for weight in WEIGHTS}})
    )
    own = [cell for cell in cells() if cell.part == "weight"]
    found = conclusions.findings("weight", own, rows)
    assert len(found) == 3 * len(WEIGHTS)
    raw = sorted(one.test.two_sided for one in found)
    assert min(one.p for one in found) == pytest.approx(min(1.0, raw[0] * len(found)))


def test_what_is_missing_is_listed():
    rows = [one for one in made({BASE: NOTHING, "swap 0.1": NOTHING}) if one.cell == BASE or one.seed < 3]
    text = told(rows)
    assert "weight: swap 0.1 (3 of 5 seeds)" in text
    assert "Not run: weight: shared 0.003; " in text
    assert "the part *temperature*" in text


def test_a_part_with_fewer_seeds_throughout_is_said_once():
    rows = [one for one in made({BASE: NOTHING, "swap 0.1": NOTHING}) if one.seed < 3]
    text = told(rows)
    assert "With fewer seeds: the part *weight* (3 of 5 seeds)." in text
    assert "swap 0.1 (3 of 5 seeds)" not in text


def test_a_single_seed_is_shown_and_not_tested():
    text = told([one for one in made({BASE: NOTHING, "swap 0.1": (0.9, 0.99, 0.9)}) if one.seed == 0], seeds=1)
    assert "- *swap*, at its best weight 0.1: fewer than two seeds to test it by." in text
    assert "holds here" not in text
