import json
import math
import os
import subprocess
import sys

import pytest
from boards import ENVIRONMENT
from pydantic import ValidationError

from benchmark import results
from benchmark.results import Cost, Result, ResultError, Score

SCORES = [
    Score(metric="balance", value=0.1 + 0.2),
    Score(metric="information", block="shared", factor="timbre", value=1.0),
    Score(metric="information", block="all", factor="pitch", value=5e-324),
]


def a_result(**changes):
    environment = ENVIRONMENT.model_copy(update={"commit": None})
    cost = Cost(
        seconds={"start": 1.0, "train": 10.5},
        total_seconds=11.5,
        clips_per_second=1e3,
        wait_share=0.25,
        peak_memory_bytes=10**9,
        parameters=1234,
    )
    values = {
        "benchmark_version": "0.1.0",
        "preset": "quick",
        "task": "phrases/timbre",
        "task_version": "1",
        "space_version": "1",
        "method": "combined",
        "family": "private/shared",
        "blocks": {"shared": ["timbre"], "private": ["pitch", "loudness", "rhythm"]},
        "settings": {"width": 8, "temperature": 1.0, "name": "größer", "symmetric": True, "off": False, "one": 1},
        "seed": 3,
        "source_hash": "abc",
        "environment": environment,
        "cost": cost,
        "scores": SCORES,
    }
    return Result(**{**values, **changes})


def test_a_result_comes_back_exactly(tmp_path):
    result = a_result()
    place = results.write(result, tmp_path)
    assert place == tmp_path / "0.1.0/quick/phrases/timbre/combined/seed3.json"
    again = results.read(place)
    assert again == result
    assert again.value("balance") == 0.30000000000000004
    assert again.value("information", "all", "pitch") == 5e-324
    kinds = {name: type(value) for name, value in again.settings.items()}
    assert kinds == {"width": int, "temperature": float, "name": str, "symmetric": bool, "off": bool, "one": int}


def test_writing_what_was_read_gives_the_same_bytes(tmp_path):
    first = results.write(a_result(), tmp_path / "a")
    second = results.write(results.read(first), tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert list(json.loads(first.read_text("utf-8"))) == list(Result.model_fields)


def test_a_missing_score_says_what_exists():
    result = a_result()
    with pytest.raises(KeyError, match=r"no score 'information'.*\('shared', 'timbre'\), \('all', 'pitch'\)"):
        result.value("information", "shared", "pitch")
    with pytest.raises(KeyError, match="metrics: balance, information"):
        result.value("accuracy")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_is_finite(value):
    with pytest.raises(ValidationError, match="finite number"):
        Score(metric="balance", value=value)


def test_what_a_result_refuses():
    with pytest.raises(ValidationError, match=r"'balance', None, None\) is there more than once"):
        a_result(scores=[SCORES[0], SCORES[0]])
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        a_result(colour="red")
    with pytest.raises(ValidationError, match="frozen"):
        a_result().seed = 4
    with pytest.raises(ValidationError, match="method"):
        a_result(method="../../elsewhere")


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("scores", 0, "value"), "0.5", r"scores\.0\.value: Input should be a valid number"),
        (("scores", 0, "value"), math.nan, r"scores\.0\.value: Input should be a finite number"),
        (("cost", "wait_share"), 1.5, r"cost\.wait_share: Input should be less than or equal to 1"),
        (("environment", "colour"), 1, r"environment\.colour: Extra inputs"),
        (("seed",), 1.5, r"seed: Input should be a valid integer"),
        (("method",), "a/b", r"method: String should match pattern"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(tmp_path, where, value, message):
    place = results.write(a_result(), tmp_path)
    content = json.loads(place.read_text("utf-8"))
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    place.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ResultError, match=rf"seed3\.json: {message}") as caught:
        results.read(place)
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_or_absent_is_named(tmp_path):
    place = results.write(a_result(), tmp_path)
    place.write_bytes(place.read_bytes()[:200])
    with pytest.raises(ResultError, match=r"seed3\.json: the whole file: Invalid JSON") as caught:
        results.read(place)
    assert "\n" not in str(caught.value)
    with pytest.raises(ResultError, match=r"seed9\.json: cannot be read \(No such file"):
        results.read(place.with_name("seed9.json"))


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken):
    place = results.write(a_result(), tmp_path)
    before = place.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(ResultError, match=r"cannot write .*seed3\.json \(No space left on device\)"):
        results.write(a_result(family="other"), tmp_path)
    assert [file.name for file in place.parent.iterdir()] == ["seed3.json"]
    assert place.read_bytes() == before


def test_paths_stay_in_their_tree(tmp_path):
    there = ("0.1.0", "quick", "phrases/timbre", "vicreg", 0)
    assert results.path("results", *there).as_posix() == "results/0.1.0/quick/phrases/timbre/vicreg/seed0.json"
    assert results.artefact_dir("x/results", *there).as_posix() == "x/artefacts/0.1.0/quick/phrases/timbre/vicreg/seed0"
    there = ("0.1", "quick", "phrases@heldout(pitch,timbre,0.2)/timbre", "vicreg", 0)
    assert (
        results.path("r", *there).as_posix() == "r/0.1/quick/phrases@heldout(pitch,timbre,0.2)/timbre/vicreg/seed0.json"
    )
    for task in ("../up", "/etc", "a//b", "a/", "a/..", "a\n"):
        with pytest.raises(ResultError, match="cannot name a folder"):
            results.path(tmp_path, "0.1.0", "quick", task, "vicreg", 0)
    with pytest.raises(ResultError, match="method 'a/b' cannot name a folder"):
        results.path(tmp_path, "0.1.0", "quick", "phrases", "a/b", 0)
    with pytest.raises(ResultError, match="negative"):
        results.path(tmp_path, "0.1.0", "quick", "phrases", "vicreg", -1)


def test_a_folder_is_tried_before_the_training(tmp_path):
    results.check_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match=r"cannot write in .*file/results \(Not a directory\); choose another"):
        results.check_writable(tmp_path / "file" / "results")


def test_read_all_is_in_order_and_of_one_version(tmp_path):
    for method, seed in (("vicreg", 10), ("combined", 1), ("vicreg", 9)):
        results.write(a_result(method=method, seed=seed), tmp_path)
    results.write(a_result(benchmark_version="0.2.0"), tmp_path)
    found = results.read_all(tmp_path, "0.1.0")
    assert [(result.method, result.seed) for result in found] == [("combined", 1), ("vicreg", 9), ("vicreg", 10)]


def test_versions_are_found_the_newest_first(tmp_path):
    assert results.versions(tmp_path) == results.versions(tmp_path / "none") == []
    for version in ("0.9", "0.10", "0.2.1"):
        results.write(a_result(benchmark_version=version), tmp_path)
    (tmp_path / "tuning").mkdir()
    (tmp_path / "tuning" / "notes.json").write_text("{}")
    assert results.versions(tmp_path) == ["0.10", "0.9", "0.2.1"]


def test_a_result_from_before_scores_could_be_made_anew_is_read(tmp_path):
    place = results.write(a_result(), tmp_path)
    content = json.loads(place.read_text("utf-8"))
    del content["scored_by"]
    place.write_text(json.dumps(content), "utf-8")
    assert results.read(place) == a_result()


def test_a_result_in_the_place_of_another_is_named(tmp_path):
    place = results.write(a_result(), tmp_path)
    place.rename(place.with_name("seed4.json"))
    with pytest.raises(ResultError, match=r"seed4\.json: it says that its place is .*seed3\.json"):
        results.read_all(tmp_path, "0.1.0")


def test_the_table_has_a_row_a_number():
    frame = results.table([a_result(), a_result(seed=4, scores=SCORES[:1])])
    assert frame["seed"].tolist() == [3, 3, 3, 4]
    assert frame["metric"].tolist() == ["balance", "information", "information", "balance"]
    assert frame["block"].tolist() == [None, "shared", "all", None]
    assert frame["factor"].tolist() == [None, "timbre", "pitch", None]
    assert frame["value"].tolist() == [0.30000000000000004, 1.0, 5e-324, 0.30000000000000004]
    assert frame["value"].dtype == "float64"
    assert results.table([]).empty


def test_importing_needs_neither_torch_nor_pandas():
    code = "import sys, benchmark.results; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
