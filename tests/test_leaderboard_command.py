"""The command: the same bytes, what is stale, what is damaged, comparisons, mistakes in one line."""

import itertools
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from boards import filled, put

from benchmark.leaderboard import build, main
from benchmark.version import BENCHMARK_VERSION

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path):
    return filled(tmp_path / "results")


def test_two_methods_can_be_compared(folder, capsys):
    assert main(["--results", str(folder), "--compare", "middling", "best"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[:3] == [f"Benchmark version {BENCHMARK_VERSION}", "", "quick: phrases/timbre"]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines()[4:]]
    assert rows[0] == ["", "middling", "best", "difference", "seeds", "p", "seeds needed"]
    assert [row[0] for row in rows[2:]] == ["P", "D", "B"]
    assert rows[2][1:3] == ["1.000", "1.000"]
    assert rows[4][1:3] == ["0.500", "0.800"]
    assert rows[4][3].startswith("-0.300 ± 0.0")
    assert rows[4][4:6] == ["5", "< 0.001"]
    put(folder, "best", 0.3, 0, task="tones")
    assert main(["--results", str(folder), "--compare", "middling", "best", "--task", "phrases/timbre"]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["bset", "middling"],
            "no results of the method 'bset'; did you mean 'best'? There are: best, hasty, middling, untrained",
        ),
        (["best", "best"], "--compare takes two methods; got 'best' twice"),
        (["best", "hasty"], "'best' and 'hasty' have no two seeds in common in any table; run both on the same"),
        (
            ["best", "hasty", "--preset", "quik"],
            "no results of the preset 'quik'; did you mean 'quick'? There are: quick",
        ),
        (["best", "hasty", "--task", "zzz"], "no results of the task 'zzz'. There are: phrases/timbre"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(folder, capsys, arguments, message):
    assert main(["--results", str(folder), "--compare", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_the_same_bytes_whatever_the_order_of_the_files(folder, tmp_path):
    files = sorted(folder.rglob("*.json"))
    random.Random(0).shuffle(files)
    for file in files:
        copy = tmp_path / "copy" / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    environment = {**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "PYTHONUTF8": "0"}
    outputs = []
    pictures = []
    for source, name in itertools.product((folder, tmp_path / "copy"), ("a.md", "b.md")):
        output = source.parent / name
        command = [sys.executable, "-m", "benchmark.leaderboard", "--results", source, "--output", output]
        subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
        outputs.append(output.read_bytes().replace(f"<{source.name}/pictures".encode(), b"<pictures"))
        pictures.append((source / "pictures" / "quick" / "phrases" / "timbre.svg").read_bytes())
    assert set(outputs) == {build(folder).replace(f"<{folder.name}/pictures", "<pictures").encode()}
    assert len(set(pictures)) == 1
    assert b"\r" not in outputs[0]


def test_check_finds_a_stale_leaderboard(folder, tmp_path, capsys):
    output = tmp_path / "board.md"
    arguments = ["--results", str(folder), "--output", str(output)]
    mend = f"{output} is stale; mend it with: python -m benchmark.leaderboard --results {folder} --output {output}\n"
    assert main([*arguments, "--check"]) == 1
    assert capsys.readouterr().err == mend
    assert not output.exists()
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    put(folder, "hasty", 0.98, 1)
    before = output.read_bytes()
    capsys.readouterr()
    assert main([*arguments, "--check"]) == 1
    assert capsys.readouterr().err == mend
    assert output.read_bytes() == before
    assert main(arguments) == 0
    output.write_bytes(output.read_bytes().replace(b"0.800", b"0.900", 1))
    assert main([*arguments, "--check"]) == 1


def test_a_damaged_result_is_named(folder, tmp_path, capsys):
    place = folder / f"{BENCHMARK_VERSION}/quick/phrases/timbre/best/seed2.json"
    content = json.loads(place.read_text("utf-8"))
    content["scores"][1]["value"] = None
    place.write_text(json.dumps(content), "utf-8")
    arguments = ["--results", str(folder), "--output", str(tmp_path / "board.md")]
    for more in ([], ["--check"]):
        assert main([*arguments, *more]) == 1
        assert capsys.readouterr().err == f"error: {place}: scores.1.value: Input should be a valid number\n"
    place.unlink()
    assert main([*arguments, "--check"]) == 0  # the others are all there


def test_mistakes_in_the_command_are_one_line_and_status_2(folder, tmp_path, capsys):
    assert main(["--results", str(tmp_path / "none"), "--output", str(tmp_path / "b.md")]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'none'} is not a folder; give the one that holds the results: --results DIR\n"
    )
    assert main(["--results", str(folder), "--output", str(tmp_path / "none" / "b.md")]) == 2
    assert "choose another file: --output FILE" in capsys.readouterr().err


def test_help_is_quick_and_torch_is_not_imported(folder):
    started = time.perf_counter()
    shown = subprocess.run([sys.executable, "-m", "benchmark.leaderboard", "--help"], cwd=ROOT, capture_output=True)
    seconds = time.perf_counter() - started
    assert shown.returncode == 0
    assert b"--check" in shown.stdout
    assert seconds < 3  # under one second on an idle machine
    code = (
        "import sys; from pathlib import Path; from benchmark.leaderboard import build;"
        f"build(Path({str(folder)!r}));"
        "print([name for name in ('torch', 'pandas', 'matplotlib', 'sklearn') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert shown.stdout.split() == [b"[]"]


def test_the_board_shows_its_picture(folder, tmp_path):
    output = folder.parent / "board.md"
    assert main(["--results", str(folder), "--output", str(output)]) == 0
    picture = folder / "pictures" / "quick" / "phrases" / "timbre.svg"
    assert f"](<{folder.name}/pictures/quick/phrases/timbre.svg>)" in output.read_text(encoding="utf-8")
    assert ">best</text>" in picture.read_text(encoding="utf-8")
    picture.write_bytes(b"<svg/>")
    assert main(["--results", str(folder), "--output", str(output), "--check"]) == 1
