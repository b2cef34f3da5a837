"""`python -m benchmark.speed render`: how fast spaces render, beside what the memory's bandwidth allows."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import Parser
from benchmark.speed.clock import bandwidth, positive, timed

if TYPE_CHECKING:
    import torch

BYTES_WRITTEN, BYTES_READ = 4, 2  # a sample: float32 out; a 16-bit sample of some note or noise in
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
    code = f"from benchmark.speed.render import tell_bank; tell_bank({space!r}, {batch})"
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


def options_of(parser: Parser) -> None:
    """Options of `render` alone."""
    import generators

    add = parser.add_argument
    add("--space", nargs="+", default=list(generators.SPACES), metavar="NAME", help="which spaces (default: all)")
    add("--batch", type=positive, default=512, metavar="N", help="clips a call (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time every space asked for, show it, and return it as plain values. Raises ValueError."""
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
    spaces: dict[str, dict[str, object]] = {}
    for name in options.space:
        row = rendering(name, options.batch, options.repeats, device, speed)
        screen.print(_line(row), highlight=False, soft_wrap=True)
        spaces[name] = asdict(row)
    return {"copy_bytes_a_second": speed, "repeats": options.repeats, "spaces": spaces}


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
