"""MUSAN: 109 hours of music, speech and noise from open sources, 16 kHz.

References
----------
D. Snyder, G. Chen, D. Povey: "MUSAN: A music, speech, and noise corpus", 2015, arXiv:1510.08484.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, relative, top_folder, visible
from sepbench.published import Published

__all__ = ["Musan"]

_KINDS = ("music", "noise", "speech")


class Musan:
    """The reader of MUSAN; the label `kind` tells music, noise and speech apart."""

    name = "musan"
    version = "SLR17"
    title = "MUSAN"
    url = "https://www.openslr.org/17"
    licence = "CC-BY-4.0"
    layout = "musan/{music,noise,speech}/SOURCE/KIND-SOURCE-NUMBER.wav, with music/SOURCE/ANNOTATIONS"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the recordings of the kinds that are there.

        Raises
        ------
        LayoutError
            If there is none, or a source holds no recordings.
        """
        top = top_folder(self, root, names=("musan",), marks=tuple(f"{kind}/*/" for kind in _KINDS))
        for source in (source for kind in _KINDS for source in visible(top, f"{kind}/*/")):
            paths = visible(source, "*.wav")
            if not paths:
                raise misplaced(self, source, "`*.wav`")
            annotations = _annotations(source) if source.parent.name == "music" else {}
            for path in paths:
                own = annotations.get(path.stem, {})
                labels = {"kind": source.parent.name, "source": source.name, **own}
                yield Item(path.stem, relative(path, root), own.get("artist") or path.stem, labels=labels)


def _annotations(source: Path) -> Mapping[str, dict[str, str]]:
    """Read the genres, whether there is singing, and who plays: one line for each piece, the artist's name last."""
    rows = [line.split() for path in visible(source, "ANNOTATIONS") for line in lines(path)]
    whole = [row for row in rows if len(row) > 3]
    return {row[0]: {"genre": row[1], "vocals": row[2], "artist": " ".join(row[3:])} for row in whole}
