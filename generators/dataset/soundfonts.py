"""The soundfont that clips of the sampled space are of: which it is, and under which licence."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from generators.dataset.lines import UsageError

SPACE = "soundfont"
UNKNOWN = "unknown"
# The soundfont that pretty_midi carries, and Debian's build of it. Version 2 of the licence and no later one: the
# copyright file of Debian's package timgm6mb-soundfont.
DEFAULT_SOUNDFONT_LICENCE = "GPL-2.0-only"
DEFAULT_SHA256 = "82475b91a76de15cb28a104707d3247ba932e228bada3f47bba63c6b31aaf7a1"
TIMGM6MB = (DEFAULT_SHA256, "c5378b62028c920cb11e4803327983fee2f2cdff5dc89c708e39da417e51c854")
NOTICE = "LICENSE.txt"  # where it lies in an export
LONGEST_NOTICE = 100_000  # characters


class Soundfont(BaseModel):
    """The instruments of the sampled space.

    licence: an SPDX expression, or `unknown`. notice: the text that the licence asks to be passed on; empty: not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str
    sha256: str
    licence: str
    notice: str = ""

    @property
    def default(self) -> bool:
        """Whether it is what is played where no soundfont is asked for."""
        return self.sha256 == DEFAULT_SHA256

    @property
    def timgm6mb(self) -> bool:
        """Whether it is a known build of TimGM6mb, whose authors and licence are known."""
        return self.sha256 in TIMGM6MB


def soundfont_used(space: str, path: Path | None, licence: str | None, notice: Path | None = None) -> Soundfont | None:
    """What is to be told of the soundfont; None for spaces that need none.

    licence: as the user says it. notice: a text file.
    Raises UsageError for a licence that is none, or that is known to be another; ValueError as `fluid` does.
    """
    if space != SPACE:
        if licence is not None or notice is not None:
            option = "--soundfont-licence" if licence is not None else "--soundfont-notice"
            raise UsageError(f"{option} is for the space 'soundfont'; this is '{space}'")
        return None
    given, text = None if licence is None else _expression(licence), "" if notice is None else _text(notice)
    from generators import fluid

    place = fluid.default_soundfont() if path is None else path
    digest = fluid.check_soundfont(place)
    known = DEFAULT_SOUNDFONT_LICENCE if digest in TIMGM6MB else None
    if known and given not in (None, known):
        raise UsageError(
            f"{place} is TimGM6mb, which is under {known}, not {given}; for clips under another licence give another "
            "soundfont: --soundfont FILE"
        )
    return Soundfont(file=place.name, sha256=digest, licence=known or given or UNKNOWN, notice=text)


def _expression(licence: str) -> str:
    """A licence as SPDX writes it. Raises UsageError where SPDX has none of that name."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        raise UsageError(
            f"--soundfont-licence {licence}: expected an identifier of SPDX, as MIT or GPL-2.0-only, or LicenseRef-NAME"
        ) from None


def _text(path: Path) -> str:
    """What a licence's notice says. Raises UsageError where it is no text of a sensible length."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise UsageError(f"--soundfont-notice {path}: {reason}") from None
    if not 0 < len(text.strip()) <= len(text) <= LONGEST_NOTICE:
        raise UsageError(
            f"--soundfont-notice {path}: {len(text):,} characters; expected a licence's, {LONGEST_NOTICE:,} at most"
        )
    return text
