"""Under which name and date an export is cited: CITATION.cff, BibTeX, one line."""

from __future__ import annotations

from typing import Any

import yaml

from generators.dataset import about, licences
from generators.dataset.plan import Plan

AUTHORS = "The dTones contributors"
# Of this version of dTones. That of the export would make other bytes of the same clips every day.
VERSION, DATE = "0.5.0", "2026-11-25"


def name_of(plan: Plan) -> str:
    """A name for the set that says what it is of, in letters, digits, dots and hyphens."""
    return f"dtones-{plan.key}"


def title_of(plan: Plan) -> str:
    """The set's title."""
    return f"dTones {plan.space}, version {plan.version}, split {plan.split}"


def version_of(plan: Plan) -> str:
    """The space's version in three parts, as Croissant wants it: `1.0.0`, `1.0.0+ccce7b91ca12`."""
    number, plus, build = plan.version.partition("+")
    return f"{number}.0.0{plus}{build}"


def line(plan: Plan) -> str:
    """How to cite it, in a line."""
    return f"{AUTHORS}. {title_of(plan)}. {DATE[:4]}."


def bibtex(plan: Plan) -> str:
    """An entry of a bibliography."""
    fields = {
        "author": f"{{{AUTHORS}}}",
        "title": f"{{{title_of(plan)}}}",
        "year": DATE[:4],
        "version": version_of(plan),
    }
    inside = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{name_of(plan)},\n{inside}}}"


def cff(plan: Plan, versions: dict[str, str]) -> str:
    """CITATION.cff, of format 1.2.0."""
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use these clips, please cite them as below.",
        "type": "dataset",
        "title": title_of(plan),
        "version": version_of(plan),
        "date-released": DATE,
        "authors": [{"name": AUTHORS}],
        "keywords": ["music", "audio", "disentanglement", "representation learning"],
        "abstract": f"Made by dTones {versions['dtones']}: {plan.command}",
    }
    if (licence := licences.licence_of(plan)) != licences.UNKNOWN:
        found["license"] = licence
    if references := _references(plan):
        found["references"] = references
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def _references(plan: Plan) -> list[dict[str, Any]]:
    if plan.space.startswith("syntone"):
        authors, year, title = about.SYNTONE
        return [{"type": "generic", "title": title, "authors": [{"name": authors}], "year": year}]
    if plan.soundfont is not None and plan.soundfont.timgm6mb:
        authored = [{"name": name} for name, _ in about.TIMGM6MB]
        return [{"type": "data", "title": "TimGM6mb (soundfont)", "authors": authored, "year": about.TIMGM6MB[-1][1]}]
    return []
