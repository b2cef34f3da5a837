"""`python -m benchmark.run` as a process of its own, timed by the clock outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WORK = ("bank", "features", "train", "embed", "decode", "score")  # stages without which there would be no result


@dataclass(frozen=True)
class Whole:
    """A finished command. wall_seconds: by the outside clock. costs: of each result that it left, in order of seeds."""

    wall_seconds: float
    costs: list[dict]

    @property
    def work_seconds(self) -> float:
        """Seconds of the stages that the runs are made of, all runs together."""
        return sum(cost["seconds"].get(stage, 0.0) for cost in self.costs for stage in WORK)

    def figures(self) -> dict[str, object]:
        """Of a single run, as plain values."""
        (cost,) = self.costs
        return {
            "wall_seconds": self.wall_seconds,
            "total_seconds": cost["total_seconds"],
            "seconds": cost["seconds"],
            "clips_a_second": cost["clips_per_second"],
            "wait_share": cost["wait_share"],
        } | ({} if cost["device_idle_share"] is None else {"device_idle_share": cost["device_idle_share"]})


def run(arguments: Sequence[str], results: Path, cache: Path) -> Whole:
    """Run a command into an empty results folder. cache: where features are kept on disk.

    Raises ValueError with the last line that it said where it fails.
    """
    command = [sys.executable, "-m", "benchmark.run", *arguments, "--results", str(results)]
    begun = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"DTONES_CACHE": str(cache)}
    )
    wall = time.perf_counter() - begun
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(f"benchmark.run {' '.join(arguments)}: {lines[-1].removeprefix('error: ')}")
    files = sorted(results.rglob("seed*.json"), key=lambda file: int(file.stem.removeprefix("seed")))
    return Whole(wall, [json.loads(file.read_text(encoding="utf-8"))["cost"] for file in files])
