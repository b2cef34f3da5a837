"""One thread for numerical libraries: many small products are faster so, and the same to the last digit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    """Numerical libraries use one thread inside, and as many as before after it."""
    # Several threads wait for each other after every small product; beside another busy process that costs twentyfold.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
