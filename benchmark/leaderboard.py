"""Rebuild the leaderboard from `results/` alone: `python -m benchmark.leaderboard [--check]`. Offline, without torch.

`--compare A B` says instead which differences between two methods are real, and how many seeds would show them.
A result that cannot be used is named on standard error, in one line, and left out; all others are used.
Exit status: 0 done; 1 the leaderboard is stale (--check) or a result was left out; 2 a mistake in the command.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from benchmark.board import COMMAND, pictures, text
from benchmark.cli import DONE, FAILED, USAGE, Parser, complain
from benchmark.compare import comparison
from benchmark.results import Result, ResultError, age, versions
from benchmark.storage import Place, is_local, place, reachable, write_whole
from benchmark.strangers import collected
from benchmark.version import BENCHMARK_VERSION


class UsageError(ValueError):
    """A mistake of the user's, said in one line."""


def _newest(root: Place, problems: list[str]) -> tuple[list[Result], str, list[str]]:
    """The results of the newest version that has any which can be used; that version; and the older ones.

    A version after today's is told of, and left out: its results could not be checked.
    """
    waiting = _versions(root)
    while waiting:
        version, *waiting = waiting
        if age(version) > age(BENCHMARK_VERSION):
            problems.append(
                f"{root / version}: there is no benchmark version {version}; this is {BENCHMARK_VERSION}: "
                "update dTones, or remove the folder"
            )
            continue
        results, told = collected(root, version)
        problems += told
        if results:
            return results, version, waiting
    return [], "", []


def _versions(root: Place) -> list[str]:
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; give the one that holds the results: --results DIR")
    return versions(root)


def compared(root: Place, methods: Sequence[str], task: str | None, preset: str | None, problems: list[str]) -> str:
    """What `--compare` prints, of the newest benchmark version. Raises UsageError, ResultError."""
    results, newest, _ = _newest(root, problems)
    for what, name in (("task", task), ("preset", preset)):
        if name is not None:
            results = _only(results, what, name)
    for method in methods:
        _only(results, "method", method)
    first, second = methods
    if first == second:
        raise UsageError(f"--compare takes two methods; got '{first}' twice")
    try:
        return f"Benchmark version {newest}\n\n" + comparison(results, first, second)
    except ValueError as error:
        raise UsageError(error) from None


def _only(results: Sequence[Result], what: str, name: str) -> list[Result]:
    """The results whose `what` is `name`. Raises UsageError, with the nearest that there are, where there is none."""
    known = sorted({str(getattr(result, what)) for result in results})
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise UsageError(f"no results of the {what} '{name}'{hint} There are: {', '.join(known) or 'none'}")
    return [result for result in results if getattr(result, what) == name]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog=COMMAND, description="Rebuild the leaderboard from the results alone.")
    add = parser.add_argument
    add("--results", default="results", metavar="DIR", help="folder, or address as s3://... (default: %(default)s)")
    add("--output", metavar="FILE", help="default: leaderboard.md, beside the folder of the results")
    add("--check", action="store_true", help="write nothing; exit with 1 if the file is stale")
    add("--compare", nargs=2, metavar=("A", "B"), help="write nothing; say which differences are real")
    add("--task", help="of --compare: this task alone")
    add("--preset", help="of --compare: this preset alone")
    options = parser.parse_args(argv)
    if not options.compare and (options.task or options.preset):
        parser.error(f"{'--task' if options.task else '--preset'} goes with --compare A B")
    return options


def _mend(arguments: argparse.Namespace) -> str:
    """The command that rebuilds what these arguments name."""
    given = {"--results": (arguments.results, "results"), "--output": (arguments.output, None)}
    return " ".join([COMMAND, *(f"{name} {value}" for name, (value, usual) in given.items() if value != usual)])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments, problems = _arguments(argv), list[str]()
    gc.disable()  # millions of scores, none in a circle: looking for those takes a quarter of the time
    try:
        root = reachable(place(arguments.results))
        output = place(arguments.output) if arguments.output else root.parent / "leaderboard.md"
    except ValueError as error:
        complain(error)
        return USAGE
    try:
        status = _done(arguments, root, output, problems)
    except ResultError as error:
        complain(error)
        status = FAILED
    except UsageError as error:
        complain(error)
        status = USAGE
    except OSError as error:
        complain(f"cannot write {output} ({error.strerror or error}); choose another file: --output FILE")
        status = USAGE
    gc.enable()
    for problem in problems:
        complain(problem)
    return status or (FAILED if problems else DONE)


def _done(arguments: argparse.Namespace, root: Place, output: Place, problems: list[str]) -> int:
    """Do what is asked for. problems: takes a line for each result that was left out. Returns the exit status."""
    if arguments.compare:
        print(compared(root, arguments.compare, arguments.task, arguments.preset, problems), end="")
        return DONE
    files = built(root, output, problems)
    if not arguments.check:
        for file, content in files.items():
            if is_local(file) and file != output:
                file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)
        print(f"wrote {output}")
        return DONE
    stale = [file for file, content in files.items() if not file.is_file() or file.read_bytes() != content.encode()]
    if stale:
        print(f"{stale[0]} is stale; mend it with: {_mend(arguments)}", file=sys.stderr)
    return FAILED if stale else DONE


def build(root: Place, problems: list[str] | None = None) -> str:
    """The text of the leaderboard beside a results folder, as `built`."""
    output = root.parent / "leaderboard.md"
    return built(root, output, [] if problems is None else problems)[output]


def built(root: Place, output: Place, problems: list[str]) -> dict[Place, str]:
    """The leaderboard of the newest benchmark version, and its pictures, by file. Raises UsageError, ResultError.

    problems: takes a line for each result that is left out, and why.
    """
    results, newest, older = _newest(root, problems)
    folder = root / "pictures"
    link = str(folder)
    if isinstance(root, Path) and isinstance(output, Path):
        link = Path(os.path.relpath(str(folder), str(output.parent))).as_posix()
    drawn = {folder / name: picture for name, picture in pictures(results).items()}
    return {output: text(results, newest, older, link), **drawn}


if __name__ == "__main__":
    sys.exit(main())
