"""How fast it is: `python -m benchmark.speed PART` times a part, `all` every part."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain
from benchmark.speed.clock import positive

PROGRAM = "python -m benchmark.speed"
ALL = "all"


@dataclass(frozen=True)
class Part:
    """What can be timed: a module of this package with `options_of(parser)` and `measure(options)`.

    repeats: the median of so many, where nothing else is asked for. needs: packages that not everybody has.
    """

    summary: str
    repeats: int
    needs: tuple[str, ...] = ()

    def module(self, name: str) -> ModuleType:
        """The module that measures it."""
        return importlib.import_module(f"benchmark.speed.{name}")


PARTS = {
    "render": Part("making sound", 9),
    "frontend": Part("log-mel features", 9),
    "step": Part("one step of training, by part", 50),
    "score": Part("scoring one run", 1),
    "quick": Part("a whole run, cold and with features on disk", 1),
    "overhead": Part("what the harness adds to a method that does nothing", 1),
    "pool": Part("processes side by side against one with all threads", 3),
    "dataset": Part("clips as files: export, one pass, download", 3, needs=("pyarrow", "soundfile", "datasets")),
}


def parser_of(name: str) -> Parser:
    """The options of a part, or those that all parts have."""
    summary = f"Time {PARTS[name].summary}." if name in PARTS else "Time every part."
    parser = Parser(prog=f"{PROGRAM} {name}", description=summary)
    add = parser.add_argument
    if name in PARTS:
        PARTS[name].module(name).options_of(parser)
    else:
        add("--preset", help="of the parts that have one (default: their own)")
    repeats = PARTS[name].repeats if name in PARTS else None
    add("--repeats", type=positive, default=repeats, metavar="N", help=f"the median of so many (default: {repeats})")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there too")
    add("--against", type=Path, metavar="OLD.json", help="show the ratio of every figure to that of an earlier file")
    return parser


def chosen(argv: Sequence[str]) -> tuple[argparse.Namespace, dict[str, argparse.Namespace]]:
    """The options given, and those of each part to be timed; exits with status 2 and one line where it cannot."""
    names = [*PARTS, ALL]
    if not argv or argv[0] not in names:
        parser = Parser(
            prog=PROGRAM,
            description="Time a part of dTones beside the floor that the machine sets.",
            epilog=f"{PROGRAM} PART --help shows its options.",
        )
        summaries = "; ".join(f"{name}: {part.summary}" for name, part in PARTS.items())
        parser.add_argument("part", choices=names, metavar="PART", help=f"{summaries}; {ALL}: every part")
        parser.parse_args(argv[:1])
        parser.error("the part comes first")
    options = parser_of(argv[0]).parse_args(argv[1:])
    if argv[0] != ALL:
        return options, {argv[0]: options}
    given = {"preset": options.preset, "repeats": options.repeats, "device": options.device}
    return options, {name: _of_all(name, given) for name in PARTS}


def _of_all(name: str, given: dict[str, object]) -> argparse.Namespace:
    """A part's own defaults, with what was given for all where the part has such an option."""
    own = parser_of(name).parse_args([])
    for option, value in given.items():
        if value is not None and hasattr(own, option):
            setattr(own, option, value)
    return own


def main(argv: Sequence[str] | None = None) -> int:
    """Time what the command line asks for. Returns the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    options, parts = chosen(given)
    try:
        return _main(given, options, parts)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _main(given: Sequence[str], options: argparse.Namespace, parts: dict[str, argparse.Namespace]) -> int:
    from benchmark.options import chosen_device
    from benchmark.results import check_writable
    from benchmark.speed import against
    from benchmark.speed.clock import machine
    from benchmark.storage import write_whole

    try:
        old = against.read(options.against) if options.against else None
        if options.json:
            check_writable(options.json.parent)
        _check_packages(parts)
        told = {}
        for name, own in parts.items():
            if len(parts) > 1:
                print(f"{name}: {PARTS[name].summary}", flush=True)
            told[name] = PARTS[name].module(name).measure(own)
        new = against.document(f"{PROGRAM} {' '.join(given)}", machine(chosen_device(options.device)), told)
        if options.json:
            write_whole(options.json, json.dumps(new, indent=2, allow_nan=False) + "\n")
        if old is not None:
            against.show(old, new)
    except ValueError as error:
        complain(error)
        return USAGE
    return DONE


def _check_packages(parts: Iterable[str]) -> None:
    """Raises ValueError where a part needs a package that is not there, before any is timed."""
    for name in parts:
        missing = [need for need in PARTS[name].needs if find_spec(need) is None]
        if missing:
            raise ValueError(f"{name} needs {', '.join(missing)}: pip install {' '.join(missing)}")


if __name__ == "__main__":
    sys.exit(main())
