"""`python -m generators.dataset`: a space's clips as files, made, put together, fetched, checked and published."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from generators.dataset.lines import DONE, FAILED, INTERRUPTED, USAGE, FailedError, Parser, UsageError, complain

_EXTRA = ("pyarrow", "soundfile", "requests", "pretty_midi")


def parser() -> Parser:
    """What the command line takes."""
    known = Parser(prog="python -m generators.dataset", description=__doc__)
    commands = known.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _export(commands.add_parser("export", help="make the files of a space, or a machine's share of them"))
    _merge(commands.add_parser("merge", help="put the shards of several machines together"))
    _download(commands.add_parser("download", help="fetch a published set, or any by its manifest's address"))
    _verify(commands.add_parser("verify", help="check every file, and render a sample of clips again"))
    _publish(commands.add_parser("publish", help="upload an export to Hugging Face or to a bucket"))
    return known


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for. Returns the exit status."""
    options = parser().parse_args(argv)
    try:
        for name in _EXTRA:
            if importlib.util.find_spec(name) is None:
                raise UsageError(f"{name} is not installed: pip install -e '.[data]'")
        run: Callable[[argparse.Namespace], str] = options.run
        print(run(options))
    except (UsageError, ValueError) as error:
        complain(error)
        return USAGE
    except FailedError as error:
        complain(error)
        return FAILED
    except OSError as error:
        complain(_disk_trouble(error, options))
        return FAILED
    except KeyboardInterrupt:
        again = "nothing was changed" if options.command == "verify" else "the same command goes on where it was"
        print(f"interrupted; {again}", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _disk_trouble(error: OSError, options: argparse.Namespace) -> str:
    """A message that names file, cause and next step."""
    where = error.filename or getattr(options, "out", None) or getattr(options, "folder", "")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left while writing to {where}; free some: the same command goes on where it was"
    again = "give the command again" if options.command == "verify" else "the same command goes on where it was"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        again = "give the command again, or choose another folder"
    return f"{where}: {error.strerror or error}; see to that: {again}"


def _export(known: argparse.ArgumentParser) -> None:
    import generators

    add = known.add_argument
    add("--space", required=True, metavar="NAME", help=f"one of {', '.join(generators.SPACES)}")
    add(
        "--split",
        default="iid",
        metavar="SPLIT",
        help="as in the names of tasks: heldout(timbre,pitch,0.2) ... (default: iid)",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="an empty folder, or one where this export was begun")
    add(
        "--nuisances",
        default="1",
        metavar="N",
        help="clips of each combination, or by role: train=8,probe=2,test=2 (default: 1)",
    )
    add(
        "--format",
        choices=("parquet", "wav"),
        default="parquet",
        help="Parquet with FLAC, or WAV files and CSV (default: parquet)",
    )
    add(
        "--shard",
        default="1/1",
        metavar="I/N",
        help="make a share of the files; merge puts them together (default: all)",
    )
    add("--clips-a-file", type=int, metavar="N", help="of a Parquet file (default: 1024)")
    add("--soundfont", type=Path, metavar="FILE", help="of the space `soundfont`: instruments from this file")
    add("--soundfont-licence", metavar="SPDX", help="its licence, as MIT: then that of the clips")
    add("--soundfont-notice", type=Path, metavar="FILE", help="the text that its licence asks to pass on with them")
    known.set_defaults(run=_run_export)


def _run_export(options: argparse.Namespace) -> str:
    import generators
    from generators import splits
    from generators.dataset import export, plan, soundfonts

    space = generators.space(options.space)  # unknown names cost no time
    split = splits.parse(options.split).ordered(space).name
    draws, shard = plan.draws_of(options.nuisances), plan.shard_of(options.shard)
    clips_a_file = plan.CLIPS_A_FILE if options.clips_a_file is None else options.clips_a_file
    if not 1 <= clips_a_file <= 1_000_000:
        raise UsageError(f"--clips-a-file {clips_a_file}: expected 1 to 1,000,000")
    font = soundfonts.soundfont_used(
        options.space, options.soundfont, options.soundfont_licence, options.soundfont_notice
    )
    folder = options.out.expanduser()
    export.check_folder(folder)  # before any sound is made
    print(f"{options.space}: making its sounds", file=sys.stderr, flush=True)
    generator = plan.sound(options.space, options.soundfont)
    if not generator.nuisances and max(draws.values()) > 1:
        print(
            f"note: {options.space} has no nuisances: the {max(draws.values())} clips of a combination are one sound",
            file=sys.stderr,
        )
    wanted = plan.Plan(
        space=options.space,
        version=generator.version,
        split=split,
        nuisances=draws,
        format=options.format,
        clips_a_file=clips_a_file,
        soundfont=font,
    )
    return export.export(
        export.Export(wanted, generator, plan.clips_of(wanted), plan.made_by(generator)),
        folder,
        shard,
    )


def _merge(known: argparse.ArgumentParser) -> None:
    known.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders of shards")
    known.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to; may be one of them")
    known.set_defaults(run=_run_merge)


def _run_merge(options: argparse.Namespace) -> str:
    from generators.dataset.merge import merge

    for folder in options.folders:
        if not folder.is_dir():
            raise UsageError(f"no folder {folder}")
    return merge(options.folders, options.out)


def _download(known: argparse.ArgumentParser) -> None:
    add = known.add_argument
    add("name", metavar="NAME_OR_URL", help="a published set by name, or the address of a manifest.json")
    add("--out", type=Path, metavar="DIR", help="where to (default: the set's name)")
    add("--at-once", type=int, default=4, metavar="N", help="files fetched at the same time (default: 4)")
    add("--retries", type=int, default=5, metavar="N", help="of each file, with growing pauses (default: 5)")
    add(
        "--timeout",
        type=float,
        default=30,
        metavar="S",
        help="seconds without a byte after which a transfer is cut (default: 30)",
    )
    known.set_defaults(run=_run_download)


def _run_download(options: argparse.Namespace) -> str:
    from generators.dataset.download import Patience, download

    if options.at_once < 1 or options.retries < 0 or not 0 < options.timeout < 1e6:
        raise UsageError("--at-once takes 1 or more, --retries 0 or more, --timeout more than 0")
    return download(options.name, options.out, options.at_once, Patience(options.retries, options.timeout))


def _verify(known: argparse.ArgumentParser) -> None:
    add = known.add_argument
    add("folder", type=Path, metavar="DIR", help="an export")
    add("--clips", default="64", metavar="N", help="how many are rendered again, evenly spread, or `all` (default: 64)")
    add("--soundfont", type=Path, metavar="FILE", help="of the space `soundfont`: the instruments it was made with")
    known.set_defaults(run=_run_verify)


def _run_verify(options: argparse.Namespace) -> str:
    from generators.dataset.verify import verify

    if options.clips != "all" and not options.clips.isdecimal():
        raise UsageError(f"--clips {options.clips}: expected a number or `all`")
    return verify(options.folder, None if options.clips == "all" else int(options.clips), options.soundfont)


def _publish(known: argparse.ArgumentParser) -> None:
    add = known.add_argument
    add("folder", type=Path, metavar="DIR", help="an export")
    add("--to", required=True, metavar="ADDRESS", help="hf://datasets/OWNER/NAME, s3://BUCKET/PATH or any of fsspec")
    add("--upload", action="store_true", help="do it; without this it only says what it would do")
    known.set_defaults(run=_run_publish)


def _run_publish(options: argparse.Namespace) -> str:
    from generators.dataset.publish import publish

    return publish(options.folder, options.to, upload=options.upload)
