"""Pages: templates in, HTML out. All that stands in a result is escaped, in text, in attributes and in scripts."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def as_json(data: object) -> str:
    """Data for a `<script type="application/json">`: nothing in it can end the script, so it needs no other escape.

    Raises ValueError for a number that is not finite.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchmark.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_json"] = as_json
    return environment


def page(template: str, context: Mapping[str, Any]) -> str:
    """One page. template: a file of `templates/`. context: what it shows; a name that it lacks is an error."""
    return _templates().get_template(template).render(context).rstrip("\n") + "\n"
