"""Rows of made-up runs of the study of strategies, and the page of them."""

from benchmark.study import page
from benchmark.study.record import Row
from benchmark.study.strategies import cells
from benchmark.version import BENCHMARK_VERSION

SEEDS = range(5)
NOTHING = (0.90, 0.80, 0.70)  # P, D and B where nothing is done


def row(cell, seed, p, d, b, part="weight"):
    [settings] = [one.written for one in cells() if (one.part, one.name) == (part, cell)] or ["of_earlier=1"]
    run = (seed, p, d, b, d, d, 20.0, "short", BENCHMARK_VERSION, f"{part} {cell} {seed}")
    return Row(part, cell, "combined", settings, "phrases/timbre", *run)


def made(scores, noise=0.001, part="weight"):
    """Rows of a part: cell -> (P, D, B), moved a little by the seed, each cell in its own way."""
    return [
        row(
            cell,
            seed,
            *(value + noise * ((3 * seed + 7 * place + len(cell)) % 5 - 2) for place, value in enumerate(told)),
            part,
        )
        for cell, told in scores.items()
        for seed in SEEDS
    ]


def told(rows, seeds=5):
    return page.page(cells(), rows, seeds=seeds, figure="")
