"""The tables of the leaderboard that do not rank: what each block and each dimension holds of each factor."""

from collections.abc import Sequence
from typing import Protocol

from benchmark.markdown import NONE, by_block, mean, table
from benchmark.metrics import table as names

Blocks = dict[str, list[str]]

# Metric, what stands beside it, and what a reader must know.
BY_PROBE: tuple[tuple[str, Sequence[str], str], ...] = (
    (
        names.INFORMATION,
        (names.KEEP, names.GAP),
        "Usable information, 0 (chance) to 1, in each block and in all together; in bold what should be high. *keep* is"
        " what is in all blocks of a block's own factors, *gap* what is in it and nowhere else.\n",
    ),
    (
        names.ACCURACY,
        (),
        "Accuracy of the probe on test clips, likewise; the last row is chance.\n",
    ),
)

ABOUT_BLOCKS = """\
By block and by factor; none of it ranks. *leakage*: bits of a factor outside its own block, low is good. *ordinal R²*:
of the level, from all blocks. *equivariance*: of the factor's change, predicted from two codes, and of the second code,
predicted from the first and the change; 1 is exact, 0 no better than "no change". *invariance* of a block to the
factors of others, 1 is good. *CKA*: likeness of the blocks beyond chance, 0 is good. *decoder R²*: of the features, by
one decoder for all / by the method's own. *swap*: fidelity of decoded swaps, 1 exact, 0 as bad as not swapping.
"""
ABOUT_DIMENSIONS = """\
By dimension; none of it ranks, and a rotation inside a block, which P, D and B do not see, moves all but explicitness,
InfoE and the last of DCI. DCI: disentanglement / completeness / informativeness.
"""


class Values(Protocol):
    """A row of the board: a method's name, and its scores."""

    @property
    def name(self) -> str:
        """The method's name."""

    def values(self, metric: str, block: str | None = None, factor: str | None = None) -> list[float]:
        """The metric at each seed that has it."""


def by_probe(rows: Sequence[Values], blocks: Blocks) -> list[str]:
    """What the probes read: information and accuracy per factor in each block and in all; at the end chance."""
    parts = []
    for metric, beside, about in BY_PROBE:
        if any(row.values(metric, names.ALL, factor) for row in rows for factor in factors_of(blocks)):
            parts += [about, _probe_table(rows, metric, blocks, beside)]
    return parts


def factors_of(blocks: Blocks) -> list[str]:
    """Every factor once, in the order of the blocks."""
    return list(dict.fromkeys(factor for owned in blocks.values() for factor in owned))


def _probe_table(rows: Sequence[Values], metric: str, blocks: Blocks, beside: Sequence[str]) -> str:
    factors = factors_of(blocks)
    owners = {factor: [block for block, owned in blocks.items() if factor in owned] for factor in factors}
    places = [*blocks, names.ALL]
    lines = []
    for row in rows:
        cells = [by_block({block: mean(row.values(name, block)) for block in blocks}) for name in beside]
        for factor in factors:
            means = {place: mean(row.values(metric, place, factor)) for place in places}
            cells.append(by_block(means, owners[factor]))
        lines.append([row.name, *cells])
    if metric == names.ACCURACY:
        chances = {factor: [v for row in rows for v in row.values(names.CHANCE, None, factor)] for factor in factors}
        lines.append(["*chance*", *(mean(chances[factor]) for factor in factors)])
    header = [f"{name}: {' / '.join(blocks)}" for name in beside] + [f"{f}: {' / '.join(places)}" for f in factors]
    return table(["method", *header], lines, left=1)


def by_block_and_factor(rows: Sequence[Values], blocks: Blocks) -> list[str]:
    """Leakage, order, equivariance, invariance, independence and decoders; nothing where none was measured."""
    factors = factors_of(blocks)
    owner = {factor: block for block, owned in blocks.items() for factor in owned}

    def cells(row: Values) -> list[str]:
        change, code = names.EQUIVARIANCE_CHANGE, names.EQUIVARIANCE_CODE
        return [
            by_block({f: mean(row.values(names.LEAKAGE, owner[f], f)) for f in factors}),
            by_block({f: mean(row.values(names.ORDINAL_R2, names.ALL, f)) for f in ordered}),
            by_block({f: mean(row.values(change, names.ALL, f)) for f in factors}),
            by_block({f: mean(row.values(code, names.ALL, f)) for f in factors}),
            by_block({block: mean(row.values(names.INVARIANCE, block)) for block in blocks}),
            by_block({place or "": mean(row.values(names.CKA_EXCESS, place)) for place in apart}),
            by_block({m: mean(row.values(m)) for m in (names.STANDARD_DECODER_R2, names.RECONSTRUCTION_R2)}),
            by_block({place or "": mean(row.values(names.SWAP_FIDELITY, place)) for place in swapped}),
        ]

    ordered = [f for f in factors if any(row.values(names.ORDINAL_R2, names.ALL, f) for row in rows)]
    apart = _places(rows, names.CKA_EXCESS, blocks)
    swapped = _places(rows, names.SWAP_FIDELITY, blocks)
    each = " / ".join(factors)
    header = [
        f"leakage in bits: {each}",
        f"ordinal R²: {' / '.join(ordered)}" if ordered else "ordinal R²",
        f"equivariance, change: {each}",
        f"equivariance, code: {each}",
        f"invariance: {' / '.join(blocks)}",
        "CKA",
        "decoder R²: standard / own",
        "swap",
    ]
    return _told(ABOUT_BLOCKS, header, rows, [cells(row) for row in rows], names.EQUIVARIANCE_CHANGE, factors)


def _places(rows: Sequence[Values], metric: str, blocks: Blocks) -> list[str | None]:
    """Where a metric of blocks stands: for each block, or once for both."""
    found = [block for block in blocks if any(row.values(metric, block) for row in rows)]
    return list(found) or [None]


def by_dimension(rows: Sequence[Values], blocks: Blocks) -> list[str]:
    """DCI, MIG and the others; nothing where none was measured."""
    dci = (names.DCI_DISENTANGLEMENT, names.DCI_COMPLETENESS, names.DCI_INFORMATIVENESS)
    info = (names.INFOM, names.INFOC, names.INFOE)
    single = {"MIG": names.MIG, "SAP": names.SAP, "modularity": names.MODULARITY, "explicitness": names.EXPLICITNESS}
    lines = [
        [
            by_block({metric: mean(row.values(metric, names.ALL)) for metric in dci}),
            *(mean(row.values(metric, names.ALL)) for metric in single.values()),
            by_block({metric: mean(row.values(metric, names.ALL)) for metric in info}),
        ]
        for row in rows
    ]
    return _told(ABOUT_DIMENSIONS, ["DCI", *single, "InfoM / InfoC / InfoE"], rows, lines, names.MIG, [None])


def _told(
    about: str,
    header: list[str],
    rows: Sequence[Values],
    lines: list[list[str]],
    metric: str,
    factors: Sequence[str | None],
) -> list[str]:
    """About and table, if any row has the metric, without columns that are all dashes."""
    if not any(row.values(metric, names.ALL, factor) for row in rows for factor in factors):
        return []
    shown = [i for i in range(len(header)) if any(line[i] != NONE for line in lines)]
    cells = [[row.name, *(line[i] for i in shown)] for row, line in zip(rows, lines, strict=True)]
    return [about, table(["method", *(header[i] for i in shown)], cells, left=1)]
