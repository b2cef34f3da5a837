"""Look at a space and listen to it: `python -m generators.show phrases` draws a contact sheet and writes its clips."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

if TYPE_CHECKING:
    from generators.factors import Factor, Levels
    from generators.generator import Generator

USAGE, INTERRUPTED = 2, 130  # exit status
COLUMNS = 12


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(USAGE, f"error: {message}\n")


def parser() -> Parser:
    """What the command line takes."""
    import generators

    known = Parser(
        prog="python -m generators.show",
        description="Draw a contact sheet of a space, one row a factor, the factor moved level by level and everything "
        "else still, and write the matching WAV files.",
        epilog=f"Spaces: {', '.join(generators.SPACES)}.",
    )
    add = known.add_argument
    add("space", metavar="SPACE", help="the space to show")
    add("--out", type=Path, metavar="DIR", help="where files go (default: artefacts/show/SPACE)")
    add("--seed", type=int, default=0, metavar="N", help="which levels stay still, which nuisances (default: 0)")
    add("--no-nuisances", action="store_true", help="in tune, on the beat, free of noise")
    add("--soundfont", metavar="FILE", help="of the space `soundfont`: instruments from this file")
    return known


def main(argv: Sequence[str] | None = None) -> int:
    """Show what the command line asks for. Returns the exit status."""
    known = parser()
    options = known.parse_args(argv)
    folder = options.out or Path("artefacts", "show", options.space)
    try:
        if not 0 <= options.seed < 1 << 63:
            raise ValueError(f"--seed is {options.seed}; expected 0 to {(1 << 63) - 1}")
        generator = _generator(options)
        folder.mkdir(parents=True, exist_ok=True)
        n_clips, sheet = show(generator, folder, options.seed)
    except ValueError as error:
        known.error(" ".join(str(error).split()))
    except OSError as error:
        known.error(f"cannot write to {folder}: {error.strerror}; choose another folder with --out")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    print(f"{n_clips} clips in {folder}, their spectrograms in {sheet}")
    return 0


def _generator(options: argparse.Namespace) -> Generator:
    import generators

    generators.space(options.space)  # an unknown name costs no time
    print(f"{options.space}: making its sounds", file=sys.stderr, flush=True)
    given = {} if options.soundfont is None else {"soundfont": options.soundfont}
    return generators.load(options.space, nuisances=not options.no_nuisances, **given)


def show(generator: Generator, folder: Path, seed: int) -> tuple[int, Path]:
    """Write the clips of every factor's row, and the sheet. Returns how many clips, and where the sheet is."""
    from scipy.io import wavfile

    from generators.sheet import draw

    still = generator.space.sample(1, np.random.default_rng(seed))[0]
    rows = []
    for column, factor in enumerate(generator.space.factors):
        print(f"{factor.name}: {factor.n_levels} levels", file=sys.stderr, flush=True)
        levels = moved(still, column, factor)
        clips = generator.render_int16(levels, np.full(len(levels), seed)).cpu().numpy()
        for level, clip in zip(levels[:, column], clips, strict=True):
            wavfile.write(folder / file_name(factor, int(level)), generator.sample_rate, clip)
        rows.append((levels, clips))
    sheet = folder / f"{generator.name}.png"
    print("drawing the sheet", file=sys.stderr, flush=True)
    draw(generator, still, rows, sheet)
    return sum(len(clips) for _, clips in rows), sheet


def moved(still: Levels, column: int, factor: Factor) -> Levels:
    """Levels of a row of the sheet: one factor at up to COLUMNS levels, evenly spread. int64 [clip, factors]."""
    chosen = np.rint(np.linspace(0, factor.n_levels - 1, min(factor.n_levels, COLUMNS))).astype(np.int64)
    levels = np.tile(still, (len(chosen), 1))
    levels[:, column] = chosen
    return levels


def file_name(factor: Factor, level: int) -> str:
    """Name of a clip's file, sorted by level: `pitch_03_51_MIDI.wav`."""
    from generators.sheet import value_text

    value = value_text(factor, level)
    if isinstance(factor.values[level], str):
        value = value.replace(".", "-")  # a rhythm, x..x..x., is no ending of a file
    parts = [factor.name, f"{level:0{len(str(factor.n_levels - 1))}d}", value, factor.unit]
    return re.sub(r"[^\w.-]", "-", "_".join(part for part in parts if part)) + ".wav"


if __name__ == "__main__":
    sys.exit(main())
