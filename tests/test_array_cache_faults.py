"""Arrays on disk where processes are killed or ask at once, and where disks are full or only to be read."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cached import FEATURES, KEY, ask, kept, made, refuse, same, times_made, whole

from benchmark import array_cache, array_files

STOPS = {
    "while it is made": "real = make\ndef make():\n    real(); stop()",
    "within a file": (
        "write = array_files._Hashing.write\n"
        "def half(self, content):\n"
        "    write(self, content[: len(content) // 2]); stop()\n"
        "array_files._Hashing.write = half"
    ),
    "before the meta file": "array_files.json.dump = lambda *given, **named: stop()",
    "before it is renamed": "Path.rename = lambda *paths: stop()",
}
STOP = "def stop():\n    print('now', flush=True); time.sleep(60)\n"


@pytest.mark.parametrize("when", STOPS)
def test_a_process_that_is_killed_leaves_no_half_entry(root, when, capsys):
    writer = ask(root, STOP + STOPS[when])
    assert writer.stdout.readline() == "now\n", writer.communicate()
    assert array_cache.read(KEY) is None  # nothing is to be seen of it while it writes
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    left = whole(root)[1]
    assert [name.endswith(".partial") for name in left] == [when != "while it is made"] * len(left)
    assert same(kept(), made())
    assert same(kept(make=refuse), made())
    assert capsys.readouterr().err == ""
    assert whole(root) == ([array_files.name_of(KEY)], left)


def test_what_a_crash_left_is_removed_after_an_hour(root):
    root.mkdir(parents=True)
    for name in ("aa.partial", "bb.gone", "cc.partial"):
        (root / name).mkdir()
        (root / name / FEATURES).write_bytes(b"part")
    for name in ("aa.partial", "bb.gone"):
        os.utime(root / name, (time.time() - 7_200,) * 2)
    kept()
    assert whole(root) == ([array_files.name_of(KEY)], ["cc.partial"])


def test_of_processes_that_ask_at_once_one_makes_it(root):
    # the others are all there before it is done
    slow = (
        "array_cache.TELL_AFTER_S = 0.2\n"
        "Path(os.environ['MADE'] + f'.{os.getpid()}').touch()\n"
        "real = make\n"
        "def make():\n"
        "    while len(list(Path(os.environ['MADE']).parent.glob('made.*'))) < 3: time.sleep(0.01)\n"
        "    time.sleep(1); return real()\n"
    )
    processes = [ask(root, slow) for _ in range(3)]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, told
    assert len({out for out, _ in told}) == 1
    assert times_made(root) == 1
    waited = "note: another process is making the same features; waiting for it\n"
    assert sorted(err for _, err in told) == ["", waited, waited]
    assert whole(root) == ([array_files.name_of(KEY)], [])


def test_who_waits_for_a_process_that_is_killed_makes_it_himself(root):
    first = ask(root, STOP + STOPS["within a file"])
    assert first.stdout.readline() == "now\n", first.communicate()
    told = "waiting = nullcontext\ndef nullcontext():\n    print('waiting', flush=True); return waiting()\n"
    second = ask(root, told)
    assert second.stdout.readline() == "waiting\n", second.communicate()
    first.kill()
    first.communicate(timeout=60)
    _, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert times_made(root) == 2
    assert same(kept(make=refuse), made())


def test_where_there_are_no_locks_it_goes_on_and_says_so(root, monkeypatch, capsys):
    def refuse_lock(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr("benchmark.array_cache.FileLock.acquire", refuse_lock)
    assert same(kept(), made())
    assert [len(names) for names in whole(root)] == [1, 0]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("knows no locks; another process may make the same features at the same time")


def mounted(place, *options):
    """Mount a tmpfs; whether that is allowed."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_full_disk_costs_one_line_and_leaves_nothing(root):
    """A file system of 64 KiB; where nobody may mount one, a limit on the size of files, which fails as late."""
    small = mounted(root.parent, "size=64k")
    limit = "" if small else "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))\n"
    try:
        process = ask(root, limit)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        (line,) = err.splitlines()
        assert line.startswith(f"note: cannot keep 0.24 MB in {root} (")
        assert line.endswith("; set DTONES_CACHE to a folder that can")
        assert ("No space left" if small else "File too large") in line
        assert whole(root) == ([], [])
        assert times_made(root) == 1
    finally:
        if small:
            subprocess.run(["umount", str(root.parent)], check=True)
    assert out == ask(root).communicate(timeout=60)[0]


@pytest.mark.parametrize("where", ["below a file", "proc"])
def test_a_folder_that_cannot_be_written_costs_one_line(where, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    place = {"below a file": tmp_path / "file" / "cache", "proc": Path("/proc/dtones")}[where]
    monkeypatch.setenv("DTONES_CACHE", str(place))
    assert array_cache.read(KEY) is None
    assert same(kept(), made())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: cannot keep 0.24 MB in {place / 'features'} (")


def test_a_folder_that_can_only_be_read_is_read(root, capsys):
    other = dict(KEY, space="tones")
    allowed = mounted(root.parent, "size=4m")
    try:
        kept()
        if allowed:
            subprocess.run(["mount", "-o", "remount,ro", str(root.parent)], check=True)
        else:
            for path in (array_cache.folder_of(KEY), root):
                path.chmod(0o500)
        assert same(array_cache.read(KEY), made())
        assert same(kept(make=refuse), made())
        assert capsys.readouterr().err == ""
        assert same(kept(other), made())
        if allowed or os.getuid():  # modes do not stop root
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"note: cannot keep 0.24 MB in {root} (")
    finally:
        if allowed:
            subprocess.run(["umount", "--lazy", str(root.parent)], check=True)
        else:
            root.chmod(0o700)
