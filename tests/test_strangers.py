"""Results from strangers: whatever a file holds, the board is that of the others, and the file is named in one line."""

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baselines.contract import Family
from benchmark import leaderboard, results, strangers
from benchmark.leaderboard import build, main

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.4"
TABLE = f"{VERSION}/quick/phrases/timbre"
TRUE = (ROOT / "results" / TABLE / "combined/seed0.json").read_bytes()


@pytest.fixture
def folder(tmp_path):
    """Five seeds of two methods, and room for a third."""
    for method in ("combined", "logmel"):
        shutil.copytree(ROOT / "results" / TABLE / method, tmp_path / "results" / TABLE / method)
    return tmp_path / "results"


@pytest.fixture
def board(folder):
    return build(folder)


def strange(folder, content, place="stranger/seed0.json"):
    """Put a stranger's file into the results; content: bytes, or what to change in a true one."""
    file = folder / TABLE / place
    file.parent.mkdir(parents=True)
    if callable(content):
        record = json.loads(TRUE) | {"method": "stranger"}
        content(record)
        record["id"] = None  # results of before 0.3 have none: an id that is of other fields is told of first
        content = json.dumps(record).encode()
    file.write_bytes(content)
    return file


def changed(**fields):
    return lambda record: record.update(fields)


def scored(metric, value):
    def change(record):
        next(score for score in record["scores"] if score["metric"] == metric)["value"] = value

    return change


def of(key, **fields):
    return lambda record: record[key].update(fields)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(method="../../x"), "method: String should match pattern"),
        (changed(method="<script>alert(1)</script>"), "method: String should match pattern"),
        (changed(method="a|b"), "method: String should match pattern"),
        (changed(method="a\n"), "method: String should match pattern"),
        (changed(method="a" * 300), "method: String should have at most 200 characters"),
        (changed(method="combined"), "it says that its place is .*combined.seed0.json"),
        (changed(seed=1), "it says that its place is .*stranger.seed1.json"),
        (changed(seed=2**32), "seed: Input should be less than 4294967296"),
        (changed(preset="standard"), "it says that its place is .*standard"),
        (changed(benchmark_version="0.5"), "it says that its place is"),
        (changed(task="../timbre"), "task: String should match pattern"),
        (changed(family="best of all"), "family: String should match pattern"),
        (changed(family="best"), "family: 'best' is none of combined, "),
        (changed(family="oracle"), "family: it is 'oracle', and the method is called 'stranger'"),
        (changed(space_version="1 | 1"), "space_version: String should match pattern"),
        (changed(blocks={"`": ["pitch"]}), "blocks.`.*String should match pattern"),
        (changed(blocks={"private": ["timbre"], "shared": ["pitch"]}), "scores: preservation is"),
        (changed(more=1), "more: Extra inputs are not permitted"),
        (of("environment", device="CPU |\n| 1 | me"), "environment.device: String should match pattern"),
        (of("environment", device="![x](http://x)"), "environment.device: String should match pattern"),
        (of("environment", threads=2**80), "environment.threads: Input should be less than"),
        (of("cost", total_seconds=-1.0), "cost.total_seconds: Input should be greater than or equal to 0"),
        (of("cost", total_seconds=float("inf")), "the whole file: it holds Infinity, which is no number"),
        (of("cost", wait_share=float("nan")), "the whole file: it holds NaN, which is no number"),
        (of("cost", wait_share=1.5), "cost.wait_share: Input should be less than or equal to 1"),
        (scored("balance", 0.99), r"scores: balance is 0.99, and 0\.\d+ by its own table of information"),
        (scored("preservation", 1.5), r"scores.\d+.value: preservation is 1.5; it lies in \[0, 1\]"),
        (scored("information", -0.1), r"scores.\d+.value: information is -0.1; it lies in \[0, 1\]"),
        (scored("accuracy", 1.1), r"scores.\d+.value: accuracy is 1.1; it lies in \[0, 1\]"),
        (lambda record: record["scores"].append(record["scores"][0]), "is there more than once"),
        (lambda record: record["scores"].clear(), "no information|no block|lacks|in the table"),
        (lambda record: record["scores"].extend([record["scores"][0]] * 10_000), "scores: List should have at most"),
        (lambda record: record.pop("scores"), "scores: Field required"),
        (changed(seed=True), "seed: Input should be a valid integer"),
        (changed(settings={"x": "y" * 1_000}), "settings.x"),
        (b"", "the whole file: Invalid JSON"),
        (b"\xff\xfe", "the whole file: Invalid JSON: it is not in UTF-8"),
        (b"null", "the whole file: Input should be"),
        (b"[" * 100_000, "the whole file: it nests more than 20 deep"),
        (b'{"a":' * 100_000, "the whole file: it nests more than 20 deep"),
        (b"[" + b"9" * 10_000 + b"]", "Exceeds the limit"),
        (TRUE.replace(b'"seed": 0', b'"seed": 0, "seed": 0'), "seed: the key is there more than once"),
        (TRUE[:-100], "the whole file: Invalid JSON"),
        (b'{"\\ud800": 1}', "."),
    ],
)
def test_it_is_refused_in_one_line_and_the_others_are_used(folder, board, tmp_path, capsys, content, message):
    file = strange(folder, content)
    output = tmp_path / "board.md"
    status = main(["--results", str(folder), "--output", str(output)])
    told = capsys.readouterr().err
    assert status == 1
    assert told.startswith(f"error: {file}: ")
    assert told.count("\n") == 1
    assert len(told) < 2_000
    assert re.search(message, told), told
    assert output.read_text("utf-8") == board


def test_the_id_is_of_the_fields(folder, board, capsys):
    record = json.loads(TRUE) | {"method": "stranger"}
    strange(folder, json.dumps(record).encode())
    problems = []
    assert build(folder, problems) == board
    assert "id: it is not of this result's fields" in problems[0]


def test_a_file_of_100_mb_is_not_read(folder, board):
    file = strange(folder, b"")
    os.truncate(file, 100 * 2**20)
    begun, problems = time.perf_counter(), []
    assert build(folder, problems) == board
    assert problems == [f"{file}: it has 104,857,600 bytes; a result has at most 2,000,000"]
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("kind", ["link", "device", "pipe", "folder", "broken"])
def test_what_is_no_regular_file_is_not_opened(folder, board, kind):
    file = folder / TABLE / "stranger/seed0.json"
    file.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        at = {"link": "../combined/seed0.json", "device": "/dev/zero", "broken": "nowhere"}[kind]
        file.symlink_to(at)
    problems = []
    assert build(folder, problems) == board
    assert problems == [f"{file}: it is no regular file; put the result itself there"]


def test_a_file_name_that_moves_the_cursor_is_told_in_one_line(folder, board, capsys):
    file = folder / TABLE / "a\n\x1b[2Jb.json"
    file.write_text("{}")
    problems = []
    assert build(folder, problems) == board
    assert "\x1b" not in problems[0]
    assert "\n" not in problems[0]


def test_a_version_without_a_result_that_can_be_used_does_not_hide_the_others(folder, board, monkeypatch):
    monkeypatch.setattr(leaderboard, "BENCHMARK_VERSION", "100.0")
    (folder / "99.9/quick").mkdir(parents=True)
    (folder / "99.9/quick/seed0.json").write_text("{}")
    problems = []
    assert build(folder, problems) == board
    assert len(problems) == 1


def test_all_that_is_committed_can_be_used():
    for version in results.versions(ROOT / "results"):
        if version >= "0.3":  # before, the calibration table had other rules
            found, problems = strangers.collected(ROOT / "results", version)
            assert found
            assert problems == []


def test_the_families_are_the_contract_s():
    assert set(strangers.FAMILIES) == set(get_args(Family))


# Paths of keys and indices into a JSON value: where to damage it.
def places(value, at=()):
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from places(part, (*at, key))


PLACES = list(places(json.loads(TRUE)))[1:]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["../../x", "<script>", "|", "\n", "0" * 5_000, "combined", 0.5, [], {}, [[[]]], -1, 2, 1e308]),
)


@st.composite
def mangled(draw):
    """A true result with parts of it deleted, replaced, doubled; or its bytes cut, flipped, doubled."""
    record = json.loads(TRUE)
    for place in draw(st.lists(st.sampled_from(PLACES), max_size=4)):
        part = record
        try:
            for key in place[:-1]:
                part = part[key]
            how = draw(st.sampled_from(["delete", "replace", "double"]))
            if how == "delete":
                del part[place[-1]]
            elif how == "replace" or not isinstance(part, list):
                part[place[-1]] = draw(VALUES)
            else:
                part.insert(place[-1], part[place[-1]])
        except (KeyError, IndexError, TypeError):
            continue  # what was to be damaged is gone already
    text = json.dumps(record, indent=2).encode()
    if draw(st.booleans()):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 200))
        how = draw(st.sampled_from(["cut", "end", "double", "noise"]))
        piece = {"cut": b"", "end": b"", "double": text[at : at + length] * 2, "noise": draw(st.binary(max_size=20))}[
            how
        ]
        text = text[:at] + piece + (b"" if how == "end" else text[at + length :])
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mangled())
def test_a_mangled_result_never_moves_the_row_of_another(tmp_path_factory, text):
    """It is refused, in one line; or it is still a true result of its place, its P, D and B those of its table."""
    root = tmp_path_factory.mktemp("mangled") / "results"
    file = root / TABLE / "combined/seed0.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    found, problems = strangers.collected(root, VERSION)
    assert len(found) + len(problems) == 1
    assert all("\n" not in problem and str(file) in problem for problem in problems)
    for result in found:
        assert (result.method, result.seed, result.task, result.preset) == ("combined", 0, "phrases/timbre", "quick")
        again = strangers.recomputed(result)
        assert result.ranked() == pytest.approx(again, abs=1e-9)
        assert all(0 <= value <= 1 for value in again.values())
        board = build(root)
        assert "<script>" not in board
        rows = board.splitlines()
        header = next(place for place, row in enumerate(rows) if row.startswith("| rank | method |"))
        assert {row.count("|") for row in rows[header : header + 3]} == {11}
