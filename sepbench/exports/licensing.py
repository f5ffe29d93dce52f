"""The licences of a corpus: those of its recordings, what they ask for together, and whom to name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sepbench.exports.citing import authors
from sepbench.exports.origins import Origin

__all__ = ["FILE_NAME", "conditions", "licence_of_the_whole", "licences_page", "terms_url"]

FILE_NAME = "LICENSES.md"
_CREATIVE_COMMONS = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)")
_FREE = {"CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/"}


def licence_of_the_whole(origins: Iterable[Origin]) -> str:
    """Give the licence of all recordings together, as an SPDX expression: each of them holds.

    Examples
    --------
    >>> one = Origin("esc50", licences={"CC-BY-NC-3.0": None, "CC-BY-3.0 OR MIT": None})
    >>> licence_of_the_whole([one])
    '(CC-BY-3.0 OR MIT) AND CC-BY-NC-3.0'
    """
    found = sorted({licence for origin in origins for licence in origin.licences})
    return " AND ".join(f"({one})" if " OR " in one and len(found) > 1 else one for one in found)


def conditions(origins: Sequence[Origin]) -> list[str]:
    """Say in sentences what licences ask for that not every use can give."""
    known = [(origin.set, licence) for origin in origins for licence in origin.licences]
    sentences = []
    for sign, words in (
        (r"-NC\b", "No commercial use"),
        (r"-SA\b", "What is made of it is shared under the same licence, if at all"),
        (r"-ND\b", "What is made of it may not be shared; a mixture is made of it"),
        (r"LicenseRef-", "Terms of the set's own: read them"),
        (r"^unknown$", "Nobody has said under which licence the recordings are"),
    ):
        because = [f"`{licence}` of {set_}" for set_, licence in known if re.search(sign, licence)]
        if because:
            sentences.append(f"{words}: {', '.join(because)}.")
    alike = sorted({licence for _, licence in known if re.search(r"-SA\b", licence)})
    if len(alike) > 1:
        sentences.append(f"{' and '.join(alike)} each ask for themselves: see whether they can be kept at once before you share the whole.")  # fmt: skip
    return sentences


def terms_url(licence: str, origin: Origin) -> str:
    """Say where a licence can be read; empty where that is not known.

    Examples
    --------
    >>> terms_url("CC-BY-NC-3.0", Origin("esc50"))
    'https://creativecommons.org/licenses/by-nc/3.0/'
    """
    commons = _CREATIVE_COMMONS.fullmatch(licence)
    if commons:
        return f"https://creativecommons.org/licenses/{commons[1].lower()}/{commons[2]}/"
    if licence in _FREE:
        return _FREE[licence]
    if licence == "unknown" or licence.startswith("LicenseRef-") or not re.fullmatch(r"[A-Za-z0-9.+-]+", licence):
        return origin.licence_url if licence == origin.licence else ""
    return f"https://spdx.org/licenses/{licence}.html"


def licences_page(name: str, origins: Sequence[Origin]) -> str:
    """Write the page of licences: the whole, each licence with its counts, and the lines of attribution."""
    rows = [
        f"| {origin.set} | {licence} | {count.recordings:,} | {count.uses:,} | {terms_url(licence, origin)} |"
        for origin in origins
        for licence, count in origin.licences.items()
    ]
    return "\n".join(
        [
            f"# Licences of {name}",
            "",
            f"The whole: `{licence_of_the_whole(origins)}`.",
            "",
            "The mixtures and their stems are made of recordings that keep their own licences; who uses them keeps to all at once.",
            "Each row says which hold for its mixture. This page is a list, not advice.",
            "",
            *(f"- {sentence}" for sentence in conditions(origins)),
            "",
            "| set | licence | recordings | times used | terms |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "## Attribution",
            "",
            "Excerpts were cut, resampled, scaled and mixed, and transformed where the recipe says so, of:",
            "",
            *(_attribution(origin) for origin in origins),
            "",
        ]
    )


def _attribution(origin: Origin) -> str:
    by = f", by {authors(origin.bibtex)}" if origin.bibtex else ""
    version = f" (version {origin.version})" if origin.version and origin.version != "unversioned" else ""
    place = f", {origin.url}" if origin.url else ""
    return f"- {origin.title or origin.set}{version}{by}{place}; {', '.join(origin.licences)}"
