"""Results from strangers: data, never trusted. What is not as it must be is told in one line; the rest is used.

A file is refused by its size before it is read, by its JSON (a key given twice, deep nesting, NaN or infinity), by its
schema (`benchmark.results`), by its place, and where its P, D and B are not those of its own table of information.
"""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from benchmark.metrics.balance import balance, kept, preservation
from benchmark.metrics.table import ALL, BALANCE, DISENTANGLEMENT, INFORMATION, PRESERVATION
from benchmark.results import Result, ResultError, check_place, files, in_order, wrong
from benchmark.storage import Place

LARGEST_BYTES = 2_000_000  # a result of four blocks has 40,000
DEEPEST = 20  # brackets within brackets; a result has three
TOLERANCE = 1e-9  # of what is recomputed from the same numbers
FAMILIES = (  # those of `baselines.contract.Family`, which loads torch; a test holds them together
    "combined",
    "contrastive",
    "non-contrastive",
    "reconstructive",
    "control",
    "oracle",
    "other",
)


def collected(root: Place, benchmark_version: str) -> tuple[list[Result], list[str]]:
    """Every result of one benchmark version that can be used, in order; and what is wrong with the others, a line each.

    Raises ResultError where the files cannot be listed.
    """
    found, problems = list[Result](), list[str]()
    for file in files(root, benchmark_version):
        try:
            result = read(file)
            check_place(result, file, root)
        except ResultError as error:
            problems.append(printable(error))
        else:
            found.append(result)
    return in_order(found), problems


def printable(text: object) -> str:
    """A text in one line that a terminal shows as it is: file names of strangers may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))


def read(file: Place) -> Result:
    """One result, checked in all that it says of itself. Raises ResultError, one line that names file and field."""
    text = content(file)
    try:
        result = _quickly(text) or Result.model_validate(parsed(text), strict=True)
        check(result)
    except ValidationError as error:
        raise ResultError(f"{file}: {wrong(error)}") from None
    except ValueError as error:
        raise ResultError(f"{file}: {error}") from None
    return result


def _quickly(text: bytes) -> Result | None:
    """A result in the plain form in which results are written, at a third of the time; None: it needs a closer look.

    Where there are as many keys as the result has fields, none was there twice.
    """
    try:
        result = Result.model_validate_json(text, strict=True)
    except ValidationError:
        return None
    records = (result, result.environment, result.cost, *result.scores)
    keys = sum(len(one.model_fields_set) for one in records)
    keys += len(result.blocks) + len(result.settings) + len(result.cost.seconds)
    return result if text.count(b'":') == keys and not _APART.search(text) else None


_APART = re.compile(rb'"\s+:')  # a key that is not counted above


def content(file: Place) -> bytes:
    """The bytes of a file, if it is one, and not too large. Raises ResultError."""
    try:
        if isinstance(file, Path) and (file.is_symlink() or not file.is_file()):
            raise ResultError(f"{file}: it is no regular file; put the result itself there")
        size = file.stat().st_size
        if size > LARGEST_BYTES:
            raise ResultError(f"{file}: it has {size:,} bytes; a result has at most {LARGEST_BYTES:,}")
        return file.read_bytes()
    except OSError as error:
        raise ResultError(f"{file}: cannot be read ({error.strerror or error})") from None


def parsed(text: bytes) -> Any:
    """What JSON says. Raises ValueError where it is none, has a key twice, NaN or infinity, or nests too deep."""
    if _depth(text) > DEEPEST:
        raise ValueError(f"the whole file: it nests more than {DEEPEST} deep")
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ValueError("the whole file: Invalid JSON: it is not in UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the whole file: Invalid JSON: {error}") from None


def _depth(text: bytes) -> int:
    """At least how deep brackets nest; those in texts count too, but a result has none there."""
    openings = text.count(b"[") + text.count(b"{")
    if openings <= DEEPEST:
        return openings
    depth = deepest = 0
    for bracket in text.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice[:100]}: the key is there more than once")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"the whole file: it holds {text}, which is no number")


def check(result: Result) -> None:
    """Raise ValueError where a result is not what it says: by its family, or by P, D and B of its own table."""
    if result.family not in FAMILIES:
        raise ValueError(f"family: '{result.family}' is none of {', '.join(FAMILIES)}")
    if (result.family == "oracle") != result.method.startswith("oracle."):
        raise ValueError(f"family: it is '{result.family}', and the method is called '{result.method}'")
    stated = result.ranked()
    expected = recomputed(result)
    if stated.keys() != expected.keys():
        raise ValueError(f"scores: its table of information gives {_told(expected)}; it states {_told(stated)}")
    for metric, value in expected.items():
        if not math.isclose(value, stated[metric], rel_tol=0, abs_tol=TOLERANCE):
            raise ValueError(f"scores: {metric} is {stated[metric]}, and {value} by its own table of information")


def recomputed(result: Result) -> dict[str, float]:
    """P, D and B of a result's own table of information; P alone where it has no table of its blocks, or one is empty.

    Raises ValueError where the table lacks something.
    """
    information: dict[str, dict[str, float]] = {}
    for (metric, block, factor), value in result.by_key.items():
        if metric == INFORMATION and block is not None and factor is not None:
            information.setdefault(block, {})[factor] = value
    one_block = not information.keys() - {ALL}
    if one_block or len(result.blocks) < 2 or not all(result.blocks.values()):
        return {PRESERVATION: preservation(kept(information, result.blocks))}
    found = balance(information, result.blocks)
    values = (found.preservation, found.disentanglement, found.balance)
    return dict(zip((PRESERVATION, DISENTANGLEMENT, BALANCE), values, strict=True))


def _told(names: Iterable[str]) -> str:
    return ", ".join(names) or "none of P, D and B"
