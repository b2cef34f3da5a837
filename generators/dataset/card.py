"""The data card, README.md of an export, and its citation file. Functions of the plan alone: the same for everyone."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from generators.dataset import licences
from generators.dataset.plan import Plan, Rows
from generators.factors import Factor
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator

_ROLES = {
    "train": "to train representations on",
    "validation": "to choose settings on; of the same distribution as train",
    "probe": "to fit probes on; every combination of levels alike, whatever the split",
    "test": "to report on; every combination of levels alike, whatever the split",
}
_KINDS = {
    "phrases": "a synthesised note, repeated in a rhythm",
    "tones": "one synthesised note",
    "soundfont": "a note of a sampled instrument, repeated in a rhythm",
    "syntone": "a steady tone of the published grid of SynTone (Brima et al. 2024), whose waveforms alias",
    "syntone-bandlimited": "a steady tone without aliasing",
}


def name_of(plan: Plan) -> str:
    """A name for the set that says what it is of, in letters, digits and hyphens."""
    return f"dtones-{plan.space}"


def title_of(plan: Plan) -> str:
    """The set's title."""
    return f"dTones {plan.space}, version {plan.version}, split {plan.split}"


def description(plan: Plan, generator: Generator) -> str:
    """What it is, in two sentences."""
    seconds = generator.n_samples / generator.sample_rate
    factors = ", ".join(f"{factor.name} ({factor.n_levels})" for factor in generator.space.factors)
    return (
        f"Music audio whose every factor is known: each clip is {_KINDS.get(plan.space, 'a sound')}, {seconds:g} s at "
        f"{generator.sample_rate} Hz, 16 bit, mono. Factors, independent by construction: {factors}."
    )


def card(plan: Plan, generator: Generator, clips: dict[Role, Rows], n_bytes: int, versions: dict[str, str]) -> str:
    """The whole card, Markdown with the front matter that Hugging Face reads. n_bytes: of the clips' files."""
    parts = [
        f"---\n{yaml.safe_dump(_front(plan, clips), sort_keys=False, allow_unicode=True)}---\n",
        f"# {title_of(plan)}\n",
        description(plan, generator) + "\n",
        "**Why.** Whether a representation keeps what was in the sound, and keeps each thing in a place of its own, "
        "can only be measured where what was in the sound is known. What dSprites and dMelodies are for images and "
        "scores.\n",
        "## Load it\n",
        _loading(plan, clips),
        "## Factors\n",
        _factors(generator),
        "## Columns\n",
        _columns(plan, generator),
        "## Splits\n",
        f"Split `{plan.split}`. The four parts share no combination of levels, except where a split repeats one within "
        "train or within validation, each time as a clip of its own.\n",
        _table(
            ["split", "clips", "clips of a combination", "for what"],
            [[role, f"{len(rows):,}", str(plan.nuisances[role]), _ROLES[role]] for role, rows in clips.items()],
        ),
        "## How it was made\n",
        f"    {plan.command}\n",
        "(space, version, levels, seed) decide a clip to the last of its 16 bits; the command, with these versions, "
        f"makes these files to the last byte: {', '.join(f'{name} {version}' for name, version in versions.items())}. "
        f"The clips take {n_bytes:,} bytes; the SHA-256 and size of every file are in `manifest.json`, and "
        "`python -m generators.dataset verify DIR` checks them and renders a sample of clips again.\n",
        "## Use\n",
        "Intended: to train and to probe representations of music audio, to compare measures of disentanglement and "
        "preservation, to test audio software on sound with known pitch, loudness and onsets.\n",
        "Unfit: as a stand-in for music. There is no polyphony, reverberation, expression or voice; what does well "
        "here need not do well on recordings. It tells nothing of people and holds no personal data.\n",
        "## Licence\n",
        licences.reason(plan) + "\n",
        "## Cite\n\n`CITATION.cff` says how.\n",
    ]
    return "\n".join(parts)


def citation(plan: Plan, versions: dict[str, str]) -> str:
    """CITATION.cff, of format 1.2.0."""
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use these clips, please cite them as below.",
        "type": "dataset",
        "title": title_of(plan),
        "version": plan.version,
        "authors": [{"name": "The dTones contributors"}],
        "keywords": ["music", "audio", "disentanglement", "representation learning"],
        "abstract": f"Made by dTones {versions['dtones']}: {plan.command}",
    }
    if (licence := licences.licence_of(plan)) != licences.UNKNOWN:
        found["license"] = licence
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _front(plan: Plan, clips: dict[Role, Rows]) -> dict[str, Any]:
    licence = licences.licence_of(plan).lower()
    known = licence in ("cc-by-4.0", "mit")
    files: list[dict[str, str]] = [{"split": role, "path": f"data/{role}-*.parquet"} for role in clips]
    total = sum(map(len, clips.values()))
    sizes = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6), ("1M<n<10M", 1e7))
    front: dict[str, Any] = {
        "license": licence if known else "gpl-2.0" if licence.startswith("gpl-2") else "other",
        "pretty_name": title_of(plan),
        "tags": ["audio", "music", "disentanglement", "synthetic"],
        "size_categories": [next((name for name, limit in sizes if total < limit), "n>10M")],
    }
    if plan.format == "parquet":
        front["configs"] = [{"config_name": "default", "data_files": files}]
    return front


def _loading(plan: Plan, clips: dict[Role, Rows]) -> str:
    role = next(iter(clips))
    if plan.format == "wav":
        return '```python\nimport pandas\n\nclips = pandas.read_csv("clips.csv")  # with paths of audio and MIDI\n```\n'
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
        [factor.name, str(factor.n_levels), factor.unit or "—", _values(factor)] for factor in generator.space.factors
    ]
    on = [nuisance for nuisance in generator.nuisance_list if nuisance.name in generator.nuisances]
    told = "; ".join(f"{one.name.replace('_', ' ')} ({_ranges(one)})" for one in on) or "none"
    return (
        _table(["factor", "levels", "unit", "values, from level 0"], rows)
        + f"\n{generator.space.size:,} combinations. Nuisances, drawn from each clip's seed and no factors: {told}.\n"
    )


def _ranges(nuisance: Any) -> str:
    return ", ".join(f"{one.quantity} {one.low:g} to {one.high:g} {one.unit}" for one in nuisance.ranges)


def _values(factor: Factor) -> str:
    if isinstance(factor.values[0], str):
        return ", ".join(f"`{value}`" for value in factor.values)
    numbers = [f"{value:g}" for value in factor.values]
    return ", ".join(numbers) if len(numbers) <= 8 else f"{numbers[0]}, {numbers[1]}, … {numbers[-1]}"


def _columns(plan: Plan, generator: Generator) -> str:
    files = plan.format == "wav"
    rows = [
        ["`id`", "name of the clip, unique"],
        ["`split`", "train, validation, probe or test"],
        ["`seed`", "which decides the nuisances; the clip is a function of it and the levels"],
        *(
            [
                f"`{factor.name}_level`, `{factor.name}`",
                f"level, from 0; its value{f' in {factor.unit}' if factor.unit else ''}",
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
