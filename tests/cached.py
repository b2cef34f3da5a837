"""What the tests of arrays on disk share: an entry, and processes that ask for it."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from benchmark import array_cache
from benchmark.array_files import Entry

ROOT = Path(__file__).resolve().parent.parent
KEY = {"space": "phrases", "clips": {"train": 3}}
FEATURES = "train.features.npy"
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
from cached import KEY, made
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
