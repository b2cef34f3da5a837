"""Ctrl-C at a safe moment.

Python may raise it in a callback of a C library, which swallows it and goes on wrongly.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Check = Callable[[], None]


@contextmanager
def held() -> Iterator[Check]:
    """Only note Ctrl-C. Gives what obeys it, to be called where stopping does no harm; the end obeys it, too.

    To obey is to do what the handler does that was there before, which by default raises KeyboardInterrupt. That one is
    back afterwards. In other threads than the main one, where Python raises no Ctrl-C, nothing is done.
    """
    before: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    pressed: list[Any] = []

    def check() -> None:
        if pressed:
            frame = pressed[0]
            pressed.clear()
            before(signal.SIGINT, frame)

    signal.signal(signal.SIGINT, lambda _, frame: pressed.append(frame))
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
    check()
