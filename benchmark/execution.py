"""One run, as a function of what decides it: features, training, embeddings, and what decoders make of them.

Nothing of how runs are chosen, spread over machines, scored, stored or shown is in here, so that a change to any of
that leaves the hash of this file, and of all that it imports, as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

import generators
from baselines import registry
from baselines.contract import ONE_BLOCK, CommonSettings, Method
from baselines.encoders import Foreign
from baselines.frontend import FrontEndSettings
from baselines.networks import Trunk
from benchmark import learners
from benchmark.decoding import by_decoders
from benchmark.embedding import embed_together
from benchmark.features import Clips, Prepared
from benchmark.hearing import heard
from benchmark.keeping import Keeper
from benchmark.metrics.table import Score
from benchmark.oracles import Oracle
from benchmark.precision import Precision
from benchmark.source import ROOT, source_hash
from benchmark.tasks import Preset, Task
from benchmark.train import Progress, Tell, Training, train
from generators.factors import FactorSpace
from generators.splits import Role

JUDGED: tuple[Role, ...] = ("probe", "test")


class Stages(Protocol):
    """What times the stages of a run, and tells of the one under way."""

    def stage(self, name: str, what: str) -> AbstractContextManager[Progress]:
        """Time a stage under `name`; gives the function to report (done, of how many) to."""


@dataclass(frozen=True)
class Run:
    """What decides embeddings.

    label: the method's name, and its settings where they were set. method: a class of methods; or an encoder, with a
    known answer or of somebody else's, which has no settings. source: its file.
    """

    task: Task
    preset: Preset
    label: str
    method: type[Method] | Oracle | Foreign
    source: Path
    settings: CommonSettings | None
    seed: int
    device: torch.device


def hashed(method: Path, task: Task) -> str:
    """Hash of a method's file, of the task's space and of everything of the project that decides embeddings."""
    space = ROOT.joinpath(*generators.SPACES[task.space][0].split(".")).with_suffix(".py")
    return source_hash(method, space, ROOT / "benchmark" / "execution.py")


@dataclass(frozen=True)
class Outcome:
    """What was learnt, and from what. embeddings: blocks of probe and test clips, float32 on the run's device.

    method: None for an encoder, which learns nothing here. scores: those that take the clips' features.
    """

    method: Method | None
    prepared: Prepared
    training: Training
    embeddings: dict[Role, dict[str, Tensor]]
    scores: list[Score]
    training_peak_bytes: int | None


def build(run: Run, shape: FrontEndSettings) -> Method | None:
    """A new network of the run's method, from its seed; None for an encoder. Raises ValueError as `registry.built`."""
    if isinstance(run.method, Oracle | Foreign) or run.settings is None:
        return None
    trunk = Trunk(shape.n_frames, shape.n_mels, run.preset.width, run.preset.depth)
    torch.manual_seed(run.seed)  # networks are initialised, and methods draw, from torch's own generator
    blocks = (ONE_BLOCK,) if run.method.one_block else tuple(run.task.blocks)
    return registry.built(run.method, run.source, trunk, blocks, run.settings).to(run.device)


def check_builds(runs: list[Run], shape: FrontEndSettings) -> None:
    """Raise ValueError where a method of these cannot be built, before any sound is made."""
    with torch.random.fork_rng(_cuda(runs[0].device)):
        for run in {run.label: run for run in runs}.values():
            build(run, shape)


def execute(
    run: Run,
    prepared: Prepared,
    stages: Stages,
    precision: Precision = "auto",
    checkpoints: Keeper | None = None,
    tell: Tell = print,
) -> Outcome:
    """Train and embed one run. The same run on the same CPU gives the same embeddings, to the last digit.

    precision: of matrix products in training. checkpoints: where a training that is killed goes on from. tell:
    what to do with a line of early word.
    """
    space, data = prepared.space, prepared.data
    with torch.random.fork_rng(_cuda(run.device)):
        method = build(run, prepared.front_end)
        training, peak = Training(), None
        if method is not None:
            training, peak = _trained(run, method, prepared, stages, precision, checkpoints, tell)
    with stages.stage("embed", "embedding probe and test clips") as report, torch.no_grad():
        embeddings = _embedded(run, method, {role: data.roles[role] for role in JUDGED}, space, report, tell)
    with stages.stage("decode", "decoding: reconstruction, swaps, the standard decoder"), torch.no_grad():
        scores = by_decoders(method, prepared, embeddings)
    return Outcome(method, prepared, training, embeddings, scores, peak)


def _trained(
    run: Run,
    method: Method,
    prepared: Prepared,
    stages: Stages,
    precision: Precision,
    checkpoints: Keeper | None,
    tell: Tell,
) -> tuple[Training, int | None]:
    """Train a method in place. Returns the log and the most bytes of the device that it took, None on the CPU."""
    clips = prepared.data.roles["train"]
    if run.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(run.device)
    with stages.stage("train", f"training {run.label}, seed {run.seed}") as report:
        training = train(
            method,
            run.task,
            prepared.space,
            clips,
            run.preset,
            run.seed,
            report,
            precision=precision,
            checkpoints=checkpoints,
            labelled=learners.is_one(run.source),
            tell=tell,
        )
    method.eval()
    return training, torch.cuda.max_memory_allocated(run.device) if run.device.type == "cuda" else None


def _embedded(
    run: Run, method: Method | None, clips: Mapping[Role, Clips], space: FactorSpace, report: Progress, tell: Tell
) -> dict[Role, dict[str, Tensor]]:
    """Blocks of the clips, role by role."""
    if method is not None:
        return embed_together(method, {role: one.features for role, one in clips.items()}, run.seed)
    if isinstance(run.method, Foreign):
        return heard(run.method, run.task.space, tuple(run.task.blocks), clips, run.seed, run.device, report, tell)
    if not isinstance(run.method, Oracle):
        raise TypeError(f"{run.label} is neither a method nor an encoder")
    found = {}
    for role, one in clips.items():
        codes = run.method(one.levels, space.names, space.n_levels, run.task.blocks, run.seed)
        found[role] = {name: torch.from_numpy(values).to(run.device) for name, values in codes.items()}
    return found


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
