"""What the speed command says of sound and of scores, on little work; how it compares; mistakes in one line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import generators
from benchmark.speed import against, clock, render
from benchmark.speed.score import DETAILS

CPU = torch.device("cpu")


def test_the_median_leaves_out_the_first_call(monkeypatch):
    instants = iter([0, 100, 200, 203, 300, 301, 400, 402])
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(instants))
    numbers = []
    assert clock.timed(numbers.append, 3, CPU) == 2
    assert numbers == [0, 1, 2, 3]


def test_bandwidth_counts_what_is_read_and_what_is_written(monkeypatch):
    monkeypatch.setattr(clock, "timed", lambda work, repeats, device: work(0) is None or 0.5)
    assert clock.bandwidth(CPU, 1) == 4 * clock.COPY_BYTES


def test_figures_agree_with_each_other_and_with_the_space(command, tmp_path):
    done = command(
        "speed", "render", "--space", "tones", "--batch", 16, "--repeats", 2, "--json", "s.json", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "s.json").read_text())
    assert (list(told), list(told["parts"])) == (["layout", "command", "machine", "parts"], ["render"])
    assert told["command"] == "python -m benchmark.speed render --space tones --batch 16 --repeats 2 --json s.json"
    assert told["machine"]["threads"] <= told["machine"]["cores"]
    assert {"commit", "torch", "device"} < set(told["machine"])
    told = told["parts"]["render"]
    row = told["spaces"]["tones"]
    generator = generators.load("tones")
    assert (list(told["spaces"]), row["version"]) == (["tones"], generator.version)
    samples = 16 * generator.n_samples
    assert row["real_time"] == pytest.approx(16 / row["seconds"])
    assert row["bytes_a_second"] == pytest.approx(4 * samples / row["seconds"])
    assert row["floor_seconds"] == pytest.approx(6 * samples / told["copy_bytes_a_second"])
    assert row["floor_real_time"] == pytest.approx(16 / row["floor_seconds"])
    assert row["share"] == pytest.approx(row["floor_seconds"] / row["seconds"])
    bank = row["bank"]
    assert bank["n_bytes"] == generator.sound.bank.n_bytes
    assert bank["seconds"] > 0
    assert bank["cached_seconds"] is None
    assert bank["peak_bytes"] > bank["base_bytes"] + bank["n_bytes"]
    assert f"{row['real_time']:,.0f} times real time; floor {row['floor_real_time']:,.0f}" in done.stdout
    assert re.search(r"memory copies at \d+\.\d GB/s, cpu, \d+ threads", done.stdout)


def test_memory_in_megabytes_is_read_on_this_system():
    """A process that touches 300 MiB more says so."""
    code = (
        "from benchmark.speed.render import MIB, resident_peak; import numpy as np; before = resident_peak();"
        "np.ones(300 * MIB, np.uint8); print((resident_peak() - before) / MIB)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(told.stdout) == pytest.approx(300, abs=15)


@pytest.mark.parametrize("space", generators.SPACES)
def test_what_a_space_keeps_is_counted(space):
    generator = generators.load(space)
    assert 1e6 < render.kept_bytes(generator) < 200e6


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "error: the following arguments are required: PART; --help shows the options"),
        (["bake"], "error: argument PART: invalid choice: 'bake' (choose from"),
        (["--batch", "8"], "error: no option '--batch'; --help shows the options"),
        (["render", "--bach", "8"], "error: no option '--bach'; did you mean '--batch'? --help shows the options"),
        (["render", "--batch", "0"], "error: argument --batch: '0' is no whole number from 1"),
        (["render", "--space", "tone"], "error: no space 'tone'; did you mean 'tones'?"),
        (["render", "--device", "gpu"], "error: no device 'gpu'"),
        (["render", "--json", "file/s.json"], "error: cannot write in file"),
        (["frontend", "--space", "tone"], "error: no space 'tone'; did you mean 'tones'?"),
        (["step", "--method", "combned"], "error: no method 'combned'; did you mean 'combined'?"),
        (["step", "--method", "untrained"], "error: 'untrained' does not train, so it has no step"),
        (["step", "--precision", "half"], "error: argument --precision: invalid choice: 'half'"),
        (["quick", "--preset", "quik"], "error: no preset 'quik'; did you mean 'quick'?"),
        (["all", "--batch", "8"], "error: no option '--batch'"),
        (["step", "--against", "gone.json"], "error: cannot read gone.json: No such file or directory"),
        (["step", "--against", "file"], "error: file is not JSON: Expecting value"),
        (["step", "--against", "list.json"], "error: list.json is not of this layout; expected what python -m"),
        (["step", "--against", "other.json"], "error: other.json is not of this layout"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(arguments, told, command, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "other.json").write_text('{"part": "render", "spaces": []}')
    done = command("speed", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_space_that_cannot_be_made_is_told_in_one_line(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\n  File\nValueError: FluidSynth is missing\n")
    monkeypatch.setattr(render.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ValueError, match=r"^'soundfont' could not be made: FluidSynth is missing$"):
        render.fresh_bank("soundfont", 1)


def test_what_a_space_keeps_on_disk_is_made_in_an_empty_folder_and_read_again(monkeypatch):
    """The first process finds nothing and leaves a file; the second finds it."""
    folders = []

    def run(*_, env, **__):
        folder = Path(env["DTONES_CACHE"])
        folders.append(len(list(folder.iterdir())))
        (folder / "notes").touch()
        told = {"seconds": 30.0 - 29 * folders[-1], "n_bytes": 7, "peak_bytes": 9, "base_bytes": 1}
        return subprocess.CompletedProcess([], 0, json.dumps(told), "")

    monkeypatch.setattr(render.subprocess, "run", run)
    assert render.fresh_bank("soundfont", 1) == render.Bank(30.0, 1.0, 7, 9, 1)
    assert folders == [0, 1]


def test_every_part_of_the_scores_is_timed(command, tmp_path):
    done = command("speed", "score", "--preset", "tiny", "--task", "tones/timbre", "--json", "s.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "s.json").read_text())["parts"]["score"]
    assert (told["task"], told["probe_clips"], told["test_clips"]) == ("tones/timbre", 288, 288)
    assert list(told["seconds"]) == ["P, D and B", *DETAILS, "standard decoder"]
    assert told["total_seconds"] == pytest.approx(sum(told["seconds"].values()))
    assert all(seconds > 0 for seconds in told["seconds"].values())
    assert re.search(r"all +\d+\.\d\d s, of 288 probe and 288 test clips, cpu", done.stdout)


def test_scores_of_a_task_without_disentanglement_are_not_timed(command, tmp_path):
    done = command("speed", "score", "--task", "phrases/augment", cwd=tmp_path)
    assert done.returncode == 2
    assert "'phrases/augment' has a block that owns no factor" in done.stderr


OLD = {
    "machine": {"device": "abacus"},
    "parts": {"step": {"method": "a", "seconds": 4.0, "parts": {"clip": {"seconds": 0.0}}}, "pool": {"ratio": 1.0}},
}
NEW = {
    "machine": {"device": "loom"},
    "parts": {"step": {"method": "b", "seconds": 3.0, "parts": {"clip": {"seconds": 2.0}, "draw": {"seconds": 1.0}}}},
}


def test_ratios_by_hand():
    """Numbers that both have, new over old; words and what one alone has are left out; nothing is divided by zero."""
    assert against.ratios(OLD, NEW) == {"step.seconds": (4.0, 3.0, 0.75), "step.parts.clip.seconds": (0.0, 2.0, None)}


def test_ratios_are_shown_with_both_machines(capsys):
    against.show(OLD, NEW)
    old, new, *rows = capsys.readouterr().out.splitlines()
    assert (old, new) == ("old: device abacus", "new: device loom")
    assert [row.split() for row in rows] == [
        ["step.seconds", "0.750", "4", "->", "3"],
        ["step.parts.clip.seconds", "-", "0", "->", "2"],
    ]


def test_a_measurement_goes_against_an_earlier_one(command, tmp_path):
    little = ("frontend", "--space", "tones", "--batch", 4, "--repeats", 1)
    assert command("speed", *little, "--json", "s.json", cwd=tmp_path).returncode == 0
    done = command("speed", *little, "--against", "s.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^frontend\.batch +1\.000  4 -> 4$", done.stdout, re.MULTILINE)
    assert re.search(r"^frontend\.clips_a_second +\d+\.\d{3}  ", done.stdout, re.MULTILINE)
