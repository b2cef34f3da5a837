"""Checkpoints of a training that may be killed at any time and goes on to the same numbers.

`holdings`: what training holds, and what of it has changed. `packing`, `unpacking`: one object as JSON and tensors, and
back. `state`: all that is held, taken and put back. `file`: the bytes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.checkpoint.file import UnusableError, decoded, encoded, rows, table
from benchmark.checkpoint.holdings import Holdings
from benchmark.checkpoint.packing import CannotKeepError
from benchmark.checkpoint.state import DoesNotFitError, capture, restore
from benchmark.keeping import Held, Log
from benchmark.storage import Place, write_whole

HISTORY = "/history"  # name of the tensor of what the steps logged; names of what a method holds do not begin so


class Checkpoints:
    """Checkpoints of one training, each in place of the last: one every `every_s` seconds or so, and one at its end.

    place: the file, `checkpoint.safetensors`; its folder is made. identity: the run's; a checkpoint of another is not
    used. tell: takes a line when training goes on from a checkpoint, or when one is not used or not written, and why.
    The file is the caller's to remove, once what came of the training is safe.
    """

    def __init__(self, place: Place, identity: str, every_s: float, tell: Callable[[str], None]) -> None:
        self.place, self.identity, self.every_s, self.tell = place, identity, every_s, tell
        self._holdings: Holdings | None = None
        self._failed = False
        self._last_s = time.monotonic()

    def begin(self, held: Held, conditions: dict[str, Any]) -> Log | None:
        """Note what training holds before its first step, and restore it from the file, if that is there and fits."""
        self._holdings = Holdings(held)
        self._last_s = time.monotonic()
        self._sweep()
        content = self._read()
        if content is None:
            return None
        try:
            state, named = decoded(content, self.identity)
            if state["conditions"] != conditions:
                raise DoesNotFitError(f"it was written under {state['conditions']}, not {conditions}")
            log = Log(state["step"], conditions, state["sums"], rows(state["terms"], named.pop(HISTORY)))
            restore(self._holdings, state["held"], named)
        except (UnusableError, DoesNotFitError) as error:
            self.tell(_line(f"checkpoint {self.place} is not used, training begins anew: {error}"))
            return None
        self.tell(f"training goes on from step {log.step}, by the checkpoint {self.place}")
        return log

    def due(self) -> bool:
        """Whether it is time for the next."""
        return self._holdings is not None and time.monotonic() - self._last_s >= self.every_s

    def write(self, log: Log) -> None:
        """Write one in place of the last. Where that cannot be, say so once; the last stays as it is."""
        if self._holdings is None:
            return
        try:
            content = self._encoded(self._holdings, log)
        except CannotKeepError as error:
            name, self._holdings = type(self._holdings.held.method).__name__, None
            self.tell(
                _line(
                    f"no checkpoints of this training: {name} holds {error} changed since it began and is nothing to "
                    "store: keep it as a buffer (register_buffer), a tensor, a number, or a list of these"
                )
            )
            return
        self._write(content)
        self._last_s = time.monotonic()

    def remove(self) -> None:
        """Remove the file, and what killed processes left of others. Raises OSError."""
        self._sweep()
        self.place.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what processes that were killed while they wrote left on a disk."""
        if isinstance(self.place, Path):
            for left in self.place.parent.glob(f".{self.place.name}.*.tmp"):
                with contextlib.suppress(OSError):  # in a folder that is only to be read it does no harm
                    left.unlink()

    def _encoded(self, holdings: Holdings, log: Log) -> bytes:
        state, named = capture(holdings)
        terms, named[HISTORY] = table(log.history)
        document = {"step": log.step, "conditions": log.conditions, "sums": log.sums, "terms": terms, "held": state}
        return encoded(self.identity, document, named)

    def _read(self) -> bytes | None:
        """The file's content; None where there is none, or, which is told, where it cannot be read."""
        try:
            return self.place.read_bytes()
        except FileNotFoundError:
            return None
        except Exception as error:
            self._refuse(error)
            self.tell(_line(f"checkpoint {self.place} cannot be read, training begins anew: {error}"))
            return None

    def _write(self, content: bytes) -> None:
        try:
            if isinstance(self.place, Path):
                self.place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.place, content)
            self._failed = False
        except Exception as error:
            self._refuse(error)
            if not self._failed:  # a full disk is told of once, not every minute
                self.tell(_line(f"checkpoint {self.place} is not written, training goes on: {error}"))
            self._failed = True

    def _refuse(self, error: Exception) -> None:
        """Raise what is no failure of storage: of a disk's, OSError; of a store's library, anything."""
        if isinstance(self.place, Path) and not isinstance(error, OSError):
            raise error


def _line(text: str) -> str:
    return " ".join(text.split())
