"""From results to the folder of pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.report.board_page import board_page
from benchmark.report.contents import tables_of
from benchmark.report.folder import Folder, folder
from benchmark.report.listening import Listening
from benchmark.report.method_page import method_page
from benchmark.report.names import page_name
from benchmark.report.page import page
from benchmark.report.space_page import space_page
from benchmark.results import Result
from benchmark.storage import Place


def build(
    results: Sequence[Result],
    artefacts: Place,
    out: Path,
    *,
    version: str | None,
    older: Sequence[str] = (),
    sound: bool = True,
) -> int:
    """Write the report of some results of one benchmark version; returns how many pages it has.

    artefacts: the folder that runs left beside them, or where none is. older: versions that are not shown. sound:
    whether clips are rendered, for which torch is loaded.
    Raises FolderError, OSError where it cannot be written.
    """
    tables = tables_of(results)
    with folder(out) as made:
        spaces = _spaces([table.space for table in tables], made) if sound else {}
        made.page("index.html", page("board.html.j2", board_page(tables, spaces, version, older)))
        listening = Listening(made) if sound else None
        pages = 1 + len(spaces)
        for table in tables:
            for row in table.rows:
                shown = method_page(table, row, spaces, artefacts, listening)
                made.page(table.page(row), page("method.html.j2", shown))
                pages += 1
    return pages


def _spaces(names: Sequence[str], made: Folder) -> dict[str, str]:
    """Write the pages of the spaces that there are: {name: page}."""
    from generators import SPACES

    pages = {name: page_name("space", name) for name in dict.fromkeys(names) if name in SPACES}
    for name, file in pages.items():
        made.page(file, page("space.html.j2", {"spaces": pages, **space_page(name, made)}))
    return pages
