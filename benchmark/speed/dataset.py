"""`python -m benchmark.speed dataset`: clips as files: to make them, to read them once, to fetch them.

Commands are timed whole, by the clock outside, Python's start among them; how much of a download that is, is told. A
download is beside curl, of the same files, from the same server, as many at once, onto the same disk; curl checks no
hash.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmark.cli import Parser
from benchmark.speed.clock import positive

PROGRAM = (sys.executable, "-m", "generators.dataset")
AT_ONCE = 4
WAIT_S = 20.0  # for a server to answer
LOOK_EVERY_S = 0.1

# One pass over all clips as a user of `datasets` and torch makes it; the rate is that of the pass, its cache is made.
PASS = """\
import json, sys, time
import datasets, torch
from generators.dataset import decode
folder, cache, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
sets = datasets.load_dataset(folder, cache_dir=cache)
clips = datasets.concatenate_datasets([sets[role] for role in sorted(sets)])
def collate(rows):
    return torch.stack([torch.from_numpy(decode(row["audio"])) for row in rows])
begun = time.perf_counter()
loader = torch.utils.data.DataLoader(clips, batch_size=128, num_workers=workers, collate_fn=collate)
seen = sum(len(batch) for batch in loader)
print(json.dumps({"clips": seen, "clips_a_second": seen / (time.perf_counter() - begun)}))
"""


def options_of(parser: Parser) -> None:
    """Options of `dataset` alone."""
    add = parser.add_argument
    add("--space", default="phrases", help="whose clips (default: %(default)s)")
    add(
        "--times",
        nargs="+",
        type=positive,
        default=[1, 4, 16],
        metavar="N",
        help="clips of each combination, an export for each N (default: 1 4 16)",
    )
    add("--loaders", type=positive, default=2, metavar="N", help="processes that decode (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time all of it, show it, and return it as plain values. Raises ValueError where a command fails."""
    if shutil.which("curl") is None:
        raise ValueError("this is timed beside curl, which is not installed")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        exports = [_exported(options.space, times, work / f"x{times}") for times in options.times]
        first, last = (work / f"x{times}" for times in (options.times[0], options.times[-1]))
        read = json.loads(_output([sys.executable, "-c", PASS, str(first), str(work / "cache"), str(options.loaders)]))
        print(f"pass      {read['clips_a_second']:,.0f} clips/s, datasets and a DataLoader of {options.loaders}")
        fetched = _fetched(last, work, options.repeats)
    return {"space": options.space, "exports": exports, "pass": read, "fetch": fetched}


def _exported(space: str, times: int, folder: Path) -> dict[str, object]:
    seconds, peak = _watched([*PROGRAM, "export", "--space", space, "--nuisances", str(times), "--out", str(folder)])
    files = [file for file in folder.rglob("*") if file.is_file()]
    clips = sum(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["clips"].values())
    row = {
        "times": times,
        "clips": clips,
        "seconds": seconds,
        "clips_a_second": clips / seconds,
        "peak_memory_bytes": peak,
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }
    print(
        f"export    {clips:,} clips {seconds:.1f} s, {peak / 2**20:,.0f} MiB of memory, {row['bytes'] / 1e6:,.0f} MB",
        flush=True,
    )
    return row


def _watched(command: list[str]) -> tuple[float, int]:
    """Seconds of a command, and the most memory that it and its processes held at once, shared pages counted once."""
    begun, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            peak = max(peak, _held(process))
            time.sleep(LOOK_EVERY_S)
        seconds = time.perf_counter() - begun
        if process.returncode:
            said.seek(0)
            raise ValueError(f"{' '.join(command[1:])}: {(said.read().strip().splitlines() or ['failed'])[-1]}")
    return seconds, peak


def _held(process: psutil.Process) -> int:
    """Bytes of a process and its children; of those that ended meanwhile none."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                memory = one.memory_full_info()
                held += int(getattr(memory, "pss", memory.uss))
    return held


def _fetched(folder: Path, work: Path, repeats: int) -> dict[str, object]:
    """A download and curl, in turns, from a server of the standard library."""
    names = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*")) if file.is_file()]
    size = sum((folder / name).stat().st_size for name in names)
    ours, curls = [], []
    with _serving(folder) as root:
        for _ in range(repeats):
            ours.append(_timed([*PROGRAM, "download", f"{root}/manifest.json", "--out", str(work / "ours")]))
            shutil.rmtree(work / "ours")
            curls.append(_timed(_curl(names, root, work / "curl")))
            shutil.rmtree(work / "curl")
    start = statistics.median(_timed([sys.executable, "-c", "import generators.dataset.download"]) for _ in range(3))
    mine, theirs = statistics.median(ours), statistics.median(curls)
    print(
        f"download  {size / mine / 1e6:,.0f} MB/s, curl {size / theirs / 1e6:,.0f} MB/s; ratio {theirs / mine:.2f}, "
        f"without Python's start {theirs / (mine - start):.2f}; {size / 1e6:,.0f} MB in {len(names)} files",
        flush=True,
    )
    return {
        "bytes": size,
        "files": len(names),
        "repeats": repeats,
        "download_seconds": mine,
        "start_seconds": start,
        "curl_seconds": theirs,
        "download_over_curl": theirs / mine,
    }


def _curl(names: list[str], root: str, out: Path) -> list[str]:
    pairs = [part for name in names for part in ("-o", str(out / name), f"{root}/{name}")]
    return ["curl", "-sSf", "--create-dirs", "--parallel", "--parallel-max", str(AT_ONCE), *pairs]


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """A server of a folder, of this machine alone; yields its address."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            if server.stdout is None:
                raise ValueError("the server says nothing")
            port = server.stdout.readline().partition(" port ")[2].split()[0]
            root = f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(f"{root}/manifest.json", timeout=WAIT_S) as answer:
                answer.read()
            yield root
        finally:
            server.terminate()


def _timed(command: list[str]) -> float:
    begun = time.perf_counter()
    _output(command)
    return time.perf_counter() - begun


def _output(command: list[str]) -> str:
    """What a command says. Raises ValueError with its last line where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(f"{command[0]}: {lines[-1]}")
    return done.stdout
