"""`python -m benchmark.speed frontend`: log-mel features of batches of clips, beside arithmetic and memory."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from benchmark.cli import Parser
from benchmark.speed.clock import bandwidth, matrix_peak, positive, timed

if TYPE_CHECKING:
    from baselines.frontend import FrontEndSettings


def options_of(parser: Parser) -> None:
    """Options of `frontend` alone."""
    parser.add_argument("--space", default="phrases", help="decides the length of clips (default: %(default)s)")
    parser.add_argument("--batch", type=positive, default=512, metavar="N", help="clips a call (default: %(default)s)")


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Time the front end on noise, show it, and return it as plain values. Raises ValueError."""
    import torch

    import generators
    from baselines.frontend import LogMel
    from benchmark.features import front_end_of
    from benchmark.options import chosen_device
    from benchmark.stages import console

    device = chosen_device(options.device)
    generators.space(options.space)  # names the nearest where there is none
    shape = front_end_of(options.space)
    front_end = LogMel(shape).to(device)
    audio = torch.randn(options.batch, shape.n_samples, device=device)
    seconds = timed(lambda _: front_end(audio), options.repeats, device)
    peak, speed = matrix_peak(torch.float32, device), bandwidth(device, options.repeats)
    floors = {"arithmetic": options.batch * flops(shape) / peak, "memory": options.batch * n_bytes(shape) / speed}
    floor = max(floors.values())
    clips, share = options.batch / seconds, floor / seconds
    console().print(f"{clips:,.0f} clips/s, batch {options.batch}; {share:.0%} of the floor", highlight=False)
    return {
        "space": options.space,
        "batch": options.batch,
        "repeats": options.repeats,
        "seconds": seconds,
        "clips_a_second": clips,
        "flops_a_clip": flops(shape),
        "bytes_a_clip": n_bytes(shape),
        "peak_flops": peak,
        "copy_bytes_a_second": speed,
        "floor_seconds": floors | {"highest": floor},
        "share": share,
    }


def flops(shape: FrontEndSettings) -> float:
    """Operations that a clip takes: real transforms, squared magnitudes, a full product with the mel bank.

    A real transform of n points takes 2.5 n log2(n) (half of the radix-2 count of a complex one).
    """
    bins = shape.n_fft // 2 + 1
    transform = 2.5 * shape.n_fft * math.log2(shape.n_fft)
    return shape.n_frames * (transform + shape.n_fft + 3 * bins + 2 * bins * shape.n_mels)


def n_bytes(shape: FrontEndSettings) -> int:
    """Bytes that a clip must move: float32 samples in, float32 features out."""
    return 4 * (shape.n_samples + shape.n_frames * shape.n_mels)
