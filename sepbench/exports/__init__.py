"""Corpora as other tools open them, with the card, the licences and the citations that belong to them.

A format is a class in a file of its own, found through the entry points ``sepbench.exports``; `Format` says what it does.
"""

from __future__ import annotations

from pathlib import Path

from sepbench.exports.cards import written
from sepbench.exports.citing import citations as _citations
from sepbench.exports.contents import Contents
from sepbench.exports.exporting import Exported, Format, export
from sepbench.exports.licensing import licences_page

__all__ = ["Contents", "Exported", "Format", "card", "citations", "export", "licences"]


def card(corpus: Path | str, *, split: str | None = None) -> str:
    """Write the card of a corpus: a Markdown page with a YAML header, from its recipe and its rows.

    Raises
    ------
    TableError
        If the corpus was only planned.
    """
    return written(Contents(corpus, split=split))


def licences(corpus: Path | str, *, split: str | None = None) -> str:
    """Write the page of licences of a corpus: each with its counts, the whole, and whom to name."""
    contents = Contents(corpus, split=split)
    return licences_page(contents.name, contents.origins)


def citations(corpus: Path | str, *, split: str | None = None) -> str:
    """Write the BibTeX of a corpus and of the public sets that went into it."""
    contents = Contents(corpus, split=split)
    return _citations(contents.manifest, contents.origins)
