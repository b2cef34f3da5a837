"""How fast it is: `python -m benchmark.speed render` times a part beside the floor that memory bandwidth sets."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain
from benchmark.speed_score import score_arguments, score_part

if TYPE_CHECKING:
    import torch

BYTES_WRITTEN, BYTES_READ = 4, 2  # a sample: float32 out; a 16-bit sample of some note or noise in
COPY_BYTES = 1 << 28  # far larger than any cache
MIB = 1 << 20


@dataclass(frozen=True)
class Bank:
    """What it takes to make a space ready, in a process of its own.

    seconds: from `load` on, imports not counted, with an empty cache; cached_seconds: with what that left in it, None
    where it left nothing. n_bytes: of what is kept. peak_bytes: resident at most, a batch rendered; base_bytes: before.
    """

    seconds: float
    cached_seconds: float | None
    n_bytes: int
    peak_bytes: int
    base_bytes: int


@dataclass(frozen=True)
class Rendering:
    """How fast a space renders.

    seconds: median for a batch. real_time: seconds of sound a second. bytes_a_second: of clips that were written.
    floor_seconds: bytes that must move, 4 written and 2 read a sample, over measured bandwidth; floor_real_time: what
    it allows. share: of the bandwidth that is reached. peak_device_bytes: allocated at most, None on a processor.
    """

    space: str
    version: str
    batch: int
    seconds: float
    real_time: float
    bytes_a_second: float
    floor_seconds: float
    floor_real_time: float
    share: float
    peak_device_bytes: int | None
    bank: Bank


def timed(work: Callable[[int], object], repeats: int, device: torch.device) -> float:
    """Median seconds of `work(number)`, once unmeasured first; an accelerator is waited for."""
    import torch

    seconds = []
    for number in range(repeats + 1):
        begun = time.perf_counter()
        work(number)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


def bandwidth(device: torch.device, repeats: int) -> float:
    """Bytes a second, read and written, of a large copy by torch's threads, or on the accelerator."""
    import torch

    source = torch.zeros(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * COPY_BYTES / timed(lambda _: target.copy_(source), repeats, device)


def rendering(space: str, batch: int, repeats: int, device: torch.device, bytes_a_second: float) -> Rendering:
    """Time one space, nuisances as they are by default; every batch is of other clips.

    bytes_a_second: measured bandwidth. Raises ValueError where the space is unknown or cannot be made here.
    """
    import numpy as np
    import torch

    import generators

    bank = fresh_bank(space, batch)
    generator = generators.load(space).to(device)
    levels = generator.space.sample(batch, np.random.default_rng(0))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = timed(lambda number: generator.render(levels, np.arange(batch) + number * batch), repeats, device)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    samples = batch * generator.n_samples
    sound_s = samples / generator.sample_rate
    floor = samples * (BYTES_WRITTEN + BYTES_READ) / bytes_a_second
    return Rendering(
        space=space,
        version=generator.version,
        batch=batch,
        seconds=seconds,
        real_time=sound_s / seconds,
        bytes_a_second=samples * BYTES_WRITTEN / seconds,
        floor_seconds=floor,
        floor_real_time=sound_s / floor,
        share=floor / seconds,
        peak_device_bytes=peak,
        bank=bank,
    )


def fresh_bank(space: str, batch: int) -> Bank:
    """Make a space ready, with an empty cache. Raises ValueError as `generators.load` does."""
    with tempfile.TemporaryDirectory() as cache:
        told = _told_bank(space, batch, cache)
        cached = _told_bank(space, batch, cache)["seconds"] if os.listdir(cache) else None
    return Bank(told["seconds"], cached, int(told["n_bytes"]), int(told["peak_bytes"]), int(told["base_bytes"]))


def _told_bank(space: str, batch: int, cache: str) -> dict[str, float]:
    """What a process of its own tells by `tell_bank`."""
    code = f"from benchmark.speed import tell_bank; tell_bank({space!r}, {batch})"
    environment = os.environ | {"DTONES_CACHE": cache}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    if told.returncode:
        lines = told.stderr.strip().splitlines() or [f"exit status {told.returncode}"]
        raise ValueError(f"'{space}' could not be made: {lines[-1].removeprefix('ValueError: ')}")
    return json.loads(told.stdout.splitlines()[-1])


def tell_bank(space: str, batch: int) -> None:
    """Print what a `Bank` holds, for the process that asks. batch: clips that are rendered once."""
    import numpy as np
    import torch  # noqa: F401  counted to the imports

    import generators

    generators.space(space)
    before, begun = resident_peak(), time.perf_counter()
    generator = generators.load(space)
    seconds = time.perf_counter() - begun
    generator.render(generator.space.sample(batch, np.random.default_rng(0)), np.arange(batch))
    kept = kept_bytes(generator)
    print(json.dumps({"seconds": seconds, "n_bytes": kept, "peak_bytes": resident_peak(), "base_bytes": before}))


def kept_bytes(generator: Any) -> int:
    """Memory of the notes or waveforms that a generator holds."""
    source = generator.sound.bank if hasattr(generator, "sound") else generator.waves
    return int(source.n_bytes)


def resident_peak() -> int:
    """The most memory that this process had, bytes.

    On Linux not by getrusage: there a process starts with the peak of the one that started it.
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024  # in kibibytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def render_part(options: argparse.Namespace) -> dict[str, object]:
    """`render`: time every space asked for, show it, and return it as plain values. Raises ValueError."""
    import torch

    import generators
    from benchmark.options import chosen_device
    from benchmark.stages import console

    device, screen = chosen_device(options.device), console()
    for name in options.space:
        generators.space(name)
    speed = bandwidth(device, options.repeats)
    threads = f"{torch.get_num_threads()} threads" if device.type == "cpu" else torch.cuda.get_device_name(device)
    screen.print(f"memory copies at {speed / 1e9:.1f} GB/s, {device}, {threads}", highlight=False)
    rows = []
    for name in options.space:
        rows.append(rendering(name, options.batch, options.repeats, device, speed))
        screen.print(_line(rows[-1]), highlight=False, soft_wrap=True)
    return {
        "part": "render",
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "copy_bytes_a_second": speed,
        "repeats": options.repeats,
        "spaces": [asdict(row) for row in rows],
    }


def _line(row: Rendering) -> str:
    peak = "" if row.peak_device_bytes is None else f"; {row.peak_device_bytes / MIB:.0f} MiB on the device"
    cached = "" if row.bank.cached_seconds is None else f", {row.bank.cached_seconds:.2f} s once cached"
    return (
        f"{row.space} {row.version}, batch {row.batch}\n"
        f"  rendering  {row.real_time:,.0f} times real time; floor {row.floor_real_time:,.0f}\n"
        f"  clips      {row.bytes_a_second / 1e9:.2f} GB/s; {row.share:.0%} of the bandwidth, 6 bytes moved a sample\n"
        f"  bank       {row.bank.seconds:.2f} s to make{cached}, {row.bank.n_bytes / 1e6:.0f} MB\n"
        f"  memory     at most {row.bank.peak_bytes / MIB:.0f} MiB, "
        f"{row.bank.base_bytes / MIB:.0f} MiB of it before there was any sound{peak}"
    )


def render_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Options of `render`; exits with status 2 and one line where it cannot parse them."""
    import generators

    parser = Parser(prog="python -m benchmark.speed render", description="Time how fast spaces render.")
    add = parser.add_argument
    add("--space", nargs="+", default=list(generators.SPACES), metavar="NAME", help="which spaces (default: all)")
    add("--batch", type=_positive, default=512, metavar="N", help="clips a call (default: %(default)s)")
    add("--repeats", type=_positive, default=9, metavar="N", help="the median of so many (default: %(default)s)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args(argv)


@dataclass(frozen=True)
class Part:
    """What can be timed. measure: options -> figures, shown and as plain values; `options.json` is a file or None."""

    summary: str
    arguments: Callable[[Sequence[str]], argparse.Namespace]
    measure: Callable[[argparse.Namespace], dict[str, object]]


PARTS = {
    "render": Part("making sound", render_arguments, render_part),
    "score": Part("scoring one run", score_arguments, score_part),
}


def chosen_part(argv: Sequence[str]) -> tuple[Part, argparse.Namespace]:
    """The part that a command line names first, and its options; exits with status 2 and one line where it cannot."""
    if not argv or argv[0] not in PARTS:
        parser = Parser(
            prog="python -m benchmark.speed",
            description="Time a part of dTones beside the floor that the machine sets.",
            epilog="python -m benchmark.speed PART --help shows its options.",
        )
        summaries = "; ".join(f"{name}: {part.summary}" for name, part in PARTS.items())
        parser.add_argument("part", choices=list(PARTS), metavar="PART", help=summaries)
        parser.parse_args(argv[:1])
        parser.error("the part comes first")
    return PARTS[argv[0]], PARTS[argv[0]].arguments(argv[1:])


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Time what the command line asks for. Returns the exit status."""
    part, options = chosen_part(sys.argv[1:] if argv is None else argv)
    try:
        return _main(part, options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _main(part: Part, options: argparse.Namespace) -> int:
    from benchmark.results import check_writable, write_whole

    try:
        if options.json:
            check_writable(options.json.parent)
        measured = part.measure(options)
        if options.json:
            write_whole(options.json, json.dumps(measured, indent=2, allow_nan=False) + "\n")
    except ValueError as error:
        complain(error)
        return USAGE
    return DONE


if __name__ == "__main__":
    sys.exit(main())
