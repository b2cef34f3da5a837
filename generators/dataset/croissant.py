"""Croissant metadata of an export, version 1.0 (http://mlcommons.org/croissant/1.0): what mlcroissant reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generators.dataset import about, card, citation, licences, parts
from generators.dataset.files import TABLE
from generators.dataset.manifest import Entry
from generators.dataset.plan import Plan, Rows
from generators.splits import Role

if TYPE_CHECKING:
    from generators.generator import Generator

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_PARQUET = ("parquet-files", "The Parquet files", "application/x-parquet", "data/*.parquet")
_WAV = ("wav-files", "The WAV files", "audio/wav", "audio/*/*/*.wav")
_MIDI = ("midi-files", "The MIDI files", "audio/midi", "midi/*/*/*.mid")
_SPLITS = {
    "train": "cr:TrainingSplit",
    "validation": "cr:ValidationSplit",
    "probe": "cr:TrainingSplit",
    "test": "cr:TestSplit",
}


def metadata(plan: Plan, generator: Generator, clips: dict[Role, Rows], files: list[Entry]) -> str:
    """The whole file, JSON-LD. files: those of clips, and the table where there is one."""
    licence = licences.licence_of(plan)
    parquet = plan.format == "parquet"
    midi = [_file_set(*_MIDI)] if hasattr(generator, "midi") else []
    return json.dumps(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": citation.name_of(plan),
            "description": card.description(plan, generator, clips),
            "license": licences.url_of(licence) if licence != licences.UNKNOWN else "unknown; see README.md",
            "version": citation.version_of(plan),  # no url: where it is hosted is not known here
            "datePublished": citation.DATE,
            "creator": {"@type": "sc:Organization", "name": citation.AUTHORS},
            "citeAs": citation.bibtex(plan),
            "distribution": [_file_set(*_PARQUET)] if parquet else [_table_file(files), _file_set(*_WAV), *midi],
            "recordSet": [
                _splits(clips),
                {
                    "@type": "cr:RecordSet",
                    "@id": "clips",
                    "name": "clips",
                    "description": f"One clip a record. {parts.order_told(generator.space)}",
                    "key": {"@id": "clips/id"},
                    "field": [
                        _field(name, kind, what, parquet) for name, kind, what in _fields(generator, clips, parquet)
                    ],
                },
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def _splits(clips: dict[Role, Rows]) -> dict[str, Any]:
    """The roles that there are, as splits."""
    fields = [("name", "sc:Text", "Of a role."), ("url", "sc:URL", "What the role is for; a probe is trained, too.")]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"splits/{name}", "name": name, "description": what, "dataType": kind}
            for name, kind, what in fields
        ],
        "data": [{"splits/name": role, "splits/url": _SPLITS[role]} for role in clips],
    }


def _file_set(name: str, what: str, encoding: str, pattern: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": f"{what}, beside this one; their SHA-256 are in manifest.json.",
        "encodingFormat": encoding,
        "includes": pattern,
    }


def _table_file(files: list[Entry]) -> dict[str, Any]:
    [table] = [entry for entry in files if entry.path == TABLE]
    return {
        "@type": "cr:FileObject",
        "@id": TABLE,
        "name": TABLE,
        "contentUrl": TABLE,
        "contentSize": f"{table.bytes} B",
        "encodingFormat": "text/csv",
        "sha256": table.sha256,
    }


def _fields(generator: Generator, clips: dict[Role, Rows], parquet: bool) -> list[tuple[str, str, str]]:
    found = [
        ("id", "sc:Text", "Name of the clip."),
        ("split", "sc:Text", f"The clip's role: {', '.join(clips)}."),
        ("seed", "sc:Integer", "Decides the nuisances."),
    ]
    for factor in generator.space.factors:
        kind = "sc:Text" if isinstance(factor.values[0], str) else "sc:Float"
        found.append((f"{factor.name}_level", "sc:Integer", f"Level of {factor.name}, from 0."))
        found.append(
            (factor.name, kind, f"Value of {factor.name}{f' in {about.unit_of(factor)}' if factor.unit else ''}.")
        )
    if parquet:
        found.append(("audio", "sc:AudioObject", "Bytes of a FLAC file, 16 bit."))
    else:
        found.append(("audio", "sc:Text", "Path of a WAV file, 16 bit."))
    if hasattr(generator, "midi"):
        found.append(("midi", "sc:Text", "Bytes of a MIDI file." if parquet else "Path of a MIDI file."))
    return found


def _field(name: str, kind: str, what: str, parquet: bool) -> dict[str, Any]:
    source = {"fileSet": {"@id": "parquet-files"}} if parquet else {"fileObject": {"@id": TABLE}}
    found = {
        "@type": "cr:Field",
        "@id": f"clips/{name}",
        "name": name,
        "description": what,
        "dataType": kind,
        "source": {**source, "extract": {"column": name}},
    }
    return found | ({"references": {"field": {"@id": "splits/name"}}} if name == "split" else {})
