"""What a run leaves beside its result: pictures, the losses step by step, embeddings, a few swaps as numbers."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.contract import Method
from benchmark import plots
from benchmark.decoding import decoded, rows_at
from benchmark.embedding import embed
from benchmark.execution import JUDGED, Outcome, Run
from benchmark.features import Clips, Features, Prepared
from benchmark.metrics.table import SWAP_FIDELITY, Score
from benchmark.results import Result, ResultError
from benchmark.score import Codes
from benchmark.storage import Place, write_whole
from benchmark.swap_examples import FILE, SwapExamples
from generators.factors import FactorSpace, Levels
from generators.splits import Role

SWAPS = 3
HEAT_MAP = "information.png"


def keep(run: Run, outcome: Outcome, scores: Sequence[Score], place: Place) -> None:
    """Write the artefacts of a run into its folder, in the place of earlier ones: on a disk all of them or none.

    scores: of the run, all of them. Raises ResultError, in one line, where they cannot be written: a full disk, most
    likely.
    """
    _put(place, lambda folder: _write(run, outcome, scores, folder))


def carry(result: Result, source: Place, place: Place) -> None:
    """Write the artefacts of a result that was scored anew: those in the folder `source`, with a new heat map.

    Raises ResultError where they cannot be read or written.
    """

    def write(folder: Path) -> None:
        for path in source.iterdir():
            if path.name != HEAT_MAP:
                (folder / path.name).write_bytes(path.read_bytes())
        scores = [Score(one.metric, one.block, one.factor, one.value) for one in result.scores]
        _heat_map(scores, result.blocks, _title(result.method, result), folder / HEAT_MAP)

    _put(place, write)


def _put(place: Place, write: Callable[[Path], None]) -> None:
    try:
        if isinstance(place, Path):
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as temporary:
                new, old = Path(temporary, "new"), Path(temporary, "old")
                new.mkdir()
                write(new)
                if place.exists():
                    place.rename(old)
                new.rename(place)
        else:
            _upload(place, write)
    except OSError as error:
        raise ResultError(f"cannot write {place} ({error.strerror or error}); nothing was stored") from error


def _upload(place: Place, write: Callable[[Path], None]) -> None:
    """Put files where nothing can be renamed: file by file, then those of earlier that are no more go."""
    with tempfile.TemporaryDirectory() as temporary:
        write(Path(temporary))
        new = {path.name: path.read_bytes() for path in Path(temporary).iterdir()}
    for name, content in new.items():
        write_whole(place / name, content)
    for path in place.iterdir():
        if path.name not in new:
            path.unlink()


def kept(folder: Place, space: FactorSpace) -> dict[Role, Codes] | None:
    """Probe and test embeddings of a run, as they were scored: float32; None where none are kept.

    Raises ResultError for files that are damaged, or whose levels are not of the space.
    """
    paths = {role: folder / f"{role}.npz" for role in JUDGED}
    if not all(path.is_file() for path in paths.values()):
        return None
    return {role: _read(path, space) for role, path in paths.items()}


def _read(path: Place, space: FactorSpace) -> Codes:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            blocks = {name: arrays[name].astype(np.float32) for name in arrays if name != "levels"}
            return Codes(space.check(arrays["levels"]), blocks)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ResultError(f"{path}: no embeddings that can be scored ({' '.join(str(error).split())})") from None


def _write(run: Run, outcome: Outcome, scores: Sequence[Score], folder: Path) -> None:
    _losses(outcome.training.history, folder / "losses.csv")
    data, space = outcome.prepared.data, outcome.prepared.space
    for role, blocks in outcome.embeddings.items():
        # In float32, as they are scored: float16 ends at 65,504, and loses a code that is small beside its mean.
        codes = {name: values.cpu().numpy() for name, values in blocks.items()}
        np.savez_compressed(folder / f"{role}.npz", levels=data.roles[role].levels, **codes)  # type: ignore[arg-type]
    owners = {block: [name for name in space.names if name in owned] for block, owned in run.task.blocks.items()}
    _heat_map(scores, owners, _title(run.label, run), folder / HEAT_MAP)
    if outcome.method is not None and any(score.metric == SWAP_FIDELITY for score in scores):
        _swaps(run, outcome.prepared, outcome.method, folder / "swap.png")


def _losses(history: list[dict[str, float]], path: Path) -> None:
    if not history:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        # A term that a step did not log is left empty.
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in history for name in row)))
        writer.writeheader()
        writer.writerows(history)


def _heat_map(scores: Sequence[Score], owners: Mapping[str, list[str]], title: str, path: Path) -> None:
    """owners: block -> its factors, those of all blocks together being all that is drawn."""
    information = {
        (score.block, score.factor): score.value
        for score in scores
        if score.metric == "information" and score.block and score.factor
    }
    plots.heat_map(information, owners, title, path)


def _title(label: str, run: Run | Result) -> str:
    task, preset = (run.task.name, run.preset.name) if isinstance(run, Run) else (run.task, run.preset)
    return f"{label} on {task}, {preset}, seed {run.seed}: where each factor is found"


@torch.no_grad()
def _swaps(run: Run, prepared: Prepared, method: Method, path: Path) -> None:
    """All of one test clip but a shared block, that of another, beside the exactly rendered target of the mixture."""
    space, data, clips = prepared.space, prepared.data, prepared.data.roles["test"]
    block, swaps = next(iter(prepared.swaps.items()))
    a, b = swaps.a[:SWAPS], swaps.b[:SWAPS]
    target = data.decibels(swaps.target[:SWAPS])
    inputs_a, inputs_b = rows_at(clips.features, a), rows_at(clips.features, b)
    code_a, code_b = embed(method, inputs_a), embed(method, inputs_b)
    own, swap = (_decibels(data, method, code, inputs_a) for code in (code_a, code_a | {block: code_b[block]}))
    examples = [
        plots.SwapExample(
            input_a=_image(data.decibels(inputs_a[i])),
            input_b=_image(data.decibels(inputs_b[i])),
            reconstruction_a=_image(own[i]),
            swap=_image(swap[i]),
            target=_image(target[i]),
            factors_a=_described(space, clips.levels[a[i]]),
            factors_b=_described(space, clips.levels[b[i]]),
            shared=run.task.blocks[block],
        )
        for i in range(SWAPS)
    ]
    _examples(run, space, clips, a, b, own, swap, block).write(path.with_name(FILE))
    plots.swap_figure(examples, prepared.centres_hz, prepared.front_end.frame_s, path)


def _examples(
    run: Run, space: FactorSpace, clips: Clips, a: Levels, b: Levels, own: Tensor, swap: Tensor, block: str
) -> SwapExamples:
    """What of a picture of swaps cannot be made without the method. own, swap: decibels, [example, frame, mel]."""
    mixed = clips.levels[a].copy()
    for name in run.task.blocks[block]:
        mixed[:, space.column(name)] = clips.levels[b, space.column(name)]
    seeds = clips.seeds[a], clips.seeds[b], clips.seeds[a]
    features = own.cpu().numpy(), swap.cpu().numpy()
    return SwapExamples(block, clips.levels[a], clips.levels[b], mixed, *seeds, *features)


def _decibels(data: Features, method: Method, blocks: dict[str, Tensor], inputs: Tensor) -> Tensor:
    features = decoded(method, blocks, inputs)
    if features is None:
        raise TypeError(f"{type(method).__name__}.decode returned None after it had returned features")
    return data.decibels(features)


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
