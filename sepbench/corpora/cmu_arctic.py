"""CMU ARCTIC: some 1132 phonetically balanced sentences by each of 18 speakers, 16 kHz.

References
----------
J. Kominek, A. W. Black: "The CMU Arctic speech databases", 5th ISCA Speech Synthesis Workshop, 2004.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, refuse_gaps, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["CmuArctic"]

_TABLE = "etc/txt.done.data"
_ROW = re.compile(r'\(\s*(?P<utterance>\S+)\s+"(?P<words>.*)"\s*\)\s*')


class CmuArctic:
    """The reader of CMU ARCTIC; all speakers read the same sentences, the label `prompt` says which."""

    name = "cmu-arctic"
    version = "0.95"
    title = "CMU ARCTIC"
    url = "https://festvox.org/cmu_arctic/"
    licence = "LicenseRef-CMU-ARCTIC-free-use"
    layout = "ARCTIC/cmu_us_SPEAKER_arctic/wav/arctic_a0001.wav, with etc/txt.done.data"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the utterances of all speakers that are there.

        Raises
        ------
        LayoutError
            If there is no speaker, or one's recordings and sentences do not fit together.
        """
        top = top_folder(self, root, names=("ARCTIC",), marks=("cmu_us_*_arctic/",))
        for folder in visible(top, "cmu_us_*_arctic/"):
            yield from self._speaker(root, folder)

    def _speaker(self, root: Path, folder: Path) -> Iterator[Item]:
        require(self, folder, _TABLE, "wav/")
        words = _sentences(folder / _TABLE)
        paths = visible(folder / "wav", "*.wav")
        refuse_gaps(self, folder / _TABLE, [folder / "wav" / f"{name}.wav" for name in words], paths)
        speaker = folder.name.split("_")[2]
        for path in paths:
            labels = {"speaker": speaker, "prompt": path.stem}
            yield Item(f"{speaker}/{path.stem}", relative(path, root), speaker, labels=labels,
                       transcript=words[path.stem])  # fmt: skip


def _sentences(path: Path) -> dict[str, str]:
    rows = [(line, _ROW.fullmatch(line)) for line in lines(path) if line.strip()]
    for number, (line, row) in enumerate(rows, 1):
        if not row:
            raise LayoutError(f'{path}: row {number} is not `( UTTERANCE "WORDS" )`: {line[:60]}', "unpack it again")
    return {row["utterance"]: row["words"] for _, row in rows if row}
