"""The study of strategies: its cells are runs that can be asked for, its page says what its record supports."""

import pytest

from benchmark import options
from benchmark.study import __main__ as command
from benchmark.study import page, record
from benchmark.study.record import Row
from benchmark.study.strategies import BASE, STRATEGIES, WEIGHTS, cells, parts
from benchmark.tasks import BENCHMARK_VERSION, load_task

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
    return Row(part, cell, seed, p, d, b, d, d, 20.0, "0.4", f"{part} {cell} {seed}")


def made(scores, noise=0.001):
    """Rows of the part `weight`: cell -> (P, D, B), moved a little by the seed, each cell in its own way."""
    return [
        row(
            cell,
            seed,
            *(value + noise * ((3 * seed + 7 * place + len(cell)) % 5 - 2) for place, value in enumerate(told)),
        )
        for cell, told in scores.items()
        for seed in SEEDS
    ]


def told(rows, seeds=5):
    return page.page(cells(), rows, preset="short", seeds=seeds, figure="")


NOTHING = (0.90, 0.80, 0.70)


def test_a_difference_is_said_where_the_test_finds_it():
    text = told(made({BASE: NOTHING, "shared 0.1": (0.93, 0.88, 0.80), "shared 1": (0.92, 0.85, 0.75)}))
    assert "- *shared*, at its best weight 0.1: P +0.030, D +0.080, B +0.100." in text
    assert "It holds here for shared: beside no contrast D rises and no loss of P is found." in text
    assert "- *private*: not run." in text
    assert "- *shared*, weight 1 beside 0.1: P -0.010" in text


def test_where_nothing_is_found_that_is_said():
    text = told(made({BASE: NOTHING, "across 0.1": (0.901, 0.80, 0.70)}, noise=0.02))
    assert "- *across*, at its best weight 0.1: no difference found in P, D, B." in text
    assert "It is not supported here: no strategy was found to raise D over no contrast." in text


def test_a_price_in_preservation_is_named():
    text = told(made({BASE: NOTHING, "all 0.3": (0.80, 0.90, 0.75)}))
    assert "It does not hold here: where contrast raises D (all), P falls." in text
    both = told(made({BASE: NOTHING, "all 0.3": (0.80, 0.90, 0.75), "swap 0.1": (0.90, 0.9, 0.8)}))
    assert "It holds here for swap: " in both
    assert "Of all D rises at a price in P." in both


def test_the_correction_is_for_all_tests_of_the_part():
    rows = page.grouped(made({BASE: NOTHING, **{f"shared {weight:g}": (0.91, 0.81, 0.71) for weight in WEIGHTS}}))
    own = [cell for cell in cells() if cell.part == "weight"]
    found = page.findings("weight", own, rows)
    assert len(found) == 3 * len(WEIGHTS)
    raw = sorted(one.test.two_sided for one in found)
    assert min(one.p for one in found) == pytest.approx(min(1.0, raw[0] * len(found)))


def test_what_is_missing_is_listed():
    rows = [one for one in made({BASE: NOTHING, "swap 0.1": NOTHING}) if one.cell == BASE or one.seed < 3]
    text = told(rows)
    assert "weight: swap 0.1 (3 of 5 seeds)" in text
    assert "Not run: weight: shared 0.01; " in text
    assert "temperature: temperature 0.5" in text


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
    assert command.main(["strategies", "--report", "--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_report_needs_the_record_alone(tmp_path, capsys):
    record.write(made({BASE: NOTHING, "shared 0.1": (0.93, 0.88, 0.80)}), tmp_path / "strategies.csv")
    assert command.main(["strategies", "--report", "--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strategies.csv", "strategies.md", "strategies.png"]
    assert "![P against D as the weight of contrast grows" in (tmp_path / "strategies.md").read_text()


def test_a_study_is_run_and_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    """One cell, in the preset `tiny`; then again, and it is there; what the record held of others stays."""
    line = ["strategies", "--part", "false negatives", "--seeds", "0", "--preset", "tiny", "--workers", "1"]
    line += ["--runs", str(tmp_path / "runs" / "results"), "--output", str(tmp_path / "study"), "--device", "cpu"]
    whole = [cell for cell in cells() if cell.part == "false negatives"]
    monkeypatch.setattr(command, "chosen", lambda options: whole[:1])
    other = row("temperature 0.5", 0, 0.9, 0.9, 0.9, part="temperature")
    record.write([other, row("a cell of earlier", 0, 0.9, 0.9, 0.9)], tmp_path / "study" / "strategies.csv")
    for _ in range(2):
        assert command.main(line) == 0
        kept, first = record.read(tmp_path / "study" / "strategies.csv")
        assert kept == other
        assert (first.cell, first.seed, first.benchmark_version) == ("left alone", 0, BENCHMARK_VERSION)
    assert "1 run; 1 there already" in capsys.readouterr().out
    assert "| left alone |" in (tmp_path / "study" / "strategies.md").read_text()


def test_a_part_that_there_is_not_gets_the_nearest(command):
    done = command("study", "strategies", "--part", "wieght", cwd=".")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no part 'wieght'; did you mean 'weight'? There are: weight, terms, ")
    assert done.stderr.count("\n") == 1
