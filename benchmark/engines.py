"""Where a run runs: here, in this process."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import generators
from baselines.contract import CommonSettings, Method
from baselines.frontend import FrontEndSettings, LogMel
from baselines.networks import Trunk
from benchmark import features, results
from benchmark.metrics.reconstruction import r2
from benchmark.score import WIDEST, Codes, score
from benchmark.source import ROOT, source_hash
from benchmark.stages import Report, Stages
from benchmark.tasks import BENCHMARK_VERSION, Preset, Task
from benchmark.train import ContractError, Training, train
from generators.generator import Generator
from generators.splits import Role

EMBED_BATCH = 2_048
KIB = 1_024


@dataclass(frozen=True)
class Run:
    """What decides a result, and where it is stored.

    label: the method's name, and its settings where they were set. source_hash: see `hashed`; taken before the run, for
    files may change while it trains.
    """

    task: Task
    preset: Preset
    label: str
    method: type[Method]
    source_hash: str
    settings: CommonSettings
    seed: int
    device: torch.device
    results: Path

    @property
    def place(self) -> Path:
        """The result's file."""
        return results.path(self.results, *self._address)

    @property
    def artefacts(self) -> Path:
        """The folder of the pictures, losses and embeddings."""
        return results.artefact_dir(self.results, *self._address)

    @property
    def _address(self) -> tuple[str, str, str, str, int]:
        return BENCHMARK_VERSION, self.preset.name, self.task.name, self.label, self.seed


def hashed(method: Path, task: Task) -> str:
    """Hash of a method's file, of the task's space and of everything of the project that decides a score."""
    space = ROOT.joinpath(*generators.SPACES[task.space][0].split(".")).with_suffix(".py")
    return source_hash(method, space, ROOT / "benchmark" / "engines.py")


@dataclass(frozen=True)
class Outcome:
    """A finished run: what was learnt and from what, for the pictures. embeddings: blocks of probe and test clips."""

    method: Method
    generator: Generator
    front_end: LogMel
    features: features.Features
    training: Training
    embeddings: dict[Role, dict[str, Tensor]]
    scores: list[results.Score]
    training_peak_bytes: int | None


Prepared = tuple[Generator, LogMel, features.Features]


def prepare_task(task: Task, preset: Preset, device: torch.device, stages: Stages) -> Prepared:
    """Build the sound of a task and take its features: the part that runs of one task and preset have in common."""
    with stages.stage("bank", "building the note bank"):
        generator = generators.load(task.space).to(device)
    front_end = LogMel(FrontEndSettings(generator.sample_rate, generator.n_samples)).to(device)
    with stages.stage("features", "rendering clips and taking log-mel features") as report:
        data = features.compute(generator, front_end, preset.clips, device, report)
    return generator, front_end, data


def execute(run: Run, prepared: Prepared, stages: Stages) -> Outcome:
    """Train, embed and score one run. The same run on the same CPU gives the same scores, to the last digit."""
    generator, front_end, data = prepared
    shape = front_end.settings
    trunk = Trunk(shape.n_frames, shape.n_mels, run.preset.width, run.preset.depth)
    devices = [run.device] if run.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(run.seed)  # networks are initialised, and methods draw, from torch's own generator
        method = run.method(trunk, tuple(run.task.blocks), run.settings).to(run.device)
        if run.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(run.device)
        with stages.stage("train", f"training {run.label}, seed {run.seed}") as report:
            training = train(method, run.task, generator.space, data.roles["train"], run.preset, run.seed, report)
    peak = torch.cuda.max_memory_allocated() if run.device.type == "cuda" else None
    method.eval()
    with stages.stage("embed", "embedding probe and test clips"), torch.no_grad():
        embeddings: dict[Role, dict[str, Tensor]] = {
            role: embed(method, data.roles[role].features) for role in ("probe", "test")
        }
        fidelity = reconstruction(method, embeddings["test"], data.roles["test"].features)
    with stages.stage("score", "scoring: probing every factor in every block") as report:
        scores = _scores(run, generator, data, embeddings, report) + fidelity
    return Outcome(method, generator, front_end, data, training, embeddings, scores, peak)


def embed(method: Method, inputs: Tensor) -> dict[str, Tensor]:
    """Blocks of every clip, float32 [clip, dimension].

    Raises ContractError where a block is missing, of a wrong shape or not finite.
    """
    parts = [method.embed(batch) for batch in inputs.split(EMBED_BATCH)]
    expected = set(method.blocks)
    for batch, blocks in zip(inputs.split(EMBED_BATCH), parts, strict=True):
        if set(blocks) != expected:
            raise ContractError(f"embed must return the blocks {sorted(expected)}; it returned {sorted(blocks)}")
        for name, codes in blocks.items():
            if codes.ndim != 2 or len(codes) != len(batch):
                raise ContractError(f"block '{name}' must be [{len(batch)}, dimension]; got {list(codes.shape)}")
            if codes.shape[1] > WIDEST:
                raise ContractError(f"block '{name}' is {codes.shape[1]} wide; at most {WIDEST} can be ranked")
            if not torch.isfinite(codes).all():
                raise ContractError(f"block '{name}' holds NaN or infinite codes; embed must return finite ones")
    return {name: torch.cat([blocks[name].float() for blocks in parts]) for name in method.blocks}


def reconstruction(method: Method, blocks: dict[str, Tensor], inputs: Tensor) -> list[results.Score]:
    """R2 of the method's own decoder on test clips; nothing for a method that has none."""
    decoded = method.decode(blocks)
    if decoded is None:
        return []
    if decoded.shape != inputs.shape:
        raise ContractError(f"decode must return {list(inputs.shape)} for these blocks; got {list(decoded.shape)}")
    value = r2(decoded.float().cpu().numpy(), inputs.cpu().numpy())
    return [results.Score(metric="reconstruction_r2", value=value)]


def _scores(
    run: Run,
    generator: Generator,
    data: features.Features,
    embeddings: dict[Role, dict[str, Tensor]],
    report: Report,
) -> list[results.Score]:
    probe, test = (
        Codes(data.roles[role].levels, {name: codes.cpu().numpy() for name, codes in embeddings[role].items()})
        for role in ("probe", "test")
    )
    space = generator.space
    blocks = {name: tuple(f for f in space.names if f in owned) for name, owned in run.task.blocks.items()}
    rows = score(blocks, space.names, space.n_levels, probe, test, seed=0, device=str(run.device), progress=report)
    return [
        results.Score(metric=row.metric, block=row.block, factor=row.factor, value=float(np.float64(row.value)))
        for row in rows
    ]


def result_of(run: Run, outcome: Outcome, stages: Stages, started: float) -> results.Result:
    """The record of a finished run. started: `time.perf_counter()` at the start of the command."""
    training, space = outcome.training, outcome.generator.space
    return results.Result(
        benchmark_version=BENCHMARK_VERSION,
        preset=run.preset.name,
        task=run.task.name,
        task_version=run.task.version,
        space_version=outcome.generator.version,
        method=run.label,
        family=run.method.family,
        blocks={name: [f for f in space.names if f in owned] for name, owned in run.task.blocks.items()},
        settings=run.settings.model_dump(),
        seed=run.seed,
        source_hash=run.source_hash,
        environment=environment(run.device),
        cost=results.Cost(
            seconds={name: round(seconds, 3) for name, seconds in stages.seconds.items()},
            total_seconds=round(time.perf_counter() - started, 3),
            clips_per_second=training.clips / training.seconds if training.clips else 0.0,
            wait_share=training.waiting / training.seconds if training.clips else 0.0,
            device_idle_share=None,
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if _is_mac() else KIB),
            peak_device_memory_bytes=outcome.training_peak_bytes,
            parameters=training.parameters,
        ),
        scores=outcome.scores,
    )


def environment(device: torch.device) -> results.Environment:
    """What a run ran on."""
    gpu = device.type == "cuda"
    return results.Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        torch=torch.__version__,
        torchaudio=version("torchaudio"),
        numpy=np.__version__,
        scikit_learn=version("scikit-learn"),
        dtones=version("dtones"),
        commit=_commit(),
        device=torch.cuda.get_device_name(device) if gpu else f"CPU, {os.cpu_count()} cores ({_processor()})",
        threads=torch.get_num_threads(),
    )


def _processor() -> str:
    """The processor's human name."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """The checkout's commit, with a plus where files differ from it; None outside a git checkout and without git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"]
    if shutil.which(command[0]) is None:
        return None
    described = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or None if described.returncode == 0 else None


def _is_mac() -> bool:
    return sys.platform == "darwin"  # where ru_maxrss counts bytes, not KiB
