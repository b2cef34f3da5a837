"""The folder of the report: written beside its place, then put there whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from benchmark.report.names import media_name

MARK = ".dtones-report"  # by it a folder is known as a report, which a new one may replace
ASSETS = ("style.css", "theme.js", "board.js", "method.js", "space.js", "plots.js")


class FolderError(ValueError):
    """A place where no report can be put, said in one line."""


@dataclass(frozen=True)
class Folder:
    """A report in the making. path: where its files go for now."""

    path: Path

    def page(self, name: str, text: str) -> None:
        """Write a page."""
        (self.path / name).write_text(text, encoding="utf-8", newline="\n")

    def media(self, content: bytes, suffix: str) -> str:
        """Keep a sound or picture, once; returns its address on any page."""
        name = f"media/{media_name(content, suffix)}"
        place = self.path / name
        if not place.exists():
            place.write_bytes(content)
        return name


@contextmanager
def folder(out: Path) -> Iterator[Folder]:
    """A new report, put at `out` when all of it is written; what was there before stays where that fails.

    Raises FolderError where something else lies there; OSError where nothing can be written.
    """
    if out.exists() and not (out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))):
        raise FolderError(f"{out} holds something else than a report; choose another folder: --out DIR")
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        (new / "media").mkdir(parents=True)
        (new / "assets").mkdir()
        (new / MARK).write_text("written by python -m benchmark.report, which may replace this folder\n", "utf-8")
        _assets(new / "assets")
        yield Folder(new)
        if out.exists():
            out.rename(old)
        new.rename(out)


def _assets(place: Path) -> None:
    from plotly.offline import get_plotlyjs

    for name in ASSETS:
        (place / name).write_bytes((files("benchmark.report") / "assets" / name).read_bytes())
    (place / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8", newline="\n")
