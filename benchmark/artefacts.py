"""What a run leaves beside its result: two pictures, the losses step by step, and the embeddings."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark import plots
from benchmark.engines import Outcome, Run, embed
from benchmark.features import Clips
from generators.factors import FactorSpace, Levels

SWAPS = 3


def keep(run: Run, outcome: Outcome) -> None:
    """Write the artefacts of a run into its folder, in the place of earlier ones: all of them or none."""
    place = run.artefacts
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        new.mkdir()
        _write(run, outcome, new)
        if place.exists():
            place.rename(old)
        new.rename(place)


def _write(run: Run, outcome: Outcome, folder: Path) -> None:
    _losses(outcome.training.history, folder / "losses.csv")
    for role, blocks in outcome.embeddings.items():
        codes = {name: values.cpu().numpy().astype(np.float16) for name, values in blocks.items()}
        np.savez_compressed(folder / f"{role}.npz", levels=outcome.features.roles[role].levels, **codes)  # type: ignore[arg-type]
    _heat_map(run, outcome, folder / "information.png")
    if outcome.method.decode({name: codes[:1] for name, codes in outcome.embeddings["test"].items()}) is not None:
        _swaps(run, outcome, folder / "swap.png")


def _losses(history: list[dict[str, float]], path: Path) -> None:
    if not history:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def _heat_map(run: Run, outcome: Outcome, path: Path) -> None:
    information = {
        (score.block, score.factor): score.value
        for score in outcome.scores
        if score.metric == "information" and score.block and score.factor
    }
    names = outcome.generator.space.names
    owners = {block: [name for name in names if name in owned] for block, owned in run.task.blocks.items()}
    title = f"{run.label} on {run.task.name}, {run.preset.name}, seed {run.seed}: where each factor is found"
    plots.heat_map(information, owners, title, path)


@torch.no_grad()
def _swaps(run: Run, outcome: Outcome, path: Path) -> None:
    """Private of one test clip, shared of another, beside the exactly rendered target of the mixture."""
    space, clips = outcome.generator.space, outcome.features.roles["test"]
    a, b = _examples(space, clips, run.task.blocks["shared"])
    mixed = clips.levels[a].copy()
    for name in run.task.blocks["shared"]:
        mixed[:, space.column(name)] = clips.levels[b][:, space.column(name)]
    target = outcome.front_end(outcome.generator.render(mixed, clips.seeds[a]))  # nuisances are those of a
    rows_a, rows_b = (torch.from_numpy(rows).to(clips.features.device) for rows in (a, b))
    code_a, code_b = (embed(outcome.method, clips.features[rows]) for rows in (rows_a, rows_b))
    own = _decoded(outcome, code_a)
    swap = _decoded(outcome, code_a | {"shared": code_b["shared"]})
    features = outcome.features
    examples = [
        plots.SwapExample(
            input_a=_image(features.decibels(clips.features[rows_a[i]])),
            input_b=_image(features.decibels(clips.features[rows_b[i]])),
            reconstruction_a=_image(own[i]),
            swap=_image(swap[i]),
            target=_image(target[i]),
            factors_a=_described(space, clips.levels[a[i]]),
            factors_b=_described(space, clips.levels[b[i]]),
            shared=run.task.blocks["shared"],
        )
        for i in range(SWAPS)
    ]
    front_end = outcome.front_end
    plots.swap_figure(examples, front_end.centres_hz().tolist(), front_end.settings.frame_s, path)


def _examples(space: FactorSpace, clips: Clips, shared: frozenset[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of test clips, two for each swap, that differ in every shared factor: the same for every method."""
    columns = [space.column(name) for name in sorted(shared)]
    rng = np.random.default_rng(0)
    pairs: list[tuple[int, int]] = []
    while len(pairs) < SWAPS:
        a, b = (int(row) for row in rng.integers(len(clips.levels), size=2))
        if (clips.levels[a, columns] != clips.levels[b, columns]).all():
            pairs.append((a, b))
    first, second = zip(*pairs, strict=True)
    return np.array(first), np.array(second)


def _decoded(outcome: Outcome, blocks: dict[str, Tensor]) -> Tensor:
    decoded = outcome.method.decode(blocks)
    if decoded is None:
        raise TypeError(f"{type(outcome.method).__name__}.decode returned None after it had returned features")
    return outcome.features.decibels(decoded.float())


def _image(frames: Tensor) -> NDArray[np.float32]:
    """[frame, mel] on any device to [mel, frame] in numpy."""
    return frames.T.cpu().numpy()


def _described(space: FactorSpace, levels: Levels) -> dict[str, str]:
    values = space.describe(levels[None])[0]
    units = {factor.name: factor.unit for factor in space.factors}
    return {
        name: f"{value:g} {units[name]}".strip() if isinstance(value, float) else value
        for name, value in values.items()
    }
