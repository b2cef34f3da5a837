"""The study of strategies: its cells are runs that can be asked for; its record, and the command."""

from dataclasses import replace

import pytest
from study_rows import NOTHING, made, row

from benchmark import execution, options, work
from benchmark.metrics.table import Score
from benchmark.study import __main__ as study
from benchmark.study import record
from benchmark.study.strategies import BASE, CONTRAST_ALONE, STRATEGIES, WEIGHTS, cells, parts
from benchmark.tasks import load_task
from benchmark.version import BENCHMARK_VERSION


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
