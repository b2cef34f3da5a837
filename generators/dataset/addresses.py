"""Where an export is published to: addresses that can work, and where a web client finds what lies there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from generators.dataset import manifest
from generators.dataset.lines import UsageError

_EXPECTED = "expected hf://datasets/OWNER/NAME, s3://BUCKET/PATH, or another address of fsspec, as file:///FOLDER"


@dataclass(frozen=True)
class Address:
    """kind: hf, or a protocol of fsspec. path: the rest, without a slash at its end."""

    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind}://{self.path}"

    @property
    def repository(self) -> tuple[str, str]:
        """On Hugging Face: `OWNER/NAME`, and the folder in there."""
        owner, name, *rest = self.path.removeprefix("datasets/").split("/")
        return f"{owner}/{name}", "/".join(rest)


def parse(text: str) -> Address:
    """An address that can be uploaded to. Raises UsageError saying what was expected."""
    import fsspec

    kind, marked, path = text.partition("://")
    path = path.rstrip("/")
    if not marked:
        raise UsageError(f"'{text}' is no address; {_EXPECTED}")
    if kind == "hf":
        parts = path.split("/")
        if len(parts) < 3 or parts[0] != "datasets" or not all(parts):
            raise UsageError(f"'{text}' is no repository of a data set; expected hf://datasets/OWNER/NAME")
        return Address(kind, path)
    known = fsspec.available_protocols()
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=1)
        raise UsageError(f"'{text}': no protocol '{kind}'; " + (f"did you mean '{near[0]}'?" if near else _EXPECTED))
    if kind in ("http", "https"):
        raise UsageError(f"'{text}': a web server takes no uploads; copy the folder behind it, or {_EXPECTED}")
    if not path:
        raise UsageError(f"'{text}' names no bucket or folder; {_EXPECTED}")
    return Address(kind, path)


def lacking(address: Address) -> str | None:
    """What has to be installed before an upload: `pip install s3fs`. None where all is there."""
    import fsspec

    if address.kind == "hf":
        return None  # by a library of the extra `data`
    try:
        fsspec.get_filesystem_class(address.kind)
    except ImportError as error:
        name: Any = getattr(error.__cause__, "name", None)
        return f"pip install {name.partition('.')[0]}" if name else str(error)
    return None


def web_address(address: Address) -> str | None:
    """Where a web client finds the manifest, if it may be read by all; None where that is not known."""
    bucket, _, rest = address.path.partition("/")
    below = f"{rest}/{manifest.NAME}" if rest else manifest.NAME
    if address.kind == "hf":
        repository, inside = address.repository
        below = f"{inside}/{manifest.NAME}" if inside else manifest.NAME
        return f"https://huggingface.co/datasets/{repository}/resolve/main/{below}"
    if address.kind == "s3":
        return f"https://{bucket}.s3.amazonaws.com/{below}"
    if address.kind in ("gs", "gcs"):
        return f"https://storage.googleapis.com/{bucket}/{below}"
    return None
