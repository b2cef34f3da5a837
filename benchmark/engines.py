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
from baselines import registry
from baselines.contract import CommonSettings, Method
from baselines.frontend import FrontEndSettings, LogMel
from baselines.networks import Trunk
from benchmark import features, results
from benchmark.decoding import by_decoders
from benchmark.details import details
from benchmark.embedding import embed
from benchmark.oracles import Oracle
from benchmark.score import Codes, score
from benchmark.source import ROOT, source_hash
from benchmark.stages import Report, Stages
from benchmark.tasks import BENCHMARK_VERSION, Preset, Task
from benchmark.train import Training, train
from generators.factors import FactorSpace
from generators.generator import Generator
from generators.splits import Role

KIB = 1_024
JUDGED: tuple[Role, ...] = ("probe", "test")


@dataclass(frozen=True)
class Run:
    """What decides a result, and where it is stored.

    label: the method's name, and its settings where they were set. method: a class of methods, or an encoder with a
    known answer, which has no settings. source: its file. source_hash: see `hashed`; taken before the run, for files
    may change while it trains.
    """

    task: Task
    preset: Preset
    label: str
    method: type[Method] | Oracle
    source: Path
    source_hash: str
    settings: CommonSettings | None
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
    """A finished run: what was learnt and from what, for the pictures. embeddings: blocks of probe and test clips.

    method: None for an oracle, which learns nothing.
    """

    method: Method | None
    generator: Generator
    front_end: LogMel
    features: features.Features
    training: Training
    embeddings: dict[Role, dict[str, Tensor]]
    scores: list[results.Score]
    training_peak_bytes: int | None


Sound = tuple[Generator, LogMel]
Prepared = tuple[Generator, LogMel, features.Features]


def sound_of(task: Task, device: torch.device, stages: Stages) -> Sound:
    """Build the sound of a task, and the front end that listens to it."""
    with stages.stage("bank", "building the note bank"):
        generator = generators.load(task.space).to(device)
    return generator, LogMel(FrontEndSettings(generator.sample_rate, generator.n_samples)).to(device)


def features_of(sound: Sound, task: Task, preset: Preset, device: torch.device, stages: Stages) -> Prepared:
    """Render the clips of a task and take their features: what all its runs have in common."""
    with stages.stage("features", "rendering clips and taking log-mel features") as report:
        data = features.compute(*sound, preset.clips, device, report, split=task.split, versions=task.versions)
    return *sound, data


def prepare_task(task: Task, preset: Preset, device: torch.device, stages: Stages) -> Prepared:
    """Sound and features of a task."""
    return features_of(sound_of(task, device, stages), task, preset, device, stages)


def build(run: Run, front_end: LogMel) -> Method | None:
    """A new network of the run's method, from its seed; None for an oracle. Raises ValueError as `registry.built`."""
    if isinstance(run.method, Oracle) or run.settings is None:
        return None
    shape = front_end.settings
    trunk = Trunk(shape.n_frames, shape.n_mels, run.preset.width, run.preset.depth)
    torch.manual_seed(run.seed)  # networks are initialised, and methods draw, from torch's own generator
    return registry.built(run.method, run.source, trunk, tuple(run.task.blocks), run.settings).to(run.device)


def check_builds(runs: list[Run], front_end: LogMel) -> None:
    """Raise ValueError where a method of these cannot be built, before anything costly is done."""
    with torch.random.fork_rng(_cuda(runs[0].device)):
        for run in {run.label: run for run in runs}.values():
            build(run, front_end)


def execute(run: Run, prepared: Prepared, stages: Stages) -> Outcome:
    """Train, embed and score one run. The same run on the same CPU gives the same scores, to the last digit."""
    generator, front_end, data = prepared
    with torch.random.fork_rng(_cuda(run.device)):
        method = build(run, front_end)
        training, peak = _trained(run, method, prepared, stages) if method is not None else (Training(), None)
    with stages.stage("embed", "embedding probe and test clips"), torch.no_grad():
        embeddings = {role: _embedded(run, method, data.roles[role], generator.space) for role in JUDGED}
    with stages.stage("score", "scoring: probing every factor in every block") as report:
        probe, test = (Codes(data.roles[role].levels, _arrays(embeddings[role])) for role in JUDGED)
        scores = scores_of(run.task, generator.space, probe, test, run.device, report)
    with stages.stage("decode", "decoding: reconstruction, swaps, the standard decoder"), torch.no_grad():
        scores += by_decoders(run.task, method, prepared, embeddings)
    return Outcome(method, generator, front_end, data, training, embeddings, scores, peak)


def _trained(run: Run, method: Method, prepared: Prepared, stages: Stages) -> tuple[Training, int | None]:
    """Train a method in place. Returns the log and the most bytes of the device that it took, None on the CPU."""
    generator, _, data = prepared
    if run.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(run.device)
    with stages.stage("train", f"training {run.label}, seed {run.seed}") as report:
        training = train(method, run.task, generator.space, data.roles["train"], run.preset, run.seed, report)
    method.eval()
    return training, torch.cuda.max_memory_allocated(run.device) if run.device.type == "cuda" else None


def _embedded(run: Run, method: Method | None, clips: features.Clips, space: FactorSpace) -> dict[str, Tensor]:
    if method is not None:
        return embed(method, clips.features)
    if not isinstance(run.method, Oracle):
        raise TypeError(f"{run.label} is neither a method nor an oracle")
    codes = run.method(clips.levels, space.names, space.n_levels, run.task.blocks, run.seed)
    return {name: torch.from_numpy(values).to(run.device) for name, values in codes.items()}


def _arrays(blocks: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: codes.cpu().numpy() for name, codes in blocks.items()}


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def scores_of(
    task: Task, space: FactorSpace, probe: Codes, test: Codes, device: torch.device, report: Report
) -> list[results.Score]:
    """Every score that takes embeddings and levels alone: the ranked ones, then those beside them."""
    blocks = {name: tuple(f for f in space.names if f in owned) for name, owned in task.blocks.items()}
    ordinal = [factor.name for factor in space.factors if factor.ordinal]
    ranked = score(blocks, space.names, space.n_levels, probe, test, seed=0, device=str(device), progress=report)
    rows = ranked + details(blocks, space.names, space.n_levels, ordinal, probe, test, ranked, seed=0)
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
        settings=run.settings.model_dump() if run.settings is not None else {},
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
