"""How much room arrays on disk take: a cap, what goes first, memory that processes share."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from cached import KEY, ROOT, kept, made, same, whole

from benchmark import array_cache


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
        "from cached import KEY, array_cache\n"
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
