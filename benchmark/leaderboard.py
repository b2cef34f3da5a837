"""Rebuild the leaderboard from `results/` alone: `python -m benchmark.leaderboard [--check]`. Offline, without torch.

Exit status: 0 done; 1 the leaderboard is stale (--check) or a result file is damaged; 2 a mistake in the command.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.board import COMMAND, text
from benchmark.results import ResultError, read_all, write_whole


class UsageError(ValueError):
    """A mistake of the user's, said in one line."""


def versions(root: Path) -> list[str]:
    """Benchmark versions that have results, the newest first (0.10 is newer than 0.9). Raises UsageError."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; give the one that holds the results: --results DIR")
    found = [folder.name for folder in root.iterdir() if folder.is_dir() and any(folder.rglob("*.json"))]
    return sorted(found, key=lambda name: ([int(number) for number in re.findall(r"\d+", name)], name), reverse=True)


def build(root: Path) -> str:
    """The leaderboard of the newest benchmark version in a results folder. Raises UsageError, ResultError."""
    newest, *older = versions(root) or [""]
    return text(read_all(root, newest) if newest else [], newest, older)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Rebuild the leaderboard from the results alone.")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("leaderboard.md"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file is stale")
    return parser.parse_args(argv)


def _mend(arguments: argparse.Namespace) -> str:
    """The command that rebuilds what these arguments name."""
    given = {"--results": (arguments.results, "results"), "--output": (arguments.output, "leaderboard.md")}
    return " ".join([COMMAND, *(f"{name} {value}" for name, (value, usual) in given.items() if str(value) != usual)])


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _arguments(argv)
    output: Path = arguments.output
    try:
        board = build(arguments.results)
        if not arguments.check:
            write_whole(output, board)
            print(f"wrote {output}")
        elif not output.is_file() or output.read_bytes() != board.encode():
            print(f"{output} is stale; mend it with: {_mend(arguments)}", file=sys.stderr)
            return 1
    except ResultError as error:
        print(error, file=sys.stderr)
        return 1
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot write {output} ({error.strerror}); choose another file: --output FILE", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
