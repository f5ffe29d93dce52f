"""LJ Speech: one woman reading non-fiction, 24 hours at 22.05 kHz.

References
----------
K. Ito, L. Johnson: "The LJ Speech dataset", 2017, https://keithito.com/LJ-Speech-Dataset/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, refuse_gaps, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["LJSpeech"]

_TABLE = "metadata.csv"


class LJSpeech:
    """The reader of LJ Speech; as all is by one speaker, a group is a chapter."""

    name = "ljspeech"
    version = "1.1"
    title = "LJ Speech"
    url = "https://keithito.com/LJ-Speech-Dataset/"
    licence = "LicenseRef-public-domain"
    layout = "LJSpeech-1.1/wavs/LJ001-0001.wav, with metadata.csv"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the clips.

        Raises
        ------
        LayoutError
            If the table or the audio is missing, or they do not fit together.
        """
        top = top_folder(self, root, names=("LJSpeech-1.1",), marks=(_TABLE, "wavs/LJ*.wav"))
        require(self, top, _TABLE, "wavs/")
        rows = [line.split("|") for line in lines(top / _TABLE) if line]  # quotation marks in it mean themselves
        for number, row in enumerate(rows, 1):
            if len(row) != 3:
                raise LayoutError(f"{top / _TABLE}: row {number} has {len(row)} columns, not 3", "fetch the set again")
        paths = [top / "wavs" / f"{row[0]}.wav" for row in rows]
        refuse_gaps(self, top / _TABLE, paths, visible(top / "wavs", "*.wav"))
        for (clip, _, normalised), path in zip(rows, paths, strict=True):
            chapter = clip.partition("-")[0]
            labels = {"speaker": "LJ", "sex": "F", "chapter": chapter}
            yield Item(clip, relative(path, root), group=chapter, labels=labels, transcript=normalised)
