"""Every score that takes embeddings and levels alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from benchmark.details import details
from benchmark.metrics.table import Score
from benchmark.score import Codes, score
from benchmark.source import ROOT, source_hash
from benchmark.tasks import Task
from generators.factors import FactorSpace

Report = Callable[[int, int], None]


def scores_of(
    task: Task, space: FactorSpace, probe: Codes, test: Codes, device: torch.device, report: Report
) -> list[Score]:
    """The ranked scores of one run, then those beside them. report: told (parts done, parts in all)."""
    blocks = {name: tuple(f for f in space.names if f in owned) for name, owned in task.blocks.items()}
    ordinal = [factor.name for factor in space.factors if factor.ordinal]
    ranked = score(blocks, space.names, space.n_levels, probe, test, seed=0, device=str(device), progress=report)
    rows = ranked + details(blocks, space.names, space.n_levels, ordinal, probe, test, ranked, seed=0)
    return [Score(row.metric, row.block, row.factor, float(np.float64(row.value))) for row in rows]


def scoring_hash() -> str:
    """Hash of the code that makes scores of embeddings."""
    return source_hash(ROOT / "benchmark" / "scoring.py")
