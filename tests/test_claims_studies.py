"""What the README and the pages of the two studies claim, checked from their committed records."""

import statistics
from pathlib import Path

import pytest

from benchmark.statistics import paired_p
from benchmark.study import choice, record
from benchmark.study.forerunner import CHOSEN, CHOSEN_BEFORE, PUBLISHED, Reading
from benchmark.study.forerunner_tried import BY_RATE, TRIED, written

ROOT = Path(__file__).parent.parent
STUDY = ROOT / "results" / "study"
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_the_forerunner_s_table_has_the_settings_that_missed_the_fewest_figures():
    """`python -m benchmark.study.choice`, on validation clips."""
    tried = choice.read(ROOT / choice.RECORD)
    assert [one.settings for one in tried] == [written(settings) for settings in TRIED]
    assert choice.best(tried).settings == written(CHOSEN)
    assert min(tried[:28], key=lambda one: one.shortfall).settings == written(CHOSEN_BEFORE)


@pytest.mark.parametrize(
    ("latent", "factor", "told"),
    [
        ("shared", "frequency", "in the shared block ({}, published {})"),
        ("private", "frequency", "in the private one ({}, published {})"),
        ("private", "timbre", "from its private block as well ({}, published {})"),
    ],
)
def test_the_readme_tells_of_the_forerunner_s_table_what_its_record_has(latent, factor, told):
    rows = record.read_as(STUDY / "forerunner.csv", Reading)
    values = [row.accuracy(latent, factor) for row in rows if (row.part, row.cell) == ("table", "combined")]
    published = PUBLISHED[latent][("timbre", "frequency").index(factor)]
    shown = [f"{value:.2f}".removeprefix("0") for value in (statistics.mean(values), published)]
    assert told.format(*shown) in README


def test_combined_reaches_all_figures_of_the_forerunner_s_table_but_one():
    page_told = (STUDY / "forerunner.md").read_text(encoding="utf-8")
    assert page_told.count(", reached.") == 5
    [missed] = [line for line in page_told.splitlines() if line.endswith("**not reached**.")]
    assert missed.startswith("- private timbre, at most 0.60: ")


def test_what_the_forerunner_s_page_says_of_what_was_tried_is_so():
    for one in choice.read(ROOT / choice.RECORD):
        told = one.accuracies
        if "shared_groups=0" not in one.settings:
            assert 0.70 < told["shared_timbre"] < 0.80, one.settings
        assert not (told["private_timbre"] <= 0.60 and told["private_frequency"] >= 0.85), one.settings
        if "resolution=" in one.settings:
            assert abs(told["private_timbre"] - told["private_frequency"]) < 0.08, one.settings
    assert choice.best(choice.read(ROOT / choice.RECORD)).accuracies["shared_timbre"] > 0.99
    by_rate = [one.accuracies for one in choice.read(ROOT / choice.RECORD) if one.settings in map(written, BY_RATE)]
    assert len(by_rate) == 4
    for shared in ("shared_timbre", "shared_frequency"):
        told = [accuracies[shared] for accuracies in by_rate]
        assert told == sorted(told, reverse=True), shared
    assert by_rate[0]["shared_timbre"] > 0.98 > 0.80 > by_rate[-1]["shared_timbre"]


def test_frequencies_of_an_unheard_timbre_are_read_far_worse_as_the_forerunner_s_page_says():
    rows = record.read_as(STUDY / "forerunner.csv", Reading)
    for method in ("combined", "poe_vae"):  # of what was chosen before, not all was read
        table = [row for row in rows if (row.part, row.cell) == ("table", method)]
        assert len(table) == 5
        assert all(row.unheard_frequency < row.private_frequency - 0.2 for row in table), method


@pytest.mark.parametrize(
    ("part", "cell", "score", "told"),
    [
        ("alone", "no contrast", "preservation", ".88 and"),
        ("alone", "no contrast", "disentanglement", "and D .51"),
        ("alone", "contrast alone", "preservation", "contrast alone .94"),
        ("alone", "contrast alone", "disentanglement", "and .35: neither"),
        ("alone", "shared", "preservation", "reconstruction alone (.92"),
        ("alone", "shared", "disentanglement", "and .83)"),
        ("alone", "all four", "preservation", "too (.92"),
        ("alone", "all four", "disentanglement", "and .90)"),
        ("terms", "shared contrast", "disentanglement", "instead of .84,"),
        ("terms", "without independence", "disentanglement", "D is .57 instead"),
        ("terms", "VICReg for NT-Xent", "disentanglement", "at the same weight, .68"),
        ("terms", "continuous shared block", "disentanglement", "continuous shared block .70"),
        ("weight", "private 0.1", "disentanglement", "weights of .1 and .3 on the private block take D to 0."),
        ("weight", "private 0.3", "disentanglement", "weights of .1 and .3 on the private block take D to 0."),
        ("pairing pitch", "no contrast", "preservation", "(.86 and"),
        ("pairing pitch", "no contrast", "disentanglement", "and .48 to"),
        ("pairing pitch", "shared contrast", "preservation", "to .91 and"),
        ("pairing pitch", "shared contrast", "disentanglement", "and .87)"),
        ("pairing loudness", "shared contrast", "gap_shared", "the record: .99,"),
        ("pairing loudness", "no contrast", "gap_shared", ", .38 without)"),
        ("pairing rhythm", "no contrast", "disentanglement", "(D 1.00)"),
    ],
)
def test_the_readme_tells_of_the_study_what_its_record_has(part, cell, score, told):
    record_of = [row for row in record.read(STUDY / "strategies.csv") if row.part == part]
    values = [getattr(row, score) for row in record_of if row.cell == cell]
    assert len(values) == (10 if part == "alone" else 5)
    shown = f"{statistics.mean(values):.2f}".removeprefix("0")
    assert ("0" if shown == ".00" else shown) in told
    assert told in README


def test_contrast_alone_keeps_more_than_what_joins_both_as_the_readme_says():
    rows = [row for row in record.read(STUDY / "strategies.csv") if row.part == "alone"]
    kept = {cell: {r.seed: r.preservation for r in rows if r.cell == cell} for cell in {row.cell for row in rows}}
    for cell in ("shared", "all four"):
        test = paired_p(kept["contrast alone"], kept[cell])
        assert (round(test.difference, 2), test.two_sided < 0.001) == (0.02, True), cell
    assert "that keeps .02 more of P than shared contrast or all four, at D .35" in README


def test_swaps_lose_no_preservation_at_their_small_weight_and_some_at_larger_ones_as_the_readme_says():
    rows = record.read(STUDY / "strategies.csv")

    def lost(part, cell):
        kept, base = (
            {row.seed: row.preservation for row in rows if (row.part, row.cell) == (part, name)}
            for name in (cell, "no contrast")
        )
        return paired_p(kept, base)

    within = lost("alone", "swap")
    assert within.difference - within.half_width > -0.01
    for weight in ("0.1", "0.3", "1", "3"):
        larger = lost("weight", f"swap {weight}")
        assert larger.difference + larger.half_width < 0, weight
    assert (
        "at its small weight .03, raises D and loses no more than .01 of P, and at larger weights it loses P" in README
    )


def test_false_negatives_cost_what_the_readme_says():
    rows = [row for row in record.read(STUDY / "strategies.csv") if row.part == "false negatives"]
    masked, left = ({r.seed: r.balance for r in rows if r.cell == cell} for cell in ("masked (oracle)", "left alone"))
    assert paired_p(masked, left).difference == pytest.approx(0.02, abs=0.005)
    assert "cost `combined` .02 of B" in README
    assert "- *masked (oracle)*: B +0.020" in (STUDY / "strategies.md").read_text(encoding="utf-8")


def test_runs_that_parts_share_are_the_same():
    """By the committed record, to the last digit, also where the code was of another day."""
    shared: dict[tuple[object, ...], list[record.Row]] = {}
    for one in record.read(STUDY / "strategies.csv"):
        settings = frozenset(one.settings.split())
        shared.setdefault((one.method, settings, one.task, one.seed), []).append(one)
    several = [rows for rows in shared.values() if len(rows) > 1]
    assert len(several) >= 15
    for rows in several:
        assert len({(one.preservation, one.disentanglement, one.balance) for one in rows}) == 1, rows[0]
