"""The study of strategies: its cells are runs that can be asked for, its page says what its record supports."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import execution, options, work
from benchmark.metrics.table import Score
from benchmark.study import __main__ as study
from benchmark.study import conclusions, page, record
from benchmark.study.record import Row
from benchmark.study.strategies import ALL_LOSSES, BASE, CONTRAST_ALONE, STRATEGIES, WEIGHTS, cells, parts
from benchmark.tasks import load_task
from benchmark.version import BENCHMARK_VERSION

ROOT = Path(__file__).parent.parent
SEEDS = range(5)


def test_every_cell_is_a_run_that_can_be_asked_for():
    for cell in cells():
        (chosen, _) = options.chosen_methods([cell.method], None)[cell.method]
        settings = options.settings_of(cell.method, chosen, cell.settings)
        load_task(cell.task)
        for name, value in cell.settings.items():
            assert getattr(settings, name) == value, (cell.part, cell.name)


def test_cells_of_a_part_have_names_of_their_own_and_one_reference():
    for part in parts():
        own = [cell for cell in cells() if cell.part == part]
        assert len({cell.name for cell in own}) == len(own)
        [reference] = [cell for cell in own if cell.against is None]
        assert {cell.against for cell in own} == {None, reference.name}


def test_the_plan_is_what_was_promised():
    names = {part: [cell.name for cell in cells() if cell.part == part] for part in parts()}
    assert [(part, len(own)) for part, own in names.items()] == [
        ("weight", 43),  # six strategies at seven weights, and none
        ("alone", 7),
        ("left out", 5),
        ("terms", 11),
        ("temperature", 5),
        ("false negatives", 3),
        ("pairing pitch", 4),
        ("pairing loudness", 4),
        ("pairing rhythm", 4),
    ]
    assert {0.01, 0.03, 0.1, 0.3, 1, 3} <= set(WEIGHTS)
    assert names["alone"] == [BASE, "shared", "private", "across", "swap", "all four", CONTRAST_ALONE]
    assert names["left out"] == ["all four", *(f"without {name}" for name in ("shared", "private", "across", "swap"))]


def test_terms_alone_and_left_out_have_the_contrasts_that_they_are_called_by():
    """By hand: which weights of contrast are above 0."""
    weights = {
        "shared": "contrast_weight",
        "private": "private_contrast_weight",
        "across": "across_contrast_weight",
        "swap": "swap_weight",
    }
    for cell in cells():
        if cell.part not in ("alone", "left out") or cell.name == CONTRAST_ALONE:
            continue
        (chosen, _) = options.chosen_methods([cell.method], None)[cell.method]
        told = options.settings_of(cell.method, chosen, cell.settings)
        there = {name for name, setting in weights.items() if getattr(told, setting) > 0}
        if cell.part == "left out" or cell.name == "all four":
            assert there == set(weights) - {cell.name.removeprefix("without ")}
        else:
            assert there == {cell.name} - {BASE}


def test_strategies_differ_from_no_contrast_in_their_contrast_alone():
    """The base is the same in all: what is left of the settings, when weights of contrast are taken away."""
    contrast = {"contrast_weight", "private_contrast_weight", "across_contrast_weight", "swap_weight"}
    bases = set()
    for cell in cells():
        if cell.part == "weight":
            (chosen, _) = options.chosen_methods([cell.method], None)[cell.method]
            told = options.settings_of(cell.method, chosen, cell.settings).model_dump()
            bases.add(tuple((name, value) for name, value in told.items() if name not in contrast))
            assert any(told[name] > 0 for name in contrast) == (cell.weight > 0), cell.name
    assert len(bases) == 1
    assert len([cell for cell in cells() if cell.part == "weight"]) == 1 + len(STRATEGIES) * len(WEIGHTS)


def row(cell, seed, p, d, b, part="weight"):
    [settings] = [one.written for one in cells() if (one.part, one.name) == (part, cell)] or ["of_earlier=1"]
    run = (seed, p, d, b, d, d, 20.0, "short", BENCHMARK_VERSION, f"{part} {cell} {seed}")
    return Row(part, cell, "combined", settings, "phrases/timbre", *run)


def made(scores, noise=0.001, part="weight"):
    """Rows of a part: cell -> (P, D, B), moved a little by the seed, each cell in its own way."""
    return [
        row(
            cell,
            seed,
            *(value + noise * ((3 * seed + 7 * place + len(cell)) % 5 - 2) for place, value in enumerate(told)),
            part,
        )
        for cell, told in scores.items()
        for seed in SEEDS
    ]


def told(rows, seeds=5):
    return page.page(cells(), rows, seeds=seeds, figure="")


NOTHING = (0.90, 0.80, 0.70)


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


def test_runs_that_parts_share_are_the_same():
    """By the committed record, to the last digit, also where the code was of another day."""
    shared: dict[tuple[object, ...], list[Row]] = {}
    for one in record.read(ROOT / "results" / "study" / "strategies.csv"):
        settings = frozenset(one.settings.split())
        shared.setdefault((one.method, settings, one.task, one.seed), []).append(one)
    several = [rows for rows in shared.values() if len(rows) > 1]
    assert len(several) >= 15
    for rows in several:
        assert len({(one.preservation, one.disentanglement, one.balance) for one in rows}) == 1, rows[0]


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


def test_a_record_is_read_as_it_was_written(tmp_path):
    rows = made({BASE: NOTHING, "swap 0.1": (1 / 3, 2 / 3, 0.1)})
    record.write(rows, tmp_path / "strategies.csv")
    assert record.read(tmp_path / "strategies.csv") == rows


@pytest.mark.parametrize(
    ("text", "said"), [("part,cell\na,b\n", "not a record of runs"), (None, "run the study first, without --report")]
)
def test_a_record_that_is_none_gets_one_line(tmp_path, capsys, text, said):
    if text is not None:
        (tmp_path / "strategies.csv").write_text(text)
    assert study.main(["strategies", "--report", "--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_report_needs_the_record_alone(tmp_path, capsys):
    record.write(made({BASE: NOTHING, "shared 0.1": (0.93, 0.88, 0.80)}), tmp_path / "strategies.csv")
    assert study.main(["strategies", "--report", "--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strategies.csv", "strategies.md", "strategies.png"]
    assert "![P against D as the weight of contrast grows" in (tmp_path / "strategies.md").read_text()


@pytest.mark.parametrize("changed", [{"preset": "quick"}, {"benchmark_version": "0.1"}])
def test_runs_that_cannot_be_compared_do_not_share_a_record(tmp_path, capsys, changed):
    record.write([replace(row(BASE, 0, *NOTHING), **changed)], tmp_path / "strategies.csv")
    assert study.main(["strategies", "--output", str(tmp_path), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert f"not to be compared with short of {BENCHMARK_VERSION}: give another --output, or move it" in told
    assert told.count("\n") == 1


def scores_of(task, space, probe, test, device, report):
    """What a run scores, at once: what a row needs, and no more."""
    return [
        *(Score(metric, None, None, 0.5) for metric in ("preservation", "disentanglement", "balance")),
        *(Score("gap", block, None, 0.25) for block in test.blocks),
        *(Score("information", block, factor, 0.5) for block in [*test.blocks, "all"] for factor in space.names),
    ]


def test_a_study_is_run_and_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    """One cell, in the preset `tiny`; then again, and it is there; what the record held of others stays."""
    monkeypatch.setattr(work, "scores_of", scores_of)
    monkeypatch.setattr(execution, "by_decoders", lambda *_: [])
    line = ["strategies", "--part", "false negatives", "--seeds", "0", "--preset", "tiny"]
    line += ["--runs", str(tmp_path / "runs" / "results"), "--output", str(tmp_path / "study"), "--device", "cpu"]
    whole = [cell for cell in cells() if cell.part == "false negatives"]
    monkeypatch.setattr(study, "chosen", lambda options: whole[:1])
    other, earlier = (
        replace(row(name, 0, 0.9, 0.9, 0.9, part="temperature"), preset="tiny")
        for name in ("temperature 0.5", "a cell of earlier")
    )
    changed = replace(other, settings="temperature=0.6", seed=1)  # of a cell that had other settings
    record.write([other, earlier, changed], tmp_path / "study" / "strategies.csv")
    for _ in range(2):
        assert study.main(line) == 0
        kept, first = record.read(tmp_path / "study" / "strategies.csv")
        assert kept == other
        assert (first.cell, first.seed, first.benchmark_version) == ("left alone", 0, BENCHMARK_VERSION)
        assert (first.method, first.settings, first.task, first.preset) == ("combined", "", "phrases/timbre", "tiny")
        assert (first.balance, first.gap_shared, first.gap_private) == (0.5, 0.25, 0.25)
    assert "1 run; 1 there already" in capsys.readouterr().out
    assert "| left alone |" in (tmp_path / "study" / "strategies.md").read_text()


def test_a_part_that_there_is_not_gets_the_nearest(command):
    done = command("study", "strategies", "--part", "wieght", cwd=".")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no part 'wieght'; did you mean 'weight'? There are: weight, alone, ")
    assert done.stderr.count("\n") == 1
