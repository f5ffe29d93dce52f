"""MUSDB18: 150 songs as Native Instruments' stems, 44.1 kHz stereo, coded as AAC.

References
----------
Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner: "The MUSDB18 corpus for music separation", 2017,
doi:10.5281/zenodo.1117372.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sepbench import stems
from sepbench.catalog import Item
from sepbench.corpora import misplaced, relative, require, top_folder, visible
from sepbench.corpora.musdb18hq import STEMS, stem_of
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["Musdb18"]

_SUFFIX = ".stem.mp4"


class Musdb18:
    """The reader of MUSDB18: one item for each of the five streams of a song's file.

    Songs, splits, licences and faults are those of MUSDB18-HQ. The streams are decoded by ffmpeg, through stempeg, so
    their samples are those of that version of ffmpeg.
    """

    name = "musdb18"
    version = "zenodo-1117372"
    title = "MUSDB18"
    url = "https://doi.org/10.5281/zenodo.1117372"
    licence = "LicenseRef-MUSDB18-academic-use-only"
    layout = "musdb18/train and musdb18/test, each with ARTIST - TITLE.stem.mp4"
    published = Published.beside(__file__)

    def require(self) -> None:
        """Make sure that its files can be decoded.

        Raises
        ------
        MissingExtraError
            If stempeg or ffmpeg is missing.
        """
        stems.require()

    def items(self, root: Path) -> Iterator[Item]:
        """List the mixture and the stems of each song.

        Raises
        ------
        LayoutError
            If a folder is missing, or holds no songs.
        """
        top = top_folder(self, root, names=("musdb18", "MUSDB18"), marks=("train/", "test/"))
        require(self, top, "train/", "test/")
        yield from with_errata(self._songs(root, top), self.published.errata)

    def _songs(self, root: Path, top: Path) -> Iterator[Item]:
        for folder in (top / "train", top / "test"):
            if visible(folder, "*/*.wav"):
                raise LayoutError(
                    f"{folder}: holds the WAVs of MUSDB18-HQ, but files `*{_SUFFIX}` are expected",
                    "index it as `musdb18hq`",
                )
            songs = visible(folder, f"*{_SUFFIX}")
            if not songs:
                raise misplaced(self, folder, f"`ARTIST - TITLE{_SUFFIX}`")
            for song in songs:
                for stem in STEMS:
                    yield stem_of(song.name.removesuffix(_SUFFIX), stem, folder.name, relative(song, root) / stem)
