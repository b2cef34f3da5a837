"""Names of pages and files. What stands in a result is a stranger's: none of it becomes a path as it is."""

import hashlib
import json
import re

LONGEST = 40  # of what a reader is to recognise; the rest is told apart by the hash


def page_name(kind: str, *parts: str) -> str:
    """The file of a page: `<kind>-<what can be read of the parts>-<ten digits of their hash>.html`.

    Lower case, letters, digits and `-` alone, so that no part can leave the folder, whatever the file system; parts
    that differ in anything have different hashes.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")[:LONGEST].strip("-")
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]
    return "-".join(part for part in (kind, readable, digest) if part) + ".html"


def media_name(content: bytes, suffix: str) -> str:
    """The file of a sound or picture, by what is in it: what is the same is there once."""
    return f"{hashlib.sha256(content).hexdigest()[:20]}.{suffix}"
