"""Scores of one run: from embeddings and factor levels to tidy rows."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import table
from benchmark.metrics.balance import balance, kept, preservation
from benchmark.metrics.checks import checked_codes
from benchmark.metrics.information import Levels, Reading, chance, mismatch, usable_information
from benchmark.metrics.table import ALL, WIDEST, Score, rest_of

# told (parts done, parts in all)
Progress = Callable[[int, int], None]
# input -> factor -> what was read
Readings = dict[str, dict[str, Reading]]


@dataclass(frozen=True)
class Codes:
    """The embeddings of some clips and the factors that made them.

    levels: int64 [clip, factor]. blocks: name -> finite float [clip, d]. trained: whether these clips trained the
    encoder, as probe clips did where settings are chosen on validation clips.
    """

    levels: NDArray[np.int64]
    blocks: Mapping[str, NDArray[np.floating]]
    trained: bool = False


def score(
    blocks: Mapping[str, Collection[str]],
    factor_names: tuple[str, ...],
    n_levels: tuple[int, ...],
    probe: Codes,
    test: Codes,
    seed: int,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[Score]:
    """Every ranked number of one run, and the tables they come from.

    blocks: block -> the factors that belong in it.
    factor_names, n_levels: by column of the levels.
    probe, test: clips to fit probes on, and clips to read them on.
    seed: of the probes. device: where their torch parts run. progress: told (inputs probed, inputs to probe).
    Rows: `information` and `accuracy` for each factor from each block, from `all`, and, for more than two blocks,
    from `all but <block>`; `chance` for each factor; `keep` and `gap` for each block and for each factor in it;
    `preservation`, `disentanglement`, `balance`. Where a block owns no factor, or the code is one single block, there
    is `keep` and `preservation` alone.
    Raises ValueError when a block is over 128 wide, when names do not fit, for bad codes or levels, and where probe and
    test clips, neither of which trained, are not encoded alike.
    """
    _check(blocks, factor_names, probe, test)
    inputs = _inputs(list(probe.blocks))
    readings: Readings = {}
    for done, (name, parts) in enumerate(inputs.items(), start=1):
        probe_blocks = {part: probe.blocks[part] for part in parts}
        test_blocks = {part: test.blocks[part] for part in parts}
        clips = probe_blocks, probe.levels, test_blocks, test.levels
        known = [list(readings[part].values()) for part in _parts(name, inputs)]
        found = usable_information(*clips, n_levels, seed, device, known)
        readings[name] = dict(zip(factor_names, found, strict=True))
        if not probe.trained:
            _check_alike(name, readings[name], probe.levels, test.levels)
        if progress is not None:
            progress(done, len(inputs))
    _hold_unions(readings, inputs)
    chances = {name: chance(test.levels[:, i]) for i, name in enumerate(factor_names)}
    return _table(readings, chances) + _summary(readings, blocks, set(probe.blocks) == set(blocks))


def _inputs(names: list[str]) -> dict[str, list[str]]:
    """What is probed: input -> the blocks it joins; parts before the unions that contain them."""
    if len(names) == 1:
        return {ALL: names}
    inputs = {name: [name] for name in names}
    if len(names) > 2:
        inputs |= {rest_of(name, names): [other for other in names if other != name] for name in names}
    return inputs | {ALL: names}


def _parts(union: str, inputs: Mapping[str, Collection[str]]) -> list[str]:
    """The inputs that are parts of one."""
    return [part for part, members in inputs.items() if set(members) < set(inputs[union])]


def _check_alike(name: str, readings: Mapping[str, Reading], probe_levels: Levels, test_levels: Levels) -> None:
    for column, (factor, reading) in enumerate(readings.items()):
        said = mismatch(reading.prediction, probe_levels[:, column], test_levels[:, column])
        if said is not None:
            raise ValueError(f"block '{name}', factor '{factor}': {said}")


def _hold_unions(readings: Readings, inputs: Mapping[str, Collection[str]]) -> None:
    """A union tells at least what each part of it tells: its reader could always look at the part alone.

    Its mixture has the parts' among its experts, so that all but sampling's hair is theirs by clips held back.
    """
    for union in inputs:
        for part in _parts(union, inputs):
            for factor, reading in readings[part].items():
                readings[union][factor] = max(readings[union][factor], reading, key=lambda one: one.information)


def _table(readings: Readings, chances: Mapping[str, float]) -> list[Score]:
    rows = []
    for name, by_factor in readings.items():
        for factor, reading in by_factor.items():
            rows.append(Score(table.INFORMATION, name, factor, reading.information))
            rows.append(Score(table.ACCURACY, name, factor, reading.accuracy))
    return rows + [Score(table.CHANCE, None, factor, value) for factor, value in chances.items()]


def _summary(readings: Readings, blocks: Mapping[str, Collection[str]], block_by_block: bool) -> list[Score]:
    information = {name: {f: reading.information for f, reading in row.items()} for name, row in readings.items()}
    keep = kept(information, blocks)
    rows = [Score(table.KEEP, block, None, value) for block, value in keep.items()]
    for block in keep:
        rows += [Score(table.KEEP, block, factor, information[ALL][factor]) for factor in sorted(blocks[block])]
    rows.append(Score(table.PRESERVATION, None, None, preservation(keep)))
    if not block_by_block or len(blocks) < 2 or len(keep) < len(blocks):
        return rows
    whole = balance(information, blocks)
    rows += [Score(table.GAP, block, None, value) for block, value in whole.gap.items()]
    for block, gaps in whole.factor_gap.items():
        rows += [Score(table.GAP, block, factor, value) for factor, value in gaps.items()]
    return [
        *rows,
        Score(table.DISENTANGLEMENT, None, None, whole.disentanglement),
        Score(table.BALANCE, None, None, whole.balance),
    ]


def _check(blocks: Mapping[str, Collection[str]], factor_names: tuple[str, ...], probe: Codes, test: Codes) -> None:
    owned = [factor for factors in blocks.values() for factor in factors]
    if len(owned) != len(set(owned)) or not set(owned) <= set(factor_names):
        raise ValueError(f"blocks own {sorted(owned)}; expected each of {list(factor_names)} at most once")
    names = list(probe.blocks)
    if set(names) != set(test.blocks):
        raise ValueError(
            f"probe clips have blocks {sorted(names)}, test clips {sorted(test.blocks)}; expected the same"
        )
    if len(names) != 1 and set(names) != set(blocks):
        raise ValueError(f"the code has blocks {sorted(names)}; expected {sorted(blocks)}, or one single block")
    reserved = [name for name in names if name.startswith(ALL)] if len(names) > 1 else []
    if reserved:
        raise ValueError(
            f"block '{reserved[0]}': names that begin with '{ALL}' are kept for unions of blocks; rename it"
        )
    for role in (probe, test):
        for name, codes in role.blocks.items():
            width = checked_codes(name, codes, len(role.levels)).shape[1]
            if width > WIDEST:
                raise ValueError(
                    f"block '{name}' is {width} wide and can't be ranked: at most {WIDEST} dimensions a block"
                )
