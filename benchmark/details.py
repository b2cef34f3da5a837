"""Scores beside the ranked ones: from embeddings and factor levels to tidy rows, by block and by dimension.

None of them ranks. Each is explained, with its flaw, in its own module in `benchmark/metrics/`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import table
from benchmark.metrics.dci import dci
from benchmark.metrics.equivariance import equivariance
from benchmark.metrics.explicitness import explicitness
from benchmark.metrics.independence import independence
from benchmark.metrics.infomec import infoc, infoe, infom, normalised_information
from benchmark.metrics.information import entropy
from benchmark.metrics.invariance import invariance
from benchmark.metrics.leakage import leakage
from benchmark.metrics.mig import mig
from benchmark.metrics.modularity import modularity
from benchmark.metrics.mutual_information import entropies, histogram_information
from benchmark.metrics.preservation import above_chance, ordinal_r2
from benchmark.metrics.sap import sap_svm
from benchmark.metrics.table import ALL, Score
from benchmark.metrics.threads import one_thread
from benchmark.score import Codes, Progress

Blocks = Mapping[str, Collection[str]]
Row = tuple[str, str | None, str | None, float]


def details(
    blocks: Blocks,
    factor_names: tuple[str, ...],
    n_levels: tuple[int, ...],
    ordinal: Collection[str],
    probe: Codes,
    test: Codes,
    ranked: Sequence[Score],
    seed: int,
    progress: Progress | None = None,
) -> list[Score]:
    """Every score of one run that does not rank and needs no more than its embeddings.

    blocks, factor_names, n_levels, probe, test, seed: as `score` takes them. ordinal: factors whose levels are ordered.
    ranked: what `score` gave for the same codes. progress: told (parts done, parts in all).
    Rows: `accuracy_above_chance` beside each accuracy; `ordinal_r2`, `equivariance_change` and `equivariance_code` for
    factors, of all blocks; `leakage_bits` for each factor of a block; `invariance` of each block, `cka` and its
    company of the blocks; and the metrics of `table.BY_DIMENSION`, of the whole code, dimensions in the blocks' order.
    Where a block owns no factor, or the code is one single block, nothing is said of blocks.
    """
    columns = [factor_names.index(name) for name in ordinal]
    owned = {block: [factor_names.index(f) for f in factor_names if f in blocks[block]] for block in blocks}
    by_block = set(probe.blocks) == set(blocks) and len(blocks) > 1 and all(owned.values())
    parts = [
        lambda: _above_chance(ranked),
        lambda: _leakage(ranked, blocks, factor_names, test) if by_block else [],
        lambda: _ordinal(probe, test, factor_names, n_levels, columns, seed) if columns else [],
        lambda: _equivariance(probe, test, factor_names, n_levels, columns, seed),
        lambda: _invariance(probe, test, owned) if by_block else [],
        lambda: _independence(test, seed) if by_block else [],
        lambda: _by_dimension(probe, test, seed),
    ]
    rows: list[Row] = []
    with one_thread():
        for done, part in enumerate(parts, start=1):
            rows += part()
            if progress is not None:
                progress(done, len(parts))
    return [Score(*row) for row in rows]


def _above_chance(ranked: Sequence[Score]) -> list[Row]:
    chances = {row.factor: row.value for row in ranked if row.metric == table.CHANCE}
    accuracies = [row for row in ranked if row.metric == table.ACCURACY]
    return [
        (table.ABOVE_CHANCE, row.block, row.factor, above_chance(row.value, chances[row.factor])) for row in accuracies
    ]


def _leakage(ranked: Sequence[Score], blocks: Blocks, factor_names: tuple[str, ...], test: Codes) -> list[Row]:
    information: dict[str, dict[str, float]] = {}
    for row in ranked:
        if row.metric == table.INFORMATION and row.block and row.factor:
            information.setdefault(row.block, {})[row.factor] = row.value
    nats = {name: entropy(test.levels[:, i]) for i, name in enumerate(factor_names)}
    found = leakage(information, blocks, nats)
    return [(table.LEAKAGE, block, f, bits) for block, factors in found.items() for f, bits in factors.items()]


def _ordinal(
    probe: Codes, test: Codes, names: tuple[str, ...], n_levels: tuple[int, ...], columns: list[int], seed: int
) -> list[Row]:
    found = ordinal_r2(probe.blocks, probe.levels, test.blocks, test.levels, n_levels, columns, seed)
    return [(table.ORDINAL_R2, ALL, names[column], value) for column, value in found.items()]


def _equivariance(
    probe: Codes, test: Codes, names: tuple[str, ...], n_levels: tuple[int, ...], columns: list[int], seed: int
) -> list[Row]:
    found = equivariance(probe.blocks, probe.levels, test.blocks, test.levels, n_levels, columns, seed)
    rows: list[Row] = []
    for factor, one in zip(names, found, strict=True):
        rows.append((table.EQUIVARIANCE_CHANGE, ALL, factor, one.change.skill))
        rows.append((table.EQUIVARIANCE_CODE, ALL, factor, one.code.skill))
    return rows


def _invariance(probe: Codes, test: Codes, owned: Mapping[str, list[int]]) -> list[Row]:
    rows: list[Row] = []
    for block, own in owned.items():
        found = invariance(probe.blocks[block], test.blocks[block], test.levels, own)
        rows += [
            (table.INVARIANCE, block, None, found.invariance),
            (table.INVARIANCE_RATIO, block, None, found.ratio),
        ]
    return rows


def _independence(test: Codes, seed: int) -> list[Row]:
    """Of two blocks, once; of more, of each and all others."""
    names = list(test.blocks)
    rows: list[Row] = []
    for block in names if len(names) > 2 else names[:1]:
        others = np.hstack([test.blocks[other] for other in names if other != block])
        found = independence(test.blocks[block], others, seed)
        place = block if len(names) > 2 else None
        rows += [
            (table.CKA, place, None, found.value),
            (table.CKA_BASELINE, place, None, found.baseline),
            (table.CKA_EXCESS, place, None, found.excess),
        ]
    return rows


def _by_dimension(probe: Codes, test: Codes, seed: int) -> list[Row]:
    codes, asked = _joined(probe), _joined(test)
    histogram = histogram_information(asked, test.levels)
    neighbours = normalised_information(asked, test.levels, seed)
    importance = dci(codes, probe.levels, asked, test.levels, seed)
    found = {
        table.DCI_DISENTANGLEMENT: importance.disentanglement,
        table.DCI_COMPLETENESS: importance.completeness,
        table.DCI_INFORMATIVENESS: importance.informativeness,
        table.MIG: mig(histogram, entropies(test.levels)),
        table.SAP: sap_svm(codes, probe.levels, asked, test.levels),
        table.MODULARITY: modularity(histogram),
        table.EXPLICITNESS: explicitness(codes, probe.levels, asked, test.levels),
        table.INFOM: infom(neighbours),
        table.INFOC: infoc(neighbours),
        table.INFOE: infoe(codes, probe.levels, asked, test.levels),
    }
    return [(metric, ALL, None, value) for metric, value in found.items()]


def _joined(codes: Codes) -> NDArray[np.floating]:
    return np.hstack(list(codes.blocks.values()))
