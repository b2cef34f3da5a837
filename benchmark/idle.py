"""How much of the device training leaves unused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

SAMPLED_EVERY_S = 0.1

Share = Callable[[], float | None]
Utilisation = Callable[[], float]


@contextmanager
def idle_share(device: torch.device, utilisation: Utilisation | None = None) -> Iterator[Share]:
    """Gives a function: the share of the device that was unused since the beginning, in [0, 1]; None where unknown.

    CPU: of the time of torch's threads, what no thread of this process computed in. CUDA: one less NVML's utilisation,
    the share of time in which any kernel ran; None where NVML is missing or refuses (it does on parts of a GPU).
    utilisation: percent; what to ask in NVML's place. It is asked in a thread, which ends with the context.
    """
    if device.type == "cuda":
        with _sampled(utilisation or (lambda: torch.cuda.utilization(device))) as share:
            yield share
    else:
        wall, used, known = time.perf_counter(), time.process_time(), device.type == "cpu"
        yield lambda: cpu_share(time.perf_counter() - wall, time.process_time() - used) if known else None


def cpu_share(wall_s: float, used_s: float) -> float | None:
    """Unused share of the time that torch's threads had. None where no time has passed."""
    return _clipped(1 - used_s / (wall_s * torch.get_num_threads())) if wall_s > 0 else None


def joined_share(first: tuple[float | None, float], second: tuple[float | None, float]) -> float | None:
    """The share of two stretches together, each with its seconds; None where that of one is unknown."""
    stretches = [(share, seconds) for share, seconds in (first, second) if seconds > 0]
    total = sum(seconds for _, seconds in stretches)
    if total == 0 or any(share is None for share, _ in stretches):
        return None
    return sum(share * seconds for share, seconds in stretches if share is not None) / total


@contextmanager
def _sampled(utilisation: Utilisation) -> Iterator[Share]:
    samples: list[float | None] = []
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            try:
                samples.append(utilisation())
            except Exception:  # NVML's library, its driver and torch each raise their own; the figure is then unknown
                samples.append(None)
                return
            done.wait(SAMPLED_EVERY_S)

    def share() -> float | None:
        known = [value for value in samples if value is not None]
        return None if not known or len(known) < len(samples) else _clipped(1 - sum(known) / len(known) / 100)

    thread = threading.Thread(target=sample, name="idle share", daemon=True)
    try:
        thread.start()
        yield share
    finally:
        done.set()
        if thread.ident is not None:
            thread.join()


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
