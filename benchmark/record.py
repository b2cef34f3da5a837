"""The record of a finished run: what it was, what it ran on, what it cost."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from benchmark import results
from benchmark.execution import Outcome, Run
from benchmark.metrics.table import Score
from benchmark.plan import decisive
from benchmark.source import ROOT
from benchmark.stored_clips import Export

KIB = 1_024


def result_of(
    run: Run,
    outcome: Outcome,
    scores: Sequence[Score],
    seconds: Mapping[str, float],
    begun: float,
    commit: str | None,
    export: Export | None = None,
) -> results.Result:
    """The record of a finished run.

    seconds: by stage. begun: `time.perf_counter()` when it, or the process that was started for it, began.
    commit: see `checked_out`. export: whose files the clips were read from; None: they were rendered.
    """
    fields = decisive(run.task, run.preset.name, run.label, run.source, run.settings, run.seed)
    names = outcome.prepared.space.names
    return results.Result(
        **fields,
        id=results.identity(fields),
        family=run.method.family,
        blocks={name: [f for f in names if f in owned] for name, owned in run.task.blocks.items()},
        environment=environment(run.device, outcome.training.precision, commit, export),
        cost=_cost(outcome, seconds, begun),
        scores=[
            results.Score(metric=one.metric, block=one.block, factor=one.factor, value=float(np.float64(one.value)))
            for one in scores
        ],
    )


def _cost(outcome: Outcome, seconds: Mapping[str, float], begun: float) -> results.Cost:
    training = outcome.training
    stages = dict(seconds)
    # What was trained before the process was killed counts too.
    before = max(0.0, training.seconds - stages.get("train", 0.0))
    if before:
        stages["train"] = stages.get("train", 0.0) + before
    return results.Cost(
        seconds={name: round(value, 3) for name, value in stages.items()},
        total_seconds=round(time.perf_counter() - begun + before, 3),
        clips_per_second=training.clips / training.seconds if training.clips else 0.0,
        wait_share=training.waiting / training.seconds if training.clips else 0.0,
        device_idle_share=training.idle_share,
        peak_memory_bytes=peak_memory(),
        peak_device_memory_bytes=outcome.training_peak_bytes,
        parameters=training.parameters,
    )


def reset_peak_memory() -> None:
    """Begin anew to remember the most memory of this process, where the system can (Linux): it may do many runs."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most resident memory of this process, bytes: since `reset_peak_memory`, or ever.

    On Linux not by getrusage: there a process starts with the peak of the one that started it.
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if _is_mac() else KIB)


def environment(
    device: torch.device, precision: str, commit: str | None, export: Export | None = None
) -> results.Environment:
    """What a run ran on. precision: of the matrix products in training."""
    gpu = device.type == "cuda"
    return results.Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        torch=torch.__version__,
        torchaudio=version("torchaudio"),
        numpy=np.__version__,
        scikit_learn=version("scikit-learn"),
        dtones=version("dtones"),
        commit=commit,
        device=torch.cuda.get_device_name(device) if gpu else f"CPU, {os.cpu_count()} cores ({_processor()})",
        threads=torch.get_num_threads(),
        precision=precision,
        data=None if export is None else export.sha256,
    )


def _processor() -> str:
    """The processor's human name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def checked_out() -> str | None:
    """The checkout's commit, with a plus where files differ from it; None outside a git checkout and without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    if shutil.which(command[0]) is None:
        return None
    described = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or None if described.returncode == 0 else None


def _is_mac() -> bool:
    return sys.platform == "darwin"  # where ru_maxrss counts bytes, not KiB
