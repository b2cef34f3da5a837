"""What the speed command times, on little work: its figures agree with each other and with the space."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import generators
from benchmark import speed
from benchmark.speed_score import DETAILS

CPU = torch.device("cpu")


def test_the_median_leaves_out_the_first_call(monkeypatch):
    instants = iter([0, 100, 200, 203, 300, 301, 400, 402])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(instants))
    numbers = []
    assert speed.timed(numbers.append, 3, CPU) == 2
    assert numbers == [0, 1, 2, 3]


def test_bandwidth_counts_what_is_read_and_what_is_written(monkeypatch):
    monkeypatch.setattr(speed, "timed", lambda work, repeats, device: work(0) is None or 0.5)
    assert speed.bandwidth(CPU, 1) == 4 * speed.COPY_BYTES


def test_figures_agree_with_each_other_and_with_the_space(command, tmp_path):
    done = command(
        "speed", "render", "--space", "tones", "--batch", 16, "--repeats", 2, "--json", "s.json", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "s.json").read_text())
    (row,) = told["spaces"]
    generator = generators.load("tones")
    assert (told["part"], told["device"], row["space"], row["version"]) == ("render", "cpu", "tones", generator.version)
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
        "from benchmark.speed import MIB, resident_peak; import numpy as np; before = resident_peak();"
        "np.ones(300 * MIB, np.uint8); print((resident_peak() - before) / MIB)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(told.stdout) == pytest.approx(300, abs=15)


@pytest.mark.parametrize("space", generators.SPACES)
def test_what_a_space_keeps_is_counted(space):
    generator = generators.load(space)
    assert 1e6 < speed.kept_bytes(generator) < 200e6


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
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(arguments, told, command, tmp_path):
    (tmp_path / "file").write_text("")
    done = command("speed", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_space_that_cannot_be_made_is_told_in_one_line(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\n  File\nValueError: FluidSynth is missing\n")
    monkeypatch.setattr(speed.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ValueError, match=r"^'soundfont' could not be made: FluidSynth is missing$"):
        speed.fresh_bank("soundfont", 1)


def test_what_a_space_keeps_on_disk_is_made_in_an_empty_folder_and_read_again(monkeypatch):
    """The first process finds nothing and leaves a file; the second finds it."""
    folders = []

    def run(*_, env, **__):
        folder = Path(env["DTONES_CACHE"])
        folders.append(len(list(folder.iterdir())))
        (folder / "notes").touch()
        told = {"seconds": 30.0 - 29 * folders[-1], "n_bytes": 7, "peak_bytes": 9, "base_bytes": 1}
        return subprocess.CompletedProcess([], 0, json.dumps(told), "")

    monkeypatch.setattr(speed.subprocess, "run", run)
    assert speed.fresh_bank("soundfont", 1) == speed.Bank(30.0, 1.0, 7, 9, 1)
    assert folders == [0, 1]


def test_every_part_of_the_scores_is_timed(command, tmp_path):
    done = command("speed", "score", "--preset", "tiny", "--task", "tones/timbre", "--json", "s.json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "s.json").read_text())
    assert (told["part"], told["task"], told["probe_clips"], told["test_clips"]) == ("score", "tones/timbre", 288, 288)
    assert list(told["seconds"]) == ["P, D and B", *DETAILS, "standard decoder"]
    assert told["total_seconds"] == pytest.approx(sum(told["seconds"].values()))
    assert all(seconds > 0 for seconds in told["seconds"].values())
    assert re.search(r"all +\d+\.\d\d s, of 288 probe and 288 test clips, cpu", done.stdout)


def test_scores_of_a_task_without_disentanglement_are_not_timed(command, tmp_path):
    done = command("speed", "score", "--task", "phrases/augment", cwd=tmp_path)
    assert done.returncode == 2
    assert "'phrases/augment' has a block that owns no factor" in done.stderr
