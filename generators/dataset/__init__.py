"""A space's clips as files, for everybody's code: `python -m generators.dataset export`; `read` takes them back in.

from generators.dataset import decode, read

for clips in read("phrases", "train"):  # a batch at a time
    clips.audio, clips.levels  # float32 [clip, sample], int64 [clip, factor]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.dataset.reading import Clips, read
    from generators.dataset.rendering import decode

__all__ = ["Clips", "decode", "read"]


def __getattr__(name: str) -> Any:
    """Import what is asked for then: the command line starts, and obeys Ctrl-C, before numpy is there."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = "rendering" if name == "decode" else "reading"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
