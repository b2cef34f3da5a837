"""A file from a server that may fail in any way: resumed where it was cut, tried again, checked before it is believed.

pooch, which most fetch data by, neither resumes a transfer nor waits as a server asks, and leaves partial files behind
when killed; so transfers are made here, on requests.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3

from generators.dataset.lines import FailedError
from generators.dataset.manifest import Entry

_CHUNK = 1 << 20
_PROGRESS = 1 << 20  # that much further, or by a tenth of what was left, and the count of failures starts anew
_CONNECT_S = 10.0
_LONGEST_PAUSE_S = 60.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be others a little later
_SPOILT = "what came is not what the manifest lists"


@dataclass(frozen=True)
class Patience:
    """How long to go on. retries: after the first try. timeout_s: without a byte. pause_s: before the first retry.

    Pauses double, up to a minute; a server's Retry-After counts instead, up to a minute too.
    """

    retries: int = 5
    timeout_s: float = 30.0
    pause_s: float = 0.5


@dataclass
class Transfer:
    """A file on its way. part: where what has come lies. step: told of bytes. stop: set where others have failed."""

    url: str
    entry: Entry
    part: Path
    patience: Patience
    step: Callable[[int], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Fetch into `part`, whole and with the right hash. Raises FailedError; OSError where the disk refuses."""
        failures, best, spoilt = 0, self._have(), 0
        self.step(best)
        while not self.stop.is_set():
            trouble, pause_s = self._attempt()
            have = self._have()
            if have == self.entry.bytes and trouble is None:
                return
            if trouble == _SPOILT:
                spoilt += 1
                if spoilt == 2:
                    raise self._failure("what came twice is not what the manifest lists: the server's file was changed")
                continue
            if have > best and have - best >= min(_PROGRESS, (self.entry.bytes - best) // 10):
                failures, best = 0, have
            failures += 1
            if failures > self.patience.retries:
                raise self._failure(
                    f"{trouble}; given up after {failures} tries, {have} of {self.entry.bytes} bytes here"
                )
            self.stop.wait(
                min(self.patience.pause_s * 2 ** (failures - 1), _LONGEST_PAUSE_S) if pause_s is None else pause_s
            )

    def _attempt(self) -> tuple[str | None, float | None]:
        """Go on where it was cut. Returns what went wrong, if anything, and a pause that the server asked for."""
        start, digest = self._begin()
        if start == self.entry.bytes:
            self.part.touch()  # a file may be empty
            return self._judge(start, digest), None
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with requests.get(
                self.url, headers=headers, stream=True, timeout=(_CONNECT_S, self.patience.timeout_s)
            ) as response:
                if response.status_code in (200, 206):
                    return self._receive(response, start, digest), None
                return self._refused(response)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.TooManyRedirects) as error:
            raise self._failure(f"the server leads nowhere ({type(error).__name__}: {error})") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            if self._have() == self.entry.bytes:  # the server told a length that was too great
                return self._judge(*self._begin()), None
            return _told(error, self.patience.timeout_s), None

    def _receive(self, response: requests.Response, start: int, digest: hashlib._Hash) -> str | None:
        have = start
        if start and not _continues(response, start):
            self.step(-start)
            have, digest = 0, hashlib.sha256()
        with self.part.open("r+b" if have else "wb") as file:
            file.seek(have)
            # What has come is taken at once: iter_content loses it where the transfer is cut before a chunk is full.
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                if have + len(chunk) > self.entry.bytes:
                    return self._spoil()
                file.write(chunk)
                digest.update(chunk)
                have += len(chunk)
                self.step(len(chunk))
                if self.stop.is_set():
                    break
        return self._judge(have, digest)

    def _judge(self, have: int, digest: hashlib._Hash) -> str | None:
        if have < self.entry.bytes:
            return "the transfer was cut"
        return None if digest.hexdigest() == self.entry.sha256 else self._spoil()

    def _spoil(self) -> str:
        """Begin anew: nothing bad is kept to go on from."""
        self._forget()
        return _SPOILT

    def _forget(self) -> None:
        self.step(-self._have())
        self.part.unlink(missing_ok=True)

    def _refused(self, response: requests.Response) -> tuple[str, float | None]:
        status = f"the server answers {response.status_code} {response.reason}"
        if response.status_code == 416:  # what is here is longer than what is there
            self._forget()
            return status, 0.0
        if response.status_code not in _PASSING:
            raise self._failure(status)
        return status, retry_after(response.headers.get("Retry-After"))

    def _begin(self) -> tuple[int, hashlib._Hash]:
        """How much is here, and its hash so far."""
        digest, have = hashlib.sha256(), self._have()
        if have > self.entry.bytes:
            self._forget()
            return 0, digest
        if have:
            with self.part.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        return have, digest

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _failure(self, cause: str) -> FailedError:
        return FailedError(
            f"{self.entry.path} from {self.url}: {cause}; the same command goes on from what is here, "
            "or ask whoever publishes it"
        )


def fetch_small(url: str, largest: int, patience: Patience) -> bytes:
    """A small file into memory, tried again as files are. Raises FailedError, too, where it is larger than that."""
    trouble = ""
    for failures in range(patience.retries + 1):
        pause_s = patience.pause_s * 2**failures
        try:
            with requests.get(url, stream=True, timeout=(_CONNECT_S, patience.timeout_s)) as response:
                if response.status_code == 200:
                    content = b""
                    for chunk in response.iter_content(_CHUNK):
                        content += chunk
                        if len(content) > largest:
                            raise FailedError(
                                f"{url} is larger than {largest >> 20} MiB; it is no manifest; nothing was written"
                            )
                    return content
                trouble = f"the server answers {response.status_code} {response.reason}"
                if response.status_code not in _PASSING:
                    break
                asked = retry_after(response.headers.get("Retry-After"))
                pause_s = pause_s if asked is None else asked
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            trouble = _told(error, patience.timeout_s)
        if failures < patience.retries:
            time.sleep(min(pause_s, _LONGEST_PAUSE_S))
    raise FailedError(f"{url}: {trouble}; nothing was written; check the address, or try again later")


def retry_after(text: str | None) -> float | None:
    """Seconds that a server asks to wait, told as a number or a date; at most a minute. None where it does not."""
    if text is None:
        return None
    try:
        seconds = float(text) if text.strip().isdecimal() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE_S)


def _continues(response: requests.Response, start: int) -> bool:
    """Whether an answer is what was asked for: the rest. A server may ignore ranges, or give another one."""
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _told(error: Exception, timeout_s: float) -> str:
    text = str(error)
    if "timed out" in text.lower():
        return f"no byte came for {timeout_s:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "IncompleteRead" in text:
        return "the transfer was cut"
    if "refused" in text:
        return "no server answers there"
    return f"the connection failed ({type(error).__name__})"
