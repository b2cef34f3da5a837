"""Are the factors of a space independent, as tools that are not ours hear them? `python -m benchmark.independence`.

Every combination of levels is rendered once and measured by librosa, pyloudnorm and mir_eval: how far each factor reads
back, and how much the reading tells of the other factors. `results/sound/<space>.json` holds the figures. A figure that
is not reached is said to be; the exit status is 0 all the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import DONE, INTERRUPTED, USAGE, Parser, complain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from benchmark.sound.figures import Figures
    from benchmark.sound.listener import Listener, Reading

    Integers = NDArray[np.int64]

BATCH = 512  # clips a task of a process: pYIN takes half a second a call to set up
STREAM = 211  # of the hash that orders combinations
SINGLE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def stratified(listener: Listener, every: int) -> Integers:
    """Every so many combinations, of each level of the factor that has most: rows of the grid, int64 [n], ascending."""
    import numpy as np
    import torch

    from generators.hashing import hash64

    space = listener.space
    finest = int(np.argmax(space.n_levels))
    hashes = hash64(torch.arange(space.size), STREAM).numpy()
    order = np.lexsort((hashes, space.grid()[:, finest]))
    return np.sort(order[::every])


def read(listener: Listener, rows: Integers) -> Reading:
    """Readings of combinations; a clip's seed is the number of its combination."""
    return listener.read(listener.space.levels_at(rows), rows)


_listener: Listener | None = None  # of a process of the pool


def _start(space: str) -> None:
    """Set up a process of the pool: one thread, one listener; an interrupt is for the process that started it."""
    global _listener
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    from benchmark.sound.listener import Listener

    torch.set_num_threads(1)
    _listener = Listener(space)


def _read(rows: Integers) -> Reading:
    assert _listener is not None
    return read(_listener, rows)


def readings(listener: Listener, batches: Sequence[Integers], jobs: int) -> Iterator[Reading]:
    """Readings of batches of combinations, in their order: here, or by so many processes of one thread each."""
    if jobs == 1:
        yield from (read(listener, rows) for rows in batches)
        return
    os.environ.update(dict.fromkeys(SINGLE_THREAD, "1"))  # for the processes that are started now
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(listener.generator.name,)) as pool:
        try:
            yield from pool.map(_read, batches)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def measure(space: str, every: int, jobs: int, screen: Console) -> dict[str, object]:
    """Measure a space, show its figures, and return them as plain values.

    Raises ValueError for a space that is unknown or cannot be made here, or where a tool is missing.
    """
    import numpy as np

    from benchmark.sound.external import tool_versions
    from benchmark.sound.figures import figures, joined
    from benchmark.sound.listener import Listener
    from benchmark.stages import Stages

    versions = tool_versions()
    listener = Listener(space)
    rows = stratified(listener, every)
    batches = np.array_split(rows, -(-len(rows) // BATCH))
    begun, found = time.perf_counter(), []
    with Stages(screen).stage("measure", f"measuring {len(rows)} clips of {space}") as report:
        for one in readings(listener, batches, min(jobs, len(batches))):
            found.append(one)
            report(sum(len(each.timbres) for each in found), len(rows))
    reached = figures(listener, listener.space.levels_at(rows), joined(found))
    show(space, reached, screen)
    generator = listener.generator
    return {
        "space": space,
        "version": generator.version,
        "clips": len(rows),
        "combinations": listener.space.size,
        "nuisances": sorted(generator.nuisances),
        "reached": reached.reached,
        **reached.as_json(),
        "tools": versions,
        "seconds": round(time.perf_counter() - begun),
        "processes": min(jobs, len(batches)),
    }


def show(space: str, figures: Figures, screen: Console) -> None:
    """Print how a space fares, a row a figure."""
    from rich.table import Table

    table = Table(title=f"{space}: what tools that are not ours read back", title_justify="left")
    for name in ("factor", "tolerance", "worst", "within", "wrong", "F", "tells most of", "bit", "p", "reached"):
        table.add_column(name, justify="left" if name in ("factor", "tells most of") else "right")
    for one in figures.read_back:
        most = max((leak for leak in figures.leaks if leak.measured == one.factor), key=lambda leak: leak.bits)
        table.add_row(
            one.factor,
            f"{one.tolerance:g} {one.unit}" if one.unit else "told",
            "" if one.worst is None else f"{one.worst:.2f}",
            f"{one.share_within:.2%}",
            str(one.wrong),
            "" if one.mean_f is None else f"{one.mean_f:.3f}",
            most.factor,
            f"{most.bits:.4f}",
            f"{most.p:.3f}",
            "yes" if one.reached and most.reached else "NO",
        )
    screen.print(table)
    for one in figures.read_back:
        for text in one.confused or []:
            screen.print(f"  {one.factor}: {text}", highlight=False)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; exits with status 2 and one line where it cannot."""
    import generators

    parser = Parser(prog="python -m benchmark.independence", description=(__doc__ or "").split("\n\n")[1])
    add = parser.add_argument
    add("--space", nargs="+", default=list(generators.SPACES), metavar="NAME", help="which spaces (default: all)")
    add("--every", type=_positive, default=1, metavar="K", help="one combination in K (default: all of them)")
    add("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes (default: one a core)")
    add("--out", type=Path, default=Path("results/sound"), metavar="DIR", help="for the files (default: %(default)s)")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for. Returns the exit status."""
    options = arguments(argv)
    try:
        return _main(options)
    except KeyboardInterrupt:
        print("interrupted: nothing of the unfinished space was stored", file=sys.stderr)
        return INTERRUPTED


def _main(options: argparse.Namespace) -> int:
    import generators
    from benchmark.results import check_writable
    from benchmark.sound.external import tool_versions
    from benchmark.stages import console
    from benchmark.storage import write_whole

    screen = console()
    try:
        tool_versions()
        check_writable(options.out)
        for name in options.space:
            generators.space(name)
        for name in options.space:
            figures = measure(name, options.every, options.jobs, screen)
            write_whole(options.out / f"{name}.json", json.dumps(figures, indent=2, allow_nan=False) + "\n")
    except ValueError as error:
        complain(error)
        return USAGE
    return DONE


if __name__ == "__main__":
    sys.exit(main())
