"""The choice of settings for the forerunner's table: how far from its figures, the record, and what is run."""

import csv

import pytest
from pools import Inline

from benchmark.study import __main__ as study
from benchmark.study import choice
from benchmark.study.choice import NAMES, Tried
from benchmark.study.forerunner_tried import TRIED, written

REACHED = dict(zip(NAMES, (0.60, 0.85, 0.98, 0.15, 0.98, 0.90), strict=True))


@pytest.mark.parametrize(
    ("changed", "by"),
    [
        ({}, 0.0),
        ({"private_timbre": 0.50, "private_frequency": 0.95, "both_frequency": 1.0}, 0.0),  # better counts for nothing
        ({"private_timbre": 0.77}, 0.17),
        ({"shared_timbre": 0.97}, 0.01),
        ({"private_timbre": 0.65, "shared_frequency": 0.25, "private_frequency": 0.55}, 0.05 + 0.10 + 0.30),
    ],
)
def test_what_is_missed_is_summed_and_what_is_better_is_no_credit(changed, by):
    tried = Tried("", {**REACHED, **changed})
    assert tried.shortfall == pytest.approx(by)
    assert tried.missed == (len(changed) if by else 0)


def test_no_two_settings_are_the_same():
    lines = [written(settings) for settings in TRIED]
    assert lines[0] == "defaults"
    assert len(set(lines)) == len(lines)
    assert written({"rate_weight": 0.001, "swap_weight": 0.3}) == "rate_weight=0.001 swap_weight=0.3"


def test_what_is_missing_is_run_and_what_is_no_longer_listed_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = []

    def judged(settings):
        asked.append(settings)
        few = {"private_timbre": 0.7}, {"private_timbre": 0.61, "shared_timbre": 0.97}  # the latter: less, but two
        return Tried(written(settings), {**REACHED, **few[settings != TRIED[1]]})

    monkeypatch.setattr(choice, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(choice, "judged", judged)
    choice.write([Tried(written(TRIED[0]), {**REACHED, "private_timbre": 0.8})])
    assert choice.main([]) == 0
    assert asked == list(TRIED[1:])
    assert [one.settings for one in choice.read()] == [written(settings) for settings in TRIED]
    assert capsys.readouterr().out.splitlines()[-1] == f"best: {written(TRIED[1])}, 1 missed, by 0.1"
    choice.write([*choice.read(), Tried("of_earlier=1", REACHED)])
    with choice.RECORD.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["settings"] for line in lines] == [written(settings) for settings in TRIED]
    assert (lines[0]["private_timbre"], lines[0]["shortfall"]) == ("0.8000", "0.2000")


def test_it_has_the_length_of_the_table():
    assert study.PRESETS["forerunner"] == choice.PRESET


def test_a_damaged_record_gets_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    choice.RECORD.parent.mkdir(parents=True)
    choice.RECORD.write_text("settings,private_timbre\ndefaults,x\n")
    assert choice.main([]) == 2
    told = capsys.readouterr().err
    assert "forerunner_choice.csv: not a record of settings (ValueError: " in told
    assert told.count("\n") == 1
