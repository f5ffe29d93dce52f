"""MedleyDB: multitrack recordings of songs of many genres, with their mixture, stems and raw tracks, 44.1 kHz.

References
----------
R. Bittner, J. Salamon, M. Tierney, M. Mauch, C. Cannam, J. P. Bello: "MedleyDB: A multitrack dataset for
annotation-intensive MIR research", ISMIR 2014.
R. Bittner, J. Wilkins, H. Yip, J. P. Bello: "MedleyDB 2.0: New data and a system for sustainable data collection",
ISMIR 2016.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sepbench.catalog import Item
from sepbench.corpora import misplaced, read_yaml, relative, require, top_folder, visible
from sepbench.corpora.musdb18hq import MEDLEYDB
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["MedleyDB"]

_FOLDERS = ("Audio", "V1", "V2")
# MUSDB18 writes `Music Delta - 80s Rock` for MusicDelta_80sRock
_IN_MUSDB18 = frozenset(song.replace(" - ", "_").replace(" ", "") for song in MEDLEYDB)


class MedleyDB:
    """The reader of MedleyDB: one item for each mixture and each stem; raw tracks are left alone.

    The label `bleed` says whether the microphones of a song heard each other, `musdb18` whether the song is in MUSDB18
    too, where it may be a song of the test.
    """

    name = "medleydb"
    version = "2.0"
    title = "MedleyDB"
    url = "https://medleydb.weebly.com/"
    licence = "CC-BY-NC-SA-4.0"
    layout = (
        "MedleyDB/Audio/ARTIST_TITLE/ARTIST_TITLE_MIX.wav, with ARTIST_TITLE_STEMS/ARTIST_TITLE_STEM_01.wav and "
        "ARTIST_TITLE_METADATA.yaml in the same folder, or all in MedleyDB/Metadata"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the mixtures and stems.

        Raises
        ------
        LayoutError
            If there are no songs, or one's stems are not those that its metadata name.
        """
        names = ("MedleyDB", "MedleyDB_V2")
        top = top_folder(self, root, names=names, marks=tuple(f"{name}/*/*_MIX.wav" for name in _FOLDERS))
        yield from with_errata(self._songs(root, top), self.published.errata)

    def _songs(self, root: Path, top: Path) -> Iterator[Item]:
        for folder in (folder for name in _FOLDERS for folder in visible(top, f"{name}/*/")):
            song = folder.name
            require(self, folder, f"{song}_MIX.wav", f"{song}_STEMS/")
            apart = top / "Metadata"
            place = apart if apart.is_dir() else folder
            require(self, place, f"{song}_METADATA.yaml")
            facts = read_yaml(place / f"{song}_METADATA.yaml")
            labels = {
                "artist": str(facts.get("artist", "")),
                "title": str(facts.get("title", "")),
                "genre": str(facts.get("genre", "")),
                "bleed": str(str(facts.get("has_bleed")).lower() in ("yes", "true")),
                "musdb18": str(song in _IN_MUSDB18),
            }
            mixture = relative(folder / f"{song}_MIX.wav", root)
            yield Item(f"{song}/mixture", mixture, group=labels["artist"] or song, labels=labels | {"stem": "mixture"})
            yield from self._stems(root, folder, facts, labels)

    def _stems(self, root: Path, folder: Path, facts: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[Item]:
        stems = facts.get("stems")
        if not isinstance(stems, dict) or not all(isinstance(stem, dict) for stem in stems.values()):
            raise LayoutError(f"{folder}: its metadata name no stems", "fetch the metadata again")
        place = folder / f"{folder.name}_STEMS"
        listed = {str(stem.get("filename")) for stem in stems.values()}
        there = {path.name for path in visible(place, "*.wav")}
        if listed != there:
            raise misplaced(self, place, f"the {len(listed)} stems of its metadata, such as `{min(listed ^ there)}`")
        for number, stem in sorted(stems.items()):
            own = {"instrument": stem.get("instrument"), "component": stem.get("component"), "stem": number}
            yield Item(
                item=f"{folder.name}/{number}",
                path=relative(place / stem["filename"], root),
                group=labels["artist"] or folder.name,
                labels={**labels, **{name: str(value or "") for name, value in own.items()}},
            )
