"""Under which licence an export may be passed on, and why."""

from __future__ import annotations

import re

from generators.dataset.plan import Plan
from generators.dataset.soundfonts import NOTICE, UNKNOWN

SYNTHESISED = "CC-BY-4.0"
# Made from Fluid (R3), which itself has no contrabass above MIDI 57, 14 of the 24 pitches. Licence: the copyright file
# of Debian's package musescore-general-soundfont-small.
_ADVICE = (
    "For publishing, export with MuseScore General (MIT; Debian's musescore-general-soundfont-small): `--soundfont "
    "MuseScore_General_Lite.sf3 --soundfont-licence MIT --soundfont-notice FILE`, the file with its copyright notice."
)
_URLS = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "MIT": "https://opensource.org/license/mit",
}


def licence_of(plan: Plan) -> str:
    """SPDX identifier, or `unknown`."""
    return SYNTHESISED if plan.soundfont is None else plan.soundfont.licence


def url_of(licence: str) -> str:
    """Where its text is; of an expression, or of a licence that SPDX does not list, the expression itself."""
    listed = re.fullmatch(r"[A-Za-z0-9.+-]+", licence) and not licence.startswith("LicenseRef-")
    return _URLS.get(licence, f"https://spdx.org/licenses/{licence}.html" if listed else licence)


def reason(plan: Plan) -> str:
    """What the card says of it."""
    if plan.soundfont is None:
        return (
            "Every clip is computed from formulas and a seed; nothing is recorded or sampled. The clips are CC-BY-4.0: "
            "use them for anything, and cite dTones."
        )
    font, licence = plan.soundfont, plan.soundfont.licence
    if font.timgm6mb:
        return (
            f"The clips contain samples of the soundfont `{font.file}`, which is under the GNU General Public License "
            f"({licence}). Whether clips are a derived work of it is not settled; take them to be under the same "
            f"licence. {_ADVICE}"
        )
    if licence == UNKNOWN:
        return (
            f"The clips contain samples of the soundfont `{font.file}` (SHA-256 {font.sha256}); its licence was not "
            f"given (`--soundfont-licence`), so do not pass the clips on. {_ADVICE}"
        )
    notice = (
        f"its copyright notice is in `{NOTICE}`: keep that with them."
        if font.notice
        else "keep its copyright notice with them, which was not given (`--soundfont-notice`)."
    )
    return (
        f"The clips contain samples of the soundfont `{font.file}` (SHA-256 {font.sha256}), which its exporter says is "
        f"under {licence}, and so are they: {notice}"
    )


def needs_notice(plan: Plan) -> bool:
    """Whether a licence that was given asks for a notice that was not."""
    font = plan.soundfont
    return font is not None and not font.timgm6mb and font.licence not in (UNKNOWN, "CC0-1.0") and not font.notice
