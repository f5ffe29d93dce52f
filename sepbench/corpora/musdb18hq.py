"""MUSDB18-HQ: 150 songs with their mixture and four stems, 44.1 kHz stereo, uncompressed.

References
----------
Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner: "MUSDB18-HQ - an uncompressed version of MUSDB18",
2019, doi:10.5281/zenodo.3338373.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sepbench.catalog import Item
from sepbench.corpora import misplaced, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["MEDLEYDB", "STEMS", "VALIDATION", "Musdb18Hq", "stem_of"]

STEMS = ("mixture", "drums", "bass", "other", "vocals")

# sigsep-mus-db, musdb/configs/mus.yaml: they lie in the folder `train`
VALIDATION = frozenset({
    "ANiMAL - Rockshow", "Actions - One Minute Smile", "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims", "Fergessen - Nos Palpitants", "James May - On The Line",
    "Johnny Lokke - Promises & Lies", "Leaf - Summerghost", "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave", "Skelpolu - Human Mistakes", "Traffic Experiment - Sirens",
    "Triviul - Angelsaint", "Young Griffo - Pennies",
})  # fmt: skip

# sigsep/website, content/datasets/assets/tracklist.csv: the 46 songs that are in MedleyDB too
MEDLEYDB = frozenset({
    "A Classic Education - NightOwl", "Aimee Norwich - Child", "Alexander Ross - Goodbye Bolero",
    "Alexander Ross - Velvet Curtain", "Auctioneer - Our Future Faces", "AvaLuna - Waterduct", "BigTroubles - Phantom",
    "Celestial Shore - Die For Us", "Clara Berry And Wooldog - Air Traffic", "Clara Berry And Wooldog - Stella",
    "Clara Berry And Wooldog - Waltz For My Victims", "Creepoid - OldTree", "Dreamers Of The Ghetto - Heavy Love",
    "Faces On Film - Waiting For Ga", "Grants - PunchDrunk", "Helado Negro - Mitad Del Mundo",
    "Hezekiah Jones - Borrowed Heart", "Hop Along - Sister Cities", "Invisible Familiars - Disturbing Wildlife",
    "Lushlife - Toynbee Suite", "Matthew Entwistle - Dont You Ever", "Meaxic - Take A Step", "Meaxic - You Listen",
    "Music Delta - 80s Rock", "Music Delta - Beatles", "Music Delta - Britpop", "Music Delta - Country1",
    "Music Delta - Country2", "Music Delta - Disco", "Music Delta - Gospel", "Music Delta - Grunge",
    "Music Delta - Hendrix", "Music Delta - Punk", "Music Delta - Reggae", "Music Delta - Rock",
    "Music Delta - Rockabilly", "Night Panther - Fire", "Port St Willow - Stay Even", "Secret Mountains - High Horse",
    "Snowmine - Curfews", "Steven Clark - Bounty", "Strand Of Oaks - Spacestation", "Sweet Lights - You Let Me Down",
    "The Districts - Vermont", "The Scarlet Brand - Les Fleurs Du Mal", "The So So Glos - Emergency",
})  # fmt: skip


class Musdb18Hq:
    """The reader of MUSDB18-HQ: one item for each stem and one for the mixture.

    The 14 songs that the authors chose for validation are the split `valid`. What is known to be wrong with a stem is
    its label `fault`, else ``none``; the label `medleydb` says whether the song is in MedleyDB too. Both are always
    there, so that a recipe may ask for them in an excerpt as well.
    """

    name = "musdb18hq"
    version = "zenodo-3338373"
    title = "MUSDB18-HQ"
    url = "https://doi.org/10.5281/zenodo.3338373"
    licence = "LicenseRef-MUSDB18-academic-use-only"
    published = Published.beside(__file__)
    layout = "musdb18hq/train and musdb18hq/test, each with ARTIST - TITLE/{mixture,drums,bass,other,vocals}.wav"

    def items(self, root: Path) -> Iterator[Item]:
        """List the mixture and the stems of each song.

        Raises
        ------
        LayoutError
            If a folder is missing, or a song lacks a stem.
        """
        top = top_folder(self, root, names=("musdb18hq", "MUSDB18-HQ"), marks=("train/", "test/"))
        require(self, top, "train/", "test/")
        yield from with_errata(self._songs(root, top), self.published.errata)

    def _songs(self, root: Path, top: Path) -> Iterator[Item]:
        for folder in (top / "train", top / "test"):
            songs = visible(folder, "*/")
            if visible(folder, "*.stem.mp4"):
                raise LayoutError(
                    f"{folder}: holds the `.stem.mp4` files of MUSDB18, but the WAVs of MUSDB18-HQ are expected",
                    f"index it as `musdb18`, or fetch {self.url}: lossy mixtures are not the sum of their stems",
                )
            if not songs:
                raise misplaced(self, folder, "`ARTIST - TITLE/`")
            for song in songs:
                yield from self._song(root, song)

    def _song(self, root: Path, song: Path) -> Iterator[Item]:
        require(self, song, *(f"{stem}.wav" for stem in STEMS))
        folder, name = song.parent.name, song.name
        for stem in STEMS:
            yield stem_of(name, stem, folder, relative(song / f"{stem}.wav", root))


def stem_of(song: str, stem: str, folder: str, path: PurePosixPath) -> Item:
    """Say of a stem, or the mixture, what the lists of MUSDB18 know: the same in the lossy set and in this one."""
    artist, _, title = song.partition(" - ")
    return Item(
        item=f"{folder}/{song}/{stem}",
        path=path,
        group=song,
        split="valid" if folder == "train" and song in VALIDATION else folder,
        labels={"artist": artist, "title": title or song, "medleydb": str(song in MEDLEYDB), "stem": stem},
        licence=_licence(song),
    )


def _licence(song: str) -> str:
    """Give the licence of a song, where the list of tracks names one; the rest is `Restricted`."""
    if song in MEDLEYDB:
        return "CC-BY-NC-SA-4.0"
    return "CC-BY-NC-SA-3.0" if song.startswith("The Easton Ellises") else ""
