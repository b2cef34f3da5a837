"""Leakage: bits of a factor that can be read from the blocks that do not own it.

    leakage_f = I(f; all blocks but its own) H(f) / ln 2

with I and H (nats) from `information.py`. In bits, from 0 to the factor's entropy (3 for eight even levels). 0, which
is also chance: no probe reads anything of the factor outside its place. H(f): the factor can be read there in full.
Bits add and compare across factors where shares do not: half of a rhythm (1.5 bits) is more than half of a loudness.

It says nothing of whether the factor is in its own place at all (a constant code leaks nothing: read with `gap`), and
it is a lower bound, as usable information is: a keyed copy that no probe reads is no leak here.
Cost: none beyond the table of usable information.
"""

import math
from collections.abc import Collection, Mapping

from benchmark.metrics.table import rest_of


def leakage(
    information: Mapping[str, Mapping[str, float]],
    blocks: Mapping[str, Collection[str]],
    entropies: Mapping[str, float],
) -> dict[str, dict[str, float]]:
    """Bits of each owned factor outside its block: block -> factor it owns -> bits.

    information: input -> factor -> I(f; input) in [0, 1], as `balance` takes it.
    blocks: block -> the factors that belong in it; at least two blocks. entropies: factor -> H(f) in nats.
    Raises ValueError for fewer than two blocks or a factor that is not in the table.
    """
    if len(blocks) < 2:
        raise ValueError(f"blocks {sorted(blocks)}: leakage needs a block for a factor to leak into")
    bits: dict[str, dict[str, float]] = {}
    for block, factors in blocks.items():
        rest = rest_of(block, blocks)
        missing = [f for f in sorted(factors) if f not in information.get(rest, {}) or f not in entropies]
        if missing:
            raise ValueError(f"no information on factor '{missing[0]}' from '{rest}', or no entropy; probe it first")
        bits[block] = {f: information[rest][f] * entropies[f] / math.log(2) for f in sorted(factors)}
    return bits
