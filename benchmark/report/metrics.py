"""What the report calls each number of a method, and in which order they can be chosen as an axis."""

from statistics import median

from benchmark.board import Row
from benchmark.markdown import interval
from benchmark.metrics import table
from benchmark.statistics import mean_interval

# (metric, block): title. Higher is better, but for what COSTS names.
TITLES: dict[tuple[str, str | None], str] = {
    (table.PRESERVATION, None): "P, preservation",
    (table.DISENTANGLEMENT, None): "D, disentanglement",
    (table.BALANCE, None): "B, balance",
    (table.RECONSTRUCTION_R2, None): "reconstruction R²",
    (table.STANDARD_DECODER_R2, None): "standard decoder R²",
    (table.SWAP_FIDELITY, None): "swap fidelity",
    (table.SWAP_RELATIVE, None): "swap fidelity, relative",
    (table.DCI_DISENTANGLEMENT, table.ALL): "DCI disentanglement",
    (table.DCI_COMPLETENESS, table.ALL): "DCI completeness",
    (table.DCI_INFORMATIVENESS, table.ALL): "DCI informativeness",
    (table.MIG, table.ALL): "MIG",
    (table.SAP, table.ALL): "SAP",
    (table.MODULARITY, table.ALL): "modularity",
    (table.EXPLICITNESS, table.ALL): "explicitness",
    (table.INFOM, table.ALL): "InfoM",
    (table.INFOC, table.ALL): "InfoC",
    (table.INFOE, table.ALL): "InfoE",
}
SECONDS, PARAMETERS = "seconds", "parameters"
COSTS = {SECONDS: "seconds, median (lower is better)", PARAMETERS: "trained parameters (lower is better)"}
# Those of the table; what is between 0 and 1 and of which each seed has one.
IN_TABLE = {
    "P": table.PRESERVATION,
    "D": table.DISENTANGLEMENT,
    "B": table.BALANCE,
    "reconstruction R²": table.RECONSTRUCTION_R2,
    "swap fidelity": table.SWAP_FIDELITY,
}


def axes() -> dict[str, str]:
    """{metric: title} of all that can be an axis."""
    return {metric: title for (metric, _), title in TITLES.items()} | COSTS


def points(row: Row) -> dict[str, list[float | None]]:
    """{metric: [mean over seeds, half of its 95 % interval (None: unknown)]} of all that a method has."""
    found: dict[str, list[float | None]] = {}
    for metric, block in TITLES:
        values = row.values(metric, block)
        if values:
            mean, half = mean_interval(values)
            found[metric] = [rounded(mean), None if half is None else rounded(half)]
    found[SECONDS] = [round(seconds(row), 1), None]
    found[PARAMETERS] = [row.results[0].cost.parameters, None]
    return found


def cells(row: Row) -> list[dict[str, object]]:
    """The numbers of a row of the table: what is shown, and what it is sorted by (None: a dash)."""
    shown: list[dict[str, object]] = []
    for metric in IN_TABLE.values():
        values = row.values(metric)
        shown.append({"text": interval(values), "sort": mean_interval(values)[0] if values else None})
    return shown


def seconds(row: Row) -> float:
    """Median over seeds of a run's wall clock, seconds."""
    return median(run.cost.total_seconds for run in row.results)


def rounded(value: float) -> float:
    """Four decimals: more than an eye or a screen can tell."""
    return round(value, 4) + 0.0
