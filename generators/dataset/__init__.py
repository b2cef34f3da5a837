"""A space's clips as files, for everybody's code: `python -m generators.dataset export`; `read` takes them back in.

from generators.dataset import decode, read

for clips in read("phrases", "train"):  # a batch at a time
    clips.audio, clips.levels  # float32 [clip, sample], int64 [clip, factor]
"""

from __future__ import annotations

from generators.dataset.reading import Clips, read
from generators.dataset.rendering import decode

__all__ = ["Clips", "decode", "read"]
