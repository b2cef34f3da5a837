"""`python -m generators.dataset`: see `commands`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from generators.dataset.commands import main

        status = main()
    except KeyboardInterrupt:  # while this was loaded
        print("interrupted; nothing was done", file=sys.stderr)
        status = 130
    sys.exit(status)
