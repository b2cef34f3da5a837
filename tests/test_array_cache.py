"""Arrays on disk: whole or not used at all, whatever happens to files, processes and disks."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from benchmark import array_cache, array_files
from benchmark.array_files import Entry

ROOT = Path(__file__).resolve().parent.parent
KEY = {"space": "phrases", "clips": {"train": 3}}
NUMBERS = {"mean": -74.42687801810855, "std": 0.1 + 0.2}


def made(scale=1.0, n=60_000):
    rng = np.random.default_rng(0)
    features = (scale * rng.standard_normal((n // 4, 4))).astype(np.float32)
    return Entry({"train.features": features, "train.levels": np.arange(50).reshape(10, 5)}, NUMBERS)


def refuse():
    raise AssertionError("made again")


def kept(key=KEY, make=made, **how):
    return array_cache.kept(key, make, nullcontext, **how)


def same(one, other):
    return (
        one.numbers == other.numbers
        and one.arrays.keys() == other.arrays.keys()
        and all(one.arrays[name].tobytes() == array.tobytes() for name, array in other.arrays.items())
        and all(one.arrays[name].shape == array.shape for name, array in other.arrays.items())
        and all(one.arrays[name].dtype == array.dtype for name, array in other.arrays.items())
    )


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of entries; it is not there yet."""
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DTONES_CACHE_GB", raising=False)
    return tmp_path / "cache" / "features"


def whole(root):
    """Names of the entries, and of what is neither an entry nor a lock."""
    names = sorted(path.name for path in root.iterdir() if path.suffix != ".lock")
    return [name for name in names if "." not in name], [name for name in names if "." in name]


# A process of its own that asks for the same entry; what it is to do before comes in front.
ASK = """
import hashlib, os, sys, time
from contextlib import nullcontext
from pathlib import Path
sys.path.insert(0, {tests!r})
from benchmark import array_cache, array_files
from test_array_cache import KEY, made
def make():
    with open(os.environ["MADE"], "a") as file: file.write("made\\n")
    return made()
{before}
found = array_cache.kept(KEY, make, nullcontext)
print(hashlib.sha256(found.arrays["train.features"].tobytes()).hexdigest())
"""


def ask(root, before=""):
    environment = dict(os.environ, DTONES_CACHE=str(root.parent), MADE=str(root.parent.parent / "made"))
    code = ASK.format(tests=str(ROOT / "tests"), before=before)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def times_made(root):
    path = root.parent.parent / "made"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_an_entry_is_made_once_and_comes_back_to_the_last_bit(root):
    assert array_cache.read(KEY) is None
    first, second = kept(), kept(make=refuse)
    assert same(first, made())
    assert same(second, made())
    assert same(array_cache.read(KEY), made())
    assert whole(root) == ([array_files.name_of(KEY)], [])
    meta = json.loads((array_cache.folder_of(KEY) / "meta.json").read_text())["entry"]
    assert meta["key"] == KEY
    assert meta["files"]["train.features"]["shape"] == [15_000, 4]


def test_what_is_read_can_be_written_to_without_touching_the_disk(root):
    kept()
    kept(make=refuse).arrays["train.features"][:] = 0
    assert same(kept(make=refuse), made())


def test_another_key_is_another_entry(root):
    kept()
    other = dict(KEY, clips={"train": 4})
    assert same(kept(other, lambda: made(2.0)), made(2.0))
    assert same(kept(make=refuse), made())


def changed(name, change):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(change(content))

    return damage


def another_mean(folder):
    meta = json.loads((folder / "meta.json").read_text())
    meta["entry"]["numbers"]["mean"] += 1e-9
    (folder / "meta.json").write_text(json.dumps(meta))


def another_key(folder):
    folder.rename(folder.with_name("aside"))
    kept(dict(KEY, space="tones"))
    array_cache.folder_of(dict(KEY, space="tones")).rename(folder)
    array_cache._remove(folder.with_name("aside"))


FEATURES = "train.features.npy"


@pytest.mark.parametrize(
    "damage",
    [
        changed(FEATURES, lambda content: content[:7_777] + bytes([content[7_777] ^ 1]) + content[7_778:]),
        changed(FEATURES, lambda content: content[:-1]),
        changed(FEATURES, lambda content: content + b"x"),
        changed(FEATURES, lambda content: bytes(len(content))),  # what power failing may leave
        changed(FEATURES, lambda content: b""),
        lambda folder: (folder / FEATURES).unlink(),
        changed("meta.json", lambda content: content[: len(content) // 2]),
        changed("meta.json", lambda content: bytes(len(content))),
        changed("meta.json", lambda content: b"[]"),
        lambda folder: (folder / "meta.json").unlink(),
        another_mean,
        another_key,
    ],
    ids=[
        "flipped",
        "short",
        "long",
        "zeros",
        "empty",
        "missing",
        "meta-half",
        "meta-zeros",
        "meta-list",
        "no-meta",
        "mean",
        "key",
    ],
)
def test_a_damaged_entry_is_told_removed_and_made_anew(root, damage, capsys):
    kept()
    folder = array_cache.folder_of(KEY)
    damage(folder)
    assert array_cache.read(KEY) is None
    assert capsys.readouterr().err == ""
    assert same(kept(), made())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {folder} is damaged (")
    assert line.endswith("); making it anew")
    assert same(kept(make=refuse), made())
    assert whole(root) == ([folder.name], [])


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


def keys(count):
    return [{"number": number} for number in range(count)]


def there(several):
    return [array_cache.folder_of(key).exists() for key in several]


def test_those_not_used_for_longest_go_first(root, monkeypatch):
    four = keys(4)
    size = made().n_bytes
    monkeypatch.setenv("DTONES_CACHE_GB", str(3.2 * size / 1e9))  # three, with their meta files
    for age, key in zip((300, 200, 100), four, strict=False):
        kept(key)
        os.utime(array_cache.folder_of(key) / "meta.json", (time.time() - age,) * 2)
    assert there(four) == [True, True, True, False]
    first = array_cache.read(four[0])  # used now
    kept(four[3])
    assert there(four) == [True, False, True, True]
    kept({"number": 5}, spare=(four[2],))
    assert there(four) == [False, False, True, True]
    assert same(first, made())  # what is mapped lives on
    assert whole(root)[1] == []


def test_an_entry_above_the_cap_is_not_kept_and_nothing_goes_for_it(root, monkeypatch, capsys):
    kept()
    monkeypatch.setenv("DTONES_CACHE_GB", "0.001")
    large = {"large": True}
    assert same(kept(large, lambda: made(n=400_000)), made(n=400_000))
    said = "note: 1.6 MB of features are not kept: DTONES_CACHE_GB allows 1 MB in all\n"
    assert capsys.readouterr().err == said
    assert there([KEY, large]) == [True, False]


def test_0_keeps_nothing_and_reads_nothing(root, monkeypatch, capsys):
    monkeypatch.setenv("DTONES_CACHE_GB", "0")
    assert same(kept(), made())
    assert not root.exists()
    monkeypatch.delenv("DTONES_CACHE_GB")
    kept()
    monkeypatch.setenv("DTONES_CACHE_GB", "0")
    assert array_cache.read(KEY) is None
    assert same(kept(make=lambda: made(2.0)), made(2.0))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("value", ["ten", "-1", "nan", "inf", "10 GB"])
def test_a_cap_that_is_no_number_is_named(root, monkeypatch, value):
    monkeypatch.setenv("DTONES_CACHE_GB", value)
    message = rf"^DTONES_CACHE_GB is '{value}'; expected a number of gigabytes, 0 \(keep nothing\) or more$"
    for asked in (kept, lambda: array_cache.read(KEY)):
        with pytest.raises(ValueError, match=message):
            asked()


def test_processes_share_the_memory_of_what_they_read(root):
    """A second process that has read all of 64 MB holds a small part of it of its own."""
    n = 16_000_000
    mine = kept(make=lambda: made(n=n))
    total = float(mine.arrays["train.features"].sum(dtype=np.float64))  # every page is mapped here
    code = (
        f"import psutil, sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import numpy as np\n"
        "from test_array_cache import KEY, array_cache\n"
        "own = psutil.Process().memory_full_info; before = own()\n"
        "features = array_cache.read(KEY).arrays['train.features']\n"
        "total = float(features.sum(dtype=np.float64)); after = own()\n"
        "print(total, (after.uss - before.uss) / features.nbytes, (after.rss - before.rss) / features.nbytes)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    again, private, resident = map(float, told.split())
    assert again == total
    assert private < 0.25
    assert resident > 0.9  # it was there, and it was counted
