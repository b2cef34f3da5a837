"""The C library's heap, told to keep what is freed: training asks for the same large blocks at every step."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 1 << 30


@cache
def keep_freed_memory() -> None:
    """Once a process, where the library is glibc: blocks under a GiB are not given back to the system when freed.

    Given back, each is faulted in again, page by page, at the next step: some 4,000 faults and a quarter of the
    processor time of a small training step. Decides no result; the most resident memory stays as it is.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        libc.mallopt(parameter, KEPT_BYTES)
