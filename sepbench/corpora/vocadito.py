"""vocadito: 40 excerpts of solo singing in seven languages, by amateurs and professionals, 44.1 kHz.

References
----------
R. M. Bittner, K. Pasalo, J. J. Bosch, G. Meseguer-Brocal, D. Rubinstein: "vocadito: A dataset of solo vocals with f0,
note, and lyric annotations", 2021, arXiv:2110.05580.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, read_csv, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["Vocadito"]

_TABLE = "vocadito_metadata.csv"


class Vocadito:
    """The reader of vocadito; an excerpt of the set is read as far as it goes."""

    name = "vocadito"
    version = "1.0"
    title = "vocadito"
    url = "https://doi.org/10.5281/zenodo.5578807"
    licence = "CC-BY-4.0"
    layout = "vocadito/Audio/vocadito_N.wav, with vocadito_metadata.csv, and Annotations/Lyrics where they are wanted"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the recordings.

        Raises
        ------
        LayoutError
            If the table or the audio is missing, or the table does not know a recording.
        """
        top = top_folder(self, root, names=("vocadito",), marks=(_TABLE, "Audio/vocadito_*.wav"))
        require(self, top, _TABLE, "Audio/")
        table = read_csv(top / _TABLE, columns=("track_id", "singer_id", "language"))
        rows = {f"vocadito_{row['track_id']}": row for row in table}
        paths = visible(top / "Audio", "*.wav")
        if not paths:
            raise misplaced(self, top / "Audio", "`vocadito_N.wav`")
        for path in paths:
            if path.stem not in rows:
                raise LayoutError(f"{top / _TABLE}: has no row for {path}", "unpack the archive again")
            row, lyrics = rows[path.stem], top / "Annotations" / "Lyrics" / f"{path.stem}_lyrics.txt"
            yield Item(
                item=path.stem,
                path=relative(path, root),
                group=row["singer_id"],
                labels={"singer": row["singer_id"], "language": row["language"]},
                transcript=" ".join(lines(lyrics)).strip() if lyrics.is_file() else None,
            )
