"""Limits of time and memory, tried on processes that go over them."""

import subprocess
import sys
import threading
import time

import psutil
import pytest

from benchmark import limits
from benchmark.limits import LimitError, limited


def never(reason):
    raise AssertionError(reason)


def test_within_its_limits_nothing_happens():
    before = threading.active_count()
    with limited(60, 2**40, never):
        time.sleep(0.5)
    assert threading.active_count() == before


def spin():
    while True:
        pass


def sleep():
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


def grow():
    held = []
    for _ in range(400):
        held.append(b"x" * (4 * 2**20))
        time.sleep(0.01)


@pytest.mark.parametrize("block", [spin, sleep])
def test_a_block_that_takes_too_long_is_ended_whatever_it_catches(block):
    begun = time.monotonic()
    with limited(0.3, None, never):
        with pytest.raises(LimitError, match=r"^it took longer than its 0.3 s \(--time-limit\)$"):
            block()
        assert time.monotonic() - begun < 5
        time.sleep(2 * limits.CHECK_EVERY_S)  # and nothing comes after


def test_a_block_that_takes_too_much_memory_is_ended():
    most = psutil.Process().memory_info().rss + 100 * 2**20
    pattern = r"^it took .* GiB of memory, more than its .* \(--memory-limit\)$"
    with limited(None, most, never), pytest.raises(LimitError, match=pattern):
        grow()


STUCK = """
import hashlib
from benchmark import limits
limits.GRACE_S = 0.5
with limits.limited(0.3, None, lambda reason: print(reason, flush=True)):
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes in one call, in which no handler of Python's can run
"""


def test_a_process_that_is_stuck_in_a_library_ends_with_its_reason():
    told = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == limits.STUCK
    assert told.stdout == "it took longer than its 0.3 s (--time-limit), and did not stop when it was told to\n"


def test_a_worker_whose_engine_is_gone_ends():
    code = (
        "import os, sys, time\n"
        "from benchmark import limits\n"
        "parent = os.getpid()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    limits.end_with(parent)\n"
        "    time.sleep(60)\n"
        "print(child, flush=True)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    child, deadline = int(told.stdout), time.monotonic() + 20
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(child)
