"""The data card, README.md of an export. A function of the plan and of the versions alone: the same for everyone."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from generators.dataset import about, citation, licences, parts
from generators.dataset.plan import Plan, Rows
from generators.factors import Factor
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator


def description(plan: Plan, generator: Generator, clips: dict[Role, Rows]) -> str:
    """What it is, in some sentences."""
    seconds = generator.n_samples / generator.sample_rate
    factors = ", ".join(f"{factor.name} ({factor.n_levels})" for factor in generator.space.factors)
    return (
        f"Music audio whose every factor is known: each clip is {about.KINDS.get(plan.space, 'a sound')}, "
        f"{seconds:g} s at {generator.sample_rate} Hz, 16 bit, mono. Factors and their levels: {factors}. "
        f"{parts.split_told(plan, generator.space, clips)} {about.limits(plan)}"
    )


def card(plan: Plan, generator: Generator, clips: dict[Role, Rows], n_bytes: int, versions: dict[str, str]) -> str:
    """The whole card, Markdown with the front matter that Hugging Face reads. n_bytes: of the clips' files."""
    sections = [
        f"---\n{yaml.safe_dump(_front(plan, clips), sort_keys=False, allow_unicode=True)}---\n",
        f"# {citation.title_of(plan)}\n",
        description(plan, generator, clips) + "\n",
        "**Why.** Whether a representation keeps what was in the sound, and keeps each thing in a place of its own, "
        "can only be measured where what was in the sound is known. What dSprites and dMelodies are for images and "
        "scores.\n",
        "## Load it\n",
        _loading(plan, clips),
        parts.order_told(generator.space) + "\n",
        "## Factors\n",
        _factors(generator),
        "\n\n".join(about.sound(plan, generator)) + "\n",
        "## How exactly they hold\n",
        f"{about.limits(plan)} {_drawn(generator)}\n",
        "## Columns\n",
        _columns(plan, generator, clips),
        *([about.scores(plan) + "\n"] if hasattr(generator, "midi") else []),
        "## Splits\n",
        f"Split `{plan.split}`, which says what trains. {parts.split_told(plan, generator.space, clips)} "
        f"{parts.roles_told(plan, generator.space, clips)} The column `split` is a clip's role.\n",
        _table(
            ["role", "clips", "clips of a combination", "for what"],
            [[role, f"{len(rows):,}", str(plan.nuisances[role]), parts.PURPOSES[role]] for role, rows in clips.items()],
        ),
        "## How it was made\n",
        f"    {plan.command}\n",
        "(space, version, levels, seed) decide a clip to the last of its 16 bits; the command, with these versions, "
        f"makes these files to the last byte: {', '.join(f'{name} {version}' for name, version in versions.items())}"
        f"{_font(plan)}. The files of clips take {n_bytes:,} bytes; the SHA-256 and size of every file are in "
        "`manifest.json`, and `python -m generators.dataset verify DIR` checks them and renders a sample of clips "
        "again.\n",
        "## Use\n",
        "Intended: to train and to probe representations of music audio, to compare measures of disentanglement and "
        f"preservation, to test audio software on sound with known {_known(generator)}, as exactly as said above.\n",
        "Unfit: as a stand-in for music. There is no polyphony, reverberation, expression or voice; what does well "
        "here need not do well on recordings. It tells nothing of people and holds no personal data.\n",
        "## Licence\n",
        licences.reason(plan) + "\n",
        "## Cite\n",
        f"Of {citation.DATE}, by {citation.AUTHORS}. {about.credits_of(plan) or ''}".strip() + "\n",
        f"```bibtex\n{citation.bibtex(plan)}\n```\n\n`CITATION.cff` says the same.\n",
    ]
    return "\n".join(sections)


def _known(generator: Generator) -> str:
    names = [name for name in generator.space.names if name not in ("timbre", "rhythm")]
    names += ["onsets"] if hasattr(generator, "midi") else ["waveform"]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _drawn(generator: Generator) -> str:
    """What is random in a clip and in no column."""
    on = [nuisance for nuisance in generator.nuisance_list if nuisance.name in generator.nuisances]
    if not on:
        return "Nothing in a clip is random: its seed decides nothing, and clips of one combination are one sound."
    told = "; ".join(f"{one.name.replace('_', ' ')} ({_ranges(one)})" for one in on)
    where = "no column and not in the MIDI" if hasattr(generator, "midi") else "no column"
    return (
        f"What else is in a clip, its nuisances, is drawn from its seed and is in {where}: {told}. By so much a clip "
        "may be off what its columns say."
    )


def _font(plan: Plan) -> str:
    font = plan.soundfont
    return "" if font is None else f", and the soundfont `{font.file}` (SHA-256 {font.sha256})"


def _front(plan: Plan, clips: dict[Role, Rows]) -> dict[str, Any]:
    licence = licences.licence_of(plan).lower()
    known = licence in ("cc-by-4.0", "mit")
    pattern = "data/{}-*.parquet" if plan.format == "parquet" else "audio/{}/**"  # with the role's metadata.csv
    files: list[dict[str, str]] = [{"split": role, "path": pattern.format(role)} for role in clips]
    total = sum(map(len, clips.values()))
    sizes = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6), ("1M<n<10M", 1e7))
    return {
        "license": licence if known else "gpl-2.0" if licence.startswith("gpl-2") else "other",
        "pretty_name": citation.title_of(plan),
        "tags": ["audio", "music", "disentanglement", "synthetic"],
        "size_categories": [next((name for name, limit in sizes if total < limit), "n>10M")],
        "configs": [{"config_name": "default", "data_files": files}],
    }


def _loading(plan: Plan, clips: dict[Role, Rows]) -> str:
    role = next(iter(clips))
    if plan.format == "wav":
        lines = f"""
            import datasets, pandas

            clips = pandas.read_csv("DIR/clips.csv")  # with paths of audio and MIDI, seen from DIR
            clips = datasets.load_dataset("DIR", split="{role}")  # pip install 'datasets[audio]'
        """
        return f"```python\n{textwrap.dedent(lines).strip()}\n```\n"
    lines = f"""
        import datasets, pandas, polars

        clips = datasets.load_dataset("DIR", split="{role}")
        clips = pandas.read_parquet("DIR/data", filters=[("split", "==", "{role}")])
        clips = polars.read_parquet("DIR/data/{role}-*.parquet")

        import io, soundfile

        samples, sample_rate = soundfile.read(io.BytesIO(clips["audio"][0]), dtype="int16")
    """
    return f"```python\n{textwrap.dedent(lines).strip()}\n```\n"


def _factors(generator: Generator) -> str:
    rows = [
        [factor.name, str(factor.n_levels), about.unit_of(factor) or "—", _values(factor)]
        for factor in generator.space.factors
    ]
    return (
        _table(["factor", "levels", "unit", "values, from level 0"], rows)
        + f"\nThe space has {generator.space.size:,} combinations of levels.\n"
    )


def _ranges(nuisance: Any) -> str:
    return ", ".join(f"{one.quantity} {one.low:g} to {one.high:g} {one.unit}" for one in nuisance.ranges)


def _values(factor: Factor) -> str:
    if isinstance(factor.values[0], str):
        return ", ".join(f"`{value}`" for value in factor.values)
    numbers = [f"{value:g}" for value in factor.values]
    return ", ".join(numbers) if len(numbers) <= 8 else f"{numbers[0]}, {numbers[1]}, … {numbers[-1]}"


def _columns(plan: Plan, generator: Generator, clips: dict[Role, Rows]) -> str:
    files = plan.format == "wav"
    rows = [
        ["`id`", "name of the clip, unique"],
        ["`split`", f"the clip's role: {', '.join(clips)}"],
        ["`seed`", "which decides the nuisances; the clip is a function of it and the levels"],
        *(
            [
                f"`{factor.name}_level`, `{factor.name}`",
                f"level, from 0; its value{f' in {about.unit_of(factor)}' if factor.unit else ''}",
            ]
            for factor in generator.space.factors
        ),
        ["`audio`", "path of a WAV file, 16 bit" if files else "bytes of a FLAC file, 16 bit"],
        [
            "`midi`",
            ("path of a MIDI file" if files else "bytes of a MIDI file") + ": what the clip plays, less nuisances",
        ],
    ]
    if not hasattr(generator, "midi"):
        rows[-1][1] = "empty: this space has no notes"
    return _table(["column", "what"], rows)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, [":--"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
