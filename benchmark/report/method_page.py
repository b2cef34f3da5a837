"""The page of a method on a task: what was measured of it, and what it made of the sound."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.board import Row
from benchmark.markdown import NONE, number
from benchmark.metrics.table import RECONSTRUCTION_R2
from benchmark.report import kept
from benchmark.report.contents import Table
from benchmark.report.heat import heat_map
from benchmark.report.listening import Listening
from benchmark.report.metrics import IN_TABLE, cells, points, rounded, seconds
from benchmark.report.troubles import troubles
from benchmark.results import Result
from benchmark.storage import Place

EMBEDDED_DIGITS = 1_000  # places are whole thousandths: a fifth of the bytes, less than a pixel


def method_page(
    table: Table, row: Row, spaces: Mapping[str, str], artefacts: Place, listening: Listening | None
) -> dict[str, object]:
    """What `method.html.j2` shows. listening: who makes sound; None where none is wanted."""
    first = row.results[0]
    losses = {run.seed: kept.losses(kept.read(artefacts, run, "losses.csv")) for run in row.results}
    losses = {seed: curves for seed, curves in losses.items() if curves}
    embedded, places = _embedded(row, artefacts)
    decodes = bool(row.values(RECONSTRUCTION_R2))
    return {
        "table": table,
        "row": row,
        "first": first,
        "spaces": spaces,
        "rank": NONE if row.rank is None else str(row.rank),
        "numbers": list(zip(IN_TABLE, cells(row), strict=True)),
        "points": points(row),
        "missing_seeds": table.missing_seeds(row),
        "troubles": [one.text for one in troubles(row, table.blocks)],
        "heat": heat_map(row, table.blocks),
        "by_seed": _by_seed(row),
        "metrics": list(IN_TABLE),
        "settings": dict(sorted(first.settings.items())),
        "details": _details(row),
        "losses": _ends(losses),
        "loss_seeds": list(losses),
        "embedded_seed": embedded,
        "decodes": decodes,
        "heard": listening.of(table, row, artefacts) if listening and decodes else None,
        "data": {
            "name": row.name,
            "seeds": {label: sorted(row.by_seed(metric).items()) for label, metric in IN_TABLE.items()},
            "losses": losses,
            "embedding": places,
            "owned": {block: list(factors) for block, factors in table.blocks.items()},
        },
    }


def _by_seed(row: Row) -> list[tuple[int, list[str]]]:
    values = [row.by_seed(metric) for metric in IN_TABLE.values()]
    return [(run.seed, [number(v[run.seed]) if run.seed in v else NONE for v in values]) for run in row.results]


def _ends(losses: Mapping[int, Mapping[str, list[list[float]]]]) -> list[tuple[str, list[str]]]:
    """Each term of the loss, and its first and last value at each seed."""
    terms = dict.fromkeys(term for curves in losses.values() for term in curves)
    ends = {
        (seed, term): f"{curve[0][1]:.3g} to {curve[-1][1]:.3g}"
        for seed, curves in losses.items()
        for term, curve in curves.items()
    }
    return [(term, [ends.get((seed, term), NONE) for seed in losses]) for term in terms]


def _details(row: Row) -> dict[str, str]:
    """What else is known of the runs, in words."""
    first, environment = row.results[0], row.results[0].environment
    return {
        "trained parameters": f"{first.cost.parameters:,}",
        "seconds, median over seeds": number(seconds(row), 1),
        "clips per second in training": f"{first.cost.clips_per_second:,.0f}",
        "peak memory": f"{max(run.cost.peak_memory_bytes for run in row.results) / 2**30:.2f} GiB",
        "devices": ", ".join(sorted({run.environment.device for run in row.results})),
        "precision": environment.precision or NONE,
        "torch": environment.torch,
        "dTones": environment.dtones,
        "commit": environment.commit or NONE,
        "source hash": first.source_hash,
        "scored by": first.scored_by or NONE,
    }


def _embedded(row: Row, artefacts: Place) -> tuple[int | None, dict[str, object] | None]:
    """The first seed whose embeddings are kept, and their places as whole thousandths."""
    for run in row.results:
        found = kept.embedding(kept.read(artefacts, run, "test.npz"))
        if found is None:
            continue
        names, values, ordinal = _factors(run, found.levels.shape[1])
        blocks = {
            block: {"x": _whole(at[:, 0]), "y": _whole(at[:, 1]), "share": rounded(found.explained[block])}
            for block, at in found.points.items()
        }
        levels = {name: found.levels[:, column].tolist() for column, name in enumerate(names)}
        places: dict[str, object] = {"blocks": blocks, "levels": levels, "values": values, "ordinal": ordinal}
        return run.seed, places
    return None, None


def _whole(places: object) -> list[int]:
    return [round(float(place) * EMBEDDED_DIGITS) for place in places]  # type: ignore[attr-defined]


def _factors(run: Result, count: int) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Names of the columns of levels; of a space that is known, what each level is called, and which have an order."""
    import generators  # loads torch

    name = run.task.partition("/")[0].partition("@")[0]
    if name in generators.SPACES:
        space = generators.space(name)
        if len(space.names) == count:
            texts = {factor.name: [_text(value, factor.unit) for value in factor.values] for factor in space.factors}
            return list(space.names), texts, [factor.name for factor in space.factors if factor.ordinal]
    return [f"factor {number + 1}" for number in range(count)], {}, []


def _text(value: float | str, unit: str) -> str:
    return value if isinstance(value, str) else f"{value:g} {unit}".strip()
