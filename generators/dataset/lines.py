"""The command line's manners: every mistake in one line, with the nearest option that there is."""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any, NoReturn

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class UsageError(ValueError):
    """Something the user can mend: told in one line, exit status 2."""


class FailedError(RuntimeError):
    """Something that went wrong, or was found wrong, in spite of a right command: told in one line, exit status 1."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, without the usage before it."""

    def __init__(self, **options: Any) -> None:
        self._known: list[str] = []
        super().__init__(**{"allow_abbrev": False, **options})

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """As argparse has it; the names are remembered."""
        self._known += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but an unknown option is told before a missing one: it may be its typo."""
        given = sys.argv[1:] if args is None else list(args)
        if self._subparsers is not None and given and not given[0].startswith("-"):
            self._check_command(given[0])
        if self._subparsers is None:
            for text in given:
                name = text.partition("=")[0]
                if name.startswith("--") and name not in self._known:
                    near = difflib.get_close_matches(name, self._known, n=1, cutoff=0.5)
                    self.error(f"no option '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        return super().parse_known_args(given, namespace)

    def _check_command(self, name: str) -> None:
        group: Any = self._subparsers
        known = [command for action in group._group_actions for command in action.choices or ()]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(known)}"
            self.error(f"no command '{name}'{hint}")

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(USAGE, f"error: {message}{'' if message.endswith('?') else ';'} --help shows the options\n")


def complain(error: object) -> None:
    """Tell a mistake on standard error, in one line."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)


def size_text(n_bytes: float) -> str:
    """A number of bytes as people read it: `197 MB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}" if n_bytes < 1000 * size else f"{n_bytes / size:,.0f} {unit}"
    return f"{n_bytes:.0f} bytes"
