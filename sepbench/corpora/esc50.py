"""ESC-50: 2000 environmental sounds of 5 s, in 50 classes and 5 folds.

References
----------
K. J. Piczak: "ESC: Dataset for environmental sound classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import read_csv, refuse_gaps, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["Esc50"]

_TABLE = "meta/esc50.csv"
_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")


class Esc50:
    """The reader of ESC-50; the clips of its subset ESC-10 have the label `esc10` and a freer licence."""

    name = "esc50"
    version = "2.0.0"
    title = "ESC-50"
    url = "https://github.com/karolpiczak/ESC-50"
    licence = "CC-BY-NC-3.0"
    licence_of_esc10 = "CC-BY-3.0"
    layout = "ESC-50-master/audio/*.wav, with meta/esc50.csv"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the clips.

        Raises
        ------
        LayoutError
            If the table or the audio is missing, or they do not fit together.
        """
        top = top_folder(self, root, names=("ESC-50-master", "ESC-50"), marks=(_TABLE, "audio/*.wav"))
        require(self, top, _TABLE, "audio/")
        rows = read_csv(top / _TABLE, columns=_COLUMNS)
        paths = [top / "audio" / row["filename"] for row in rows]
        refuse_gaps(self, top / _TABLE, paths, visible(top / "audio", "*.wav"))
        for number, (row, path) in enumerate(zip(rows, paths, strict=True), 1):
            if path.stem != "-".join(row[name] for name in ("fold", "src_file", "take", "target")):
                raise LayoutError(
                    f"{top / _TABLE}: row {number} says other things of {path.name} than its name",
                    "the table was altered: fetch it again",
                )
            labels = {name: row[name] for name in _COLUMNS[1:]}
            yield Item(
                item=path.stem,
                path=relative(path, root),
                group=row["src_file"],  # clips of one recording on Freesound
                split=f"fold{row['fold']}",
                labels=labels | {"class": row["category"]},  # one recipe may choose by class in every set of noises
                licence=self.licence_of_esc10 if row["esc10"] == "True" else "",
            )
