"""`combined` without false negatives: clips that have in common what the views share are no rivals in the contrast.

With 8 timbres one rival in eight is false. The objective is that of `baselines/methods/combined.py`; its contrast on
the shared block leaves out, of each clip's rivals, those of the same levels of the shared factors. What it gains over
`combined` is what the best treatment of false negatives could. After Chuang et al. 2020, section 5, whose oracle is
this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from baselines.contract import Batch, Family
from baselines.methods.combined import Combined

if TYPE_CHECKING:
    from benchmark.tasks import Task
    from generators.factors import FactorSpace


class Masked(Combined):
    """It is told which clips agree in what the views share."""

    family: ClassVar[Family] = "oracle"

    shared_columns: tuple[int, ...] = ()

    def told(self, task: Task, space: FactorSpace) -> None:
        """Which factors the views share."""
        self.shared_columns = tuple(space.column(name) for name in sorted(task.blocks[self.blocks[0]]))

    def _false_negatives(self, batch: Batch) -> Tensor | None:
        """Bool [clip, clip], the first views, then the second: the same levels of what is shared."""
        levels = batch.levels.transpose(0, 1).flatten(0, 1)[:, list(self.shared_columns)]  # type: ignore[attr-defined]
        return (levels[:, None] == levels[None]).all(-1)
