"""`python -m generators.dataset`: see `commands`."""

from __future__ import annotations

import sys

from generators.dataset.commands import main

if __name__ == "__main__":
    sys.exit(main())
