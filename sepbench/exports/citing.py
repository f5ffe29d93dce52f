"""How a corpus is cited: one BibTeX entry for each public set that went in, one for the corpus, one for sepbench."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sepbench.errors import UsageError
from sepbench.exports.origins import Origin

if TYPE_CHECKING:
    from sepbench.manifest import Manifest

__all__ = ["FILE_NAME", "authors", "citations", "parsed"]

FILE_NAME = "citation.bib"
_HEAD = re.compile(r"@([A-Za-z]+)\s*\{\s*([A-Za-z0-9:._/-]+)\s*,")
_FIELD = re.compile(r"\s*([A-Za-z]+)\s*=\s*")
_HINT = "expected @TYPE{KEY, name = {value}, …}"
_ACCENT = re.compile(r"\{\\(.)(.)\}")
_COMBINING = {"'": "\u0301", '"': "\u0308", "`": "\u0300", "^": "\u0302", "~": "\u0303"}


def parsed(bibtex: str) -> dict[str, str]:
    """Take one BibTeX entry apart.

    Returns
    -------
    dict of str to str
        ``type``, ``key``, and each field by its name in small letters, without its outer braces.

    Raises
    ------
    UsageError
        If it is not exactly one entry, its braces don't balance, or a field comes twice.

    Examples
    --------
    >>> parsed("@misc{me2020, title = {A {Big} set}, year = {2020}}")
    {'type': 'misc', 'key': 'me2020', 'title': 'A {Big} set', 'year': '2020'}
    """
    text = bibtex.strip()
    head = _HEAD.match(text)
    if not head or not text.endswith("}"):
        raise UsageError(f"BibTeX: `{text[:40]}…` is not one entry", _HINT)
    entry = {"type": head[1].lower(), "key": head[2]}
    body, at = text[:-1], head.end()
    while body[at:].strip(" \n,"):
        at += len(body[at:]) - len(body[at:].lstrip(" \n,"))
        name = _FIELD.match(body, at)
        if not name or name[1].lower() in entry or body[name.end() : name.end() + 1] != "{":
            raise UsageError(f"BibTeX: `{head[2]}`: `{body[at : at + 40]}…` is not one more field", _HINT)
        stop = _closing(body, name.end(), head[2])
        entry[name[1].lower()] = body[name.end() + 1 : stop]
        at = stop + 1
    return entry


def _closing(text: str, opening: int, key: str) -> int:
    """Find the brace that closes the one at a place."""
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at
    raise UsageError(f"BibTeX: `{key}`: a brace is not closed", _HINT)


def authors(bibtex: str) -> str:
    """Give the authors of an entry as one writes them in a sentence.

    Examples
    --------
    >>> authors("@misc{x, author = {M{\\\\\\"u}ller, Meinard and Black, Alan W. and others}}")
    'Meinard Müller, Alan W. Black and others'
    """
    words = parsed(bibtex).get("author", "").replace("{\\ss}", "ß")
    words = _ACCENT.sub(lambda match: match[2] + _COMBINING.get(match[1], ""), words)
    words = unicodedata.normalize("NFC", re.sub("[{}]", "", words))
    names = [" ".join(reversed(name.split(", "))) for name in words.split(" and ")]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def citations(manifest: Manifest, origins: Iterable[Origin]) -> str:
    """Write the BibTeX of a corpus: the corpus itself, whom its recipe follows, sepbench, and each public set that went in.

    Sets of which no entry is known (any folder, a reader from elsewhere) are named in a comment.
    """
    recipe, metadata = manifest.metadata["recipe"], manifest.metadata
    title = recipe.get("title") or recipe["name"]
    corpus = f"""@misc{{sepbench:{recipe["name"]},
  title = {{{_plain(title)}}},
  note = {{Corpus of recipe {_plain(recipe["name"])}, version {recipe["version"]}, seed {metadata.get("seed", 0)}: {manifest.corpus_hash}}},
  howpublished = {{Made with sepbench {metadata.get("sepbench", "")}}}
}}"""
    parts = [corpus, *recipe.get("bibtex", ()), _SEPBENCH]
    for origin in origins:
        parts.append(origin.bibtex or f"% {origin.set}: no entry is known; cite it as its authors ask")
    return "\n\n".join(dict.fromkeys(part.strip() for part in parts)) + "\n"


_SEPBENCH = """@misc{sepbench,
  author = {{The sepbench developers}},
  title = {sepbench: reproducible corpora, exact scores and comparison tables for audio source separation},
  howpublished = {\\url{https://github.com/sepbench/sepbench}},
  year = {2026}
}"""


def _plain(text: str) -> str:
    """Write a text as it stands, in the signs of LaTeX."""
    return re.sub(r"([#$%&_])", r"\\\1", re.sub(r"[{}\\]", "", text))
