"""UrbanSound8K: 8732 slices of city sounds, at most 4 s each, in 10 classes and 10 folds.

References
----------
J. Salamon, C. Jacoby, J. P. Bello: "A dataset and taxonomy for urban sound research", ACM Multimedia 2014.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import read_csv, refuse_gaps, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["UrbanSound8K"]

_TABLE = "metadata/UrbanSound8K.csv"
_COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")


class UrbanSound8K:
    """The reader of UrbanSound8K; rate, depth and channels are as uploaded and differ from file to file."""

    name = "urbansound8k"
    version = "1.0"
    title = "UrbanSound8K"
    url = "https://urbansounddataset.weebly.com/urbansound8k.html"
    licence = "CC-BY-NC-3.0"  # UrbanSound8K_README.txt, which lies in the archive; the page on Zenodo says 4.0
    layout = "UrbanSound8K/audio/fold1 … fold10/*.wav, with metadata/UrbanSound8K.csv"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the slices.

        Raises
        ------
        LayoutError
            If the table or the audio is missing, or they do not fit together.
        """
        top = top_folder(self, root, names=("UrbanSound8K",), marks=(_TABLE, "audio/fold*/"))
        require(self, top, _TABLE, "audio/")
        rows = read_csv(top / _TABLE, columns=_COLUMNS)
        paths = [top / "audio" / f"fold{row['fold']}" / row["slice_file_name"] for row in rows]
        refuse_gaps(self, top / _TABLE, paths, visible(top / "audio", "*/*.wav"))
        for number, (row, path) in enumerate(zip(rows, paths, strict=True), 1):
            if path.stem.split("-")[:2] != [row["fsID"], row["classID"]]:
                raise LayoutError(
                    f"{top / _TABLE}: row {number} says fsID {row['fsID']} and classID {row['classID']} of {path.name}",
                    "the table was altered: unpack it again",
                )
            yield Item(
                item=f"{path.parent.name}/{path.stem}",
                path=relative(path, root),
                group=row["fsID"],  # slices of one recording on Freesound
                split=path.parent.name,
                labels={name: row[name] for name in _COLUMNS[1:]},
            )
