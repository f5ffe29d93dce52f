"""MIR-1K: 1000 clips of Chinese pop by 19 amateurs, the accompaniment left and the voice right, 16 kHz.

References
----------
C.-L. Hsu, J.-S. R. Jang: "On the improvement of singing voice separation for monaural recordings using the MIR-1K
dataset", IEEE TASLP 18(2), 2010.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import misplaced, relative, top_folder, visible
from sepbench.published import Published

__all__ = ["Mir1k"]

_STEMS = {"accompaniment": "channel1", "vocals": "channel2"}


class Mir1k:
    """The reader of MIR-1K: two items for each clip, its channels."""

    name = "mir-1k"
    version = "1.0"
    title = "MIR-1K"
    url = "https://sites.google.com/site/unvoicedsoundseparation/mir-1k"
    licence = "LicenseRef-MIR-1K-research-only"
    layout = "MIR-1K/Wavfile/SINGER_SONG_CLIP.wav"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the voices and the accompaniments.

        Raises
        ------
        LayoutError
            If there are no clips.
        """
        top = top_folder(self, root, names=("MIR-1K",), marks=("Wavfile/",))
        paths = visible(top / "Wavfile", "*.wav")
        if not paths:
            raise misplaced(self, top / "Wavfile", "`SINGER_SONG_CLIP.wav`")
        for path in paths:
            singer, song = path.stem.split("_")[0], path.stem.rpartition("_")[0]
            for stem, channel in _STEMS.items():
                labels = {"singer": singer, "song": song, "clip": path.stem, "stem": stem}
                yield Item(f"{path.stem}/{stem}", relative(path, root) / channel, group=singer, labels=labels)
