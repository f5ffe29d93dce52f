"""MoisesDB: 240 songs by 45 artists, their sources in two levels of detail, 44.1 kHz stereo.

References
----------
I. Pereira, F. Araújo, F. Korzeniowski, R. Vogl: "MoisesDB: A dataset for source separation beyond 4-stems", ISMIR 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sepbench.catalog import Item
from sepbench.corpora import misplaced, read_json, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["MoisesDB"]


class MoisesDB:
    """The reader of MoisesDB: one item for each track of a stem; the set has no mixtures of its own."""

    name = "moisesdb"
    version = "0.1"
    title = "MoisesDB"
    url = "https://music.ai/research/"
    licence = "LicenseRef-MoisesDB-non-commercial-research"
    layout = "moisesdb/moisesdb_v0.1/SONG/STEM/TRACK.wav, with data.json in the folder of each song"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the tracks.

        Raises
        ------
        LayoutError
            If there are no songs, or one's tracks are not those that its `data.json` names.
        """
        names = ("moisesdb/moisesdb_v0.1", "moisesdb_v0.1", "moisesdb")
        top = top_folder(self, root, names=names, marks=("*/data.json", "moisesdb_v0.1/*/data.json"))
        for song in visible(top / "moisesdb_v0.1" if (top / "moisesdb_v0.1").is_dir() else top, "*/"):
            require(self, song, "data.json")
            yield from self._song(root, song)

    def _song(self, root: Path, song: Path) -> Iterator[Item]:
        facts = read_json(song / "data.json")
        try:
            tracks = [(stem["stemName"], track) for stem in facts["stems"] for track in stem["tracks"]]
            paths = {song / stem / f"{track['id']}.{track['extension']}": (stem, track) for stem, track in tracks}
        except (KeyError, TypeError) as error:
            raise LayoutError(f"{song / 'data.json'}: does not say `{error}` of a track", "unpack it again") from error
        there = set(visible(song, "*/*.*"))
        if there != set(paths):
            raise misplaced(self, song, f"the {len(paths)} tracks of its `data.json`, among them {_odd(there, paths)}")
        for path, (stem, track) in paths.items():
            yield Item(
                item=f"{song.name}/{stem}/{track['id']}",
                path=relative(path, root),
                group=str(facts.get("artist") or song.name),
                labels=_labels(facts) | {
                    "song": song.name, "stem": stem, "instrument": str(track.get("trackType", "")),
                    "bleed": str(bool(track.get("has_bleed"))),
                },
            )  # fmt: skip


def _labels(facts: dict[str, Any]) -> dict[str, str]:
    names = {"artist": "artist", "song": "title", "genre": "genre"}
    return {label: str(facts.get(name, "")) for name, label in names.items()}


def _odd(there: set[Path], listed: dict[Path, Any]) -> str:
    path = min(there ^ set(listed))
    return f"`{path.parent.name}/{path.name}`"
