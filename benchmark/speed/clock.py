"""What every part is timed with, and what the machine could do: its bandwidth and its peak of matrix products."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

COPY_BYTES = 1 << 28  # far larger than any cache
SQUARE = {"cpu": 2_048, "cuda": 8_192}  # rows of a product that keeps every arithmetic unit busy
PEAK_TRIES = 9


def timed(work: Callable[[int], object], repeats: int, device: torch.device) -> float:
    """Median seconds of `work(number)`, once unmeasured first; an accelerator is waited for."""
    return statistics.median(_seconds(work, repeats, device))


def bandwidth(device: torch.device, repeats: int) -> float:
    """Bytes a second, read and written, of a large copy by torch's threads, or on the accelerator."""
    import torch

    source = torch.zeros(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * COPY_BYTES / timed(lambda _: target.copy_(source), repeats, device)


def matrix_peak(precision: torch.dtype, device: torch.device) -> float:
    """Floating-point operations a second of a large square product, by torch's threads or on the accelerator.

    The best of a few: what the machine can, not what it did while something else ran.
    """
    import torch

    rows = SQUARE.get(device.type, SQUARE["cpu"])
    left, right = (torch.randn(rows, rows, device=device).to(precision) for _ in range(2))
    return 2 * rows**3 / min(_seconds(lambda _: left @ right, PEAK_TRIES, device))


def wait_for(device: torch.device) -> None:
    """Wait until an accelerator has done what it was given."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def machine(device: torch.device) -> dict[str, object]:
    """What it was timed on: the commit, versions, the device, cores and threads."""
    import torch

    from benchmark.record import checked_out, environment

    told = environment(device, "none", checked_out())
    return {
        "commit": told.commit,
        "python": told.python,
        "torch": told.torch,
        "device": told.device,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return number


def _seconds(work: Callable[[int], object], repeats: int, device: torch.device) -> list[float]:
    """Seconds of each call but the first."""
    seconds = []
    for number in range(repeats + 1):
        begun = time.perf_counter()
        work(number)
        wait_for(device)
        seconds.append(time.perf_counter() - begun)
    return seconds[1:]
