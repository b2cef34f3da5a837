"""The choice of settings for the forerunner's table: how far from its figures, the record, and what is run."""

import csv
from concurrent.futures import Future

import pytest

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
    assert Tried("", {**REACHED, **changed}).shortfall == pytest.approx(by)


def test_no_two_settings_are_the_same():
    lines = [written(settings) for settings in TRIED]
    assert lines[0] == "defaults"
    assert len(set(lines)) == len(lines)
    assert written({"rate_weight": 0.001, "swap_weight": 0.3}) == "rate_weight=0.001 swap_weight=0.3"


class Inline:
    """A pool that runs at once, here."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, argument):
        future = Future()
        future.set_result(function(argument))
        return future


def test_what_is_missing_is_run_and_what_is_no_longer_listed_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = []

    def judged(settings):
        asked.append(settings)
        return Tried(written(settings), {**REACHED, "private_timbre": 0.7 if settings == TRIED[1] else 0.9})

    monkeypatch.setattr(choice, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(choice, "judged", judged)
    choice.write([Tried(written(TRIED[0]), {**REACHED, "private_timbre": 0.8})])
    assert choice.main([]) == 0
    assert asked == list(TRIED[1:])
    assert [one.settings for one in choice.read()] == [written(settings) for settings in TRIED]
    assert capsys.readouterr().out.splitlines()[-1] == f"least shortfall: {written(TRIED[1])}, 0.1"
    choice.write([*choice.read(), Tried("of_earlier=1", REACHED)])
    with choice.RECORD.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["settings"] for line in lines] == [written(settings) for settings in TRIED]
    assert (lines[0]["private_timbre"], lines[0]["shortfall"]) == ("0.8000", "0.2000")
