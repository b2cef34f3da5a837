"""The sets that are published: where each one's manifest is, and its hash. `registry.json` is kept with the code."""

from __future__ import annotations

import difflib
import json
from importlib import resources
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from generators.dataset import manifest
from generators.dataset.lines import UsageError


class Published(BaseModel):
    """One set. url: of its manifest, None until hosted. sha256: of its manifest. command: makes the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str | None
    sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    command: str


def published() -> dict[str, Published]:
    """Every set by name."""
    text = resources.files("generators.dataset").joinpath("registry.json").read_text(encoding="utf-8")
    return {name: Published.model_validate(entry) for name, entry in json.loads(text).items()}


def address_of(name_or_url: str) -> tuple[str, str | None]:
    """Address of a manifest and its SHA-256, where that is known.

    Raises UsageError where there is no set of that name, where it is not hosted yet, and for no web server's address.
    """
    if "://" in name_or_url:
        if not name_or_url.startswith(("http://", "https://")):
            raise UsageError(
                f"cannot fetch from {name_or_url}; expected the http:// or https:// address of a {manifest.NAME}"
            )
        return _with_manifest(name_or_url), None
    known = published()
    if name_or_url not in known:
        near = difflib.get_close_matches(name_or_url, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}, or give a manifest's address"
        raise UsageError(f"no published set '{name_or_url}'; {hint}")
    found = known[name_or_url]
    if found.url is None:
        raise UsageError(
            f"'{name_or_url}' is not hosted yet; this makes the same clips: {found.command} --out dtones-{name_or_url}"
        )
    return found.url, found.sha256


def _with_manifest(url: str) -> str:
    """The address of a manifest, where that of its folder may be given: with or without a slash at the end."""
    parts = urlsplit(url)
    if parts.query or "." in parts.path.rpartition("/")[2]:
        return url
    return f"{url.rstrip('/')}/{manifest.NAME}"
