"""The cache gives whole samples or none, whatever happens to its files."""

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from generators import cache

LENGTH = 5_000
SAMPLES = np.random.default_rng(0).integers(-32768, 32767, LENGTH).astype(np.int16)
ROOT = Path(__file__).resolve().parent.parent
# A process of its own that keeps the same samples; what it is to do before comes in front.
KEEP = (
    "import numpy as np; from generators import cache; "
    "samples = np.random.default_rng(0).integers(-32768, 32767, 5_000).astype(np.int16); "
    "print(cache.samples_of('key', 5_000, lambda: samples)[1])"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


@pytest.fixture
def kept(folder):
    """The file of key 'key', written."""
    cache.samples_of("key", LENGTH, lambda: SAMPLES)
    return folder / "key.int16"


def refuse():
    raise AssertionError("made again")


def test_samples_are_made_once(folder):
    for make in (lambda: SAMPLES, refuse):
        samples, digest = cache.samples_of("key", LENGTH, make)
        assert samples.dtype == np.int16
        assert np.array_equal(samples, SAMPLES)
        assert digest == hashlib.sha256(SAMPLES.astype("<i2").tobytes()).hexdigest()
    assert [path.name for path in folder.iterdir()] == ["key.int16"]
    assert (folder / "key.int16").stat().st_size == 2 * LENGTH + 32


def test_another_key_is_another_file(kept):
    other = cache.samples_of("other", LENGTH, lambda: SAMPLES // 2)[0]
    assert np.array_equal(other, SAMPLES // 2)
    assert np.array_equal(cache.samples_of("key", LENGTH, refuse)[0], SAMPLES)


def flipped(content):
    return content[:777] + bytes([content[777] ^ 1]) + content[778:]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: content[:-1],
        lambda content: content[:-2],
        lambda content: content[: len(content) // 2],
        lambda content: content + b"xx",
        lambda content: content[:-32] + bytes(32),
        lambda content: bytes(len(content)),  # what a file system may leave of a file that was written as power failed
        lambda content: b"",
    ],
    ids=["flipped", "short", "shorter", "half", "long", "digest", "zeros", "empty"],
)
def test_a_damaged_file_is_made_anew(kept, damage, capsys):
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert np.array_equal(cache.samples_of("key", LENGTH, lambda: SAMPLES)[0], SAMPLES)
    assert capsys.readouterr().err == f"note: {kept} is damaged; making it anew\n"
    assert kept.read_bytes() == whole
    cache.samples_of("key", LENGTH, refuse)
    assert capsys.readouterr().err == ""


def run(code, folder):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=dict(os.environ, DTONES_CACHE=str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    "crash",
    [
        "import os; os.replace = lambda *paths: os._exit(9); ",
        # after a part of the samples
        "import os, pathlib; opened = pathlib.Path.open\n"
        "def half(path, mode):\n"
        "    file = opened(path, mode); file.write(bytes(3_000)); file.flush(); os._exit(9)\n"
        "pathlib.Path.open = half\n",
    ],
    ids=["before it is renamed", "half way"],
)
def test_a_crash_while_a_file_is_written_leaves_no_file(folder, crash, capsys):
    crashed = run(crash + KEEP, folder)
    told = crashed.communicate(timeout=60)
    assert crashed.returncode == 9, told
    (partial,) = folder.iterdir()
    assert partial.name.endswith(".partial")
    assert np.array_equal(cache.samples_of("key", LENGTH, lambda: SAMPLES)[0], SAMPLES)
    cache.samples_of("key", LENGTH, refuse)
    assert capsys.readouterr().err == ""


def test_what_a_crash_left_is_removed_later(folder):
    folder.mkdir(parents=True)
    old, young = folder / "key.int16.aa.partial", folder / "key.int16.bb.partial"
    for path in (old, young):
        path.write_bytes(b"part")
    os.utime(old, (time.time() - 7_200,) * 2)
    cache.samples_of("key", LENGTH, lambda: SAMPLES)
    assert sorted(path.name for path in folder.iterdir()) == ["key.int16", young.name]


def test_processes_that_write_at_once_do_not_disturb_each_other(folder):
    """Each waits, with its file written, until all have written theirs."""
    together = (
        "import os, time, pathlib; real = os.replace\n"
        "def replace(partial, path):\n"
        "    while len(list(path.parent.glob('*.partial'))) + 3 * path.exists() < 3: time.sleep(0.01)\n"
        "    real(partial, path)\n"
        "os.replace = replace\n"
    )
    writers = [run(together + KEEP, folder) for _ in range(3)]
    told = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 3, told
    assert len(set(told)) == 1
    assert told[0][1] == ""
    assert [path.name for path in folder.iterdir()] == ["key.int16"]
    assert np.array_equal(cache.samples_of("key", LENGTH, refuse)[0], SAMPLES)


def test_a_folder_that_cannot_be_written_costs_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path / "file" / "cache"))
    assert np.array_equal(cache.samples_of("key", LENGTH, lambda: SAMPLES)[0], SAMPLES)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: cannot keep 0.01 MB in {tmp_path / 'file' / 'cache'} (")
    assert line.endswith("; set DTONES_CACHE to a folder that can")


def test_a_full_disk_costs_one_line_and_leaves_nothing(folder, monkeypatch, capsys):
    def full(*paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert np.array_equal(cache.samples_of("key", LENGTH, lambda: SAMPLES)[0], SAMPLES)
    assert "(No space left on device)" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_read_costs_its_making(folder, capsys):
    (folder / "key.int16").mkdir(parents=True)
    assert np.array_equal(cache.samples_of("key", LENGTH, lambda: SAMPLES)[0], SAMPLES)
    assert f"note: cannot read {folder / 'key.int16'} (" in capsys.readouterr().err


@pytest.mark.parametrize("made", [SAMPLES[:-1], SAMPLES.astype(np.int32), SAMPLES[:, None]])
def test_what_is_made_must_fit(folder, made):
    with pytest.raises(ValueError, match=r"the cache keeps int16 \[5000\]; got int"):
        cache.samples_of("key", LENGTH, lambda: made)
    assert not folder.exists()


def test_where_the_folder_is(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for own in ("", None):
        monkeypatch.delenv("DTONES_CACHE", raising=False)
        if own is not None:
            monkeypatch.setenv("DTONES_CACHE", own)
        assert cache.folder() == Path("/home/someone/.cache/dtones")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ones/count/for/nothing")
    assert cache.folder() == Path("/home/someone/.cache/dtones")
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert cache.folder() == Path("/fast/dtones")
    monkeypatch.setenv("DTONES_CACHE", "~/mine")
    assert cache.folder() == Path("/home/someone/mine")
