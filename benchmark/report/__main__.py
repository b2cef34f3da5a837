"""Look and listen: `python -m benchmark.report` writes one folder of pages that opens from disk, offline.

Exit status: 0 done; 1 a result file is damaged; 2 a mistake in the command, or a place that cannot be written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmark.cli import DONE, FAILED, USAGE, Parser, complain, leave

COMMAND = "python -m benchmark.report"
NEEDED = ("jinja2", "plotly", "soundfile")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog=COMMAND, description="Write the report: pages with plots and players, to open from disk.")
    add = parser.add_argument
    add("--results", default="results", metavar="DIR", help="folder, or address as s3://... (default: %(default)s)")
    add("--artefacts", metavar="DIR", help="what runs left beside them; default: artefacts, beside the results")
    add("--out", default="report", metavar="DIR", help="folder to write (default: %(default)s)")
    add("--benchmark-version", metavar="V", help="of the results; default: the newest that there is")
    add("--no-sound", action="store_true", help="render no clips: no players, no spectrograms, no torch")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _arguments(argv)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        complain(f"the report needs {', '.join(missing)}: pip install -e '.[report]'")
        return USAGE
    from benchmark.results import ResultError, age, artefact_root, versions
    from benchmark.storage import place, reachable
    from benchmark.strangers import collected
    from benchmark.version import BENCHMARK_VERSION

    try:
        root = reachable(place(options.results))
        if not root.is_dir():
            raise ValueError(f"{root} is not a folder; give the one that holds the results: --results DIR")
        artefacts = reachable(place(options.artefacts)) if options.artefacts else artefact_root(root)
        if options.artefacts and not artefacts.is_dir():
            raise ValueError(f"{artefacts} is not a folder; give the one that holds what runs left: --artefacts DIR")
        if "://" in options.out:
            raise ValueError(f"the report is written to a folder of this machine, not to {options.out}: --out DIR")
        known = versions(root)
        todays = [name for name in known if age(name) <= age(BENCHMARK_VERSION)]
        version = options.benchmark_version or (todays[0] if todays else None)
        if options.benchmark_version and version not in known:
            raise ValueError(f"no results of version '{version}'. There are: {', '.join(known) or 'none'}")
    except ValueError as error:
        complain(error)
        return USAGE
    from benchmark.report.build import build
    from benchmark.report.folder import FolderError

    out = Path(options.out)
    try:
        results, problems = collected(root, version) if version else ([], [])
        told = f"this is {BENCHMARK_VERSION}: update dTones, or remove the folder"
        newer = [] if options.benchmark_version else [name for name in known if name not in todays]
        problems += [f"{root / name}: there is no benchmark version {name}; {told}" for name in newer]
        older = [name for name in known if name != version and name not in newer]
        pages = build(results, artefacts, out, version=version, older=older, sound=not options.no_sound)
    except ResultError as error:
        complain(error)
        return FAILED
    except FolderError as error:
        complain(error)
        return USAGE
    except OSError as error:
        complain(f"cannot write {out} ({error.strerror or error}); choose another folder: --out DIR")
        return USAGE
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"wrote {out / 'index.html'}: {pages} pages, {size / 1e6:.1f} MB; open it in a browser")
    for problem in problems:
        complain(problem)
    return FAILED if problems else DONE


if __name__ == "__main__":
    leave(main())
