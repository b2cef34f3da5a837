"""Under which licence an export may be passed on, and why."""

from __future__ import annotations

from generators.dataset.plan import DEFAULT_SOUNDFONT_LICENCE, Plan

SYNTHESISED = "CC-BY-4.0"
UNKNOWN = "unknown"
_URLS = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "MIT": "https://opensource.org/license/mit",
}


def licence_of(plan: Plan) -> str:
    """SPDX identifier, or `unknown`."""
    return SYNTHESISED if plan.soundfont is None else plan.soundfont.licence


def url_of(licence: str) -> str:
    """Where its text is."""
    return _URLS.get(licence, f"https://spdx.org/licenses/{licence}.html")


def reason(plan: Plan) -> str:
    """What the card says of it."""
    if plan.soundfont is None:
        return (
            "Every clip is computed from formulas and a seed; nothing is recorded or sampled. The clips are CC-BY-4.0: "
            "use them for anything, and cite dTones."
        )
    font, licence = plan.soundfont, plan.soundfont.licence
    advice = "For publishing, export with FluidR3 GM (MIT): `--soundfont FluidR3_GM.sf2 --soundfont-licence MIT`."
    if licence == DEFAULT_SOUNDFONT_LICENCE:
        return (
            f"The clips contain samples of the soundfont `{font.file}`, which is under the GNU General Public License "
            f"({licence}). Whether clips are a derived work of it is not settled; take them to be under the same "
            f"licence. {advice}"
        )
    if licence == UNKNOWN:
        return (
            f"The clips contain samples of the soundfont `{font.file}` (SHA-256 {font.sha256}); its licence was not "
            f"given (`--soundfont-licence`), so do not pass the clips on. {advice}"
        )
    return (
        f"The clips contain samples of the soundfont `{font.file}` (SHA-256 {font.sha256}), which is under {licence}, "
        "and so are they: keep its copyright notice with them."
    )
