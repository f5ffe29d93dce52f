"""The noise of the DNS challenges: some 62,000 clips of 10 s from AudioSet and Freesound, 48 kHz (16 kHz until 2021).

References
----------
H. Dubey et al.: "ICASSP 2023 Deep Noise Suppression Challenge", IEEE Open Journal of Signal Processing, 2024.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import relative, top_folder, visible
from sepbench.published import Published, with_errata

__all__ = ["DnsNoise"]

_FOLDERS = ("noise_fullband", "datasets_fullband/noise_fullband", "noise", "datasets/noise")
_FREESOUND = re.compile(r"(?P<what>.+)_Freesound_validated_(?P<id>\d+)_\d+", re.IGNORECASE)


class DnsNoise:
    """The reader of the DNS noise: what little its names tell, and the licence of where each clip is from."""

    name = "dns-noise"
    version = "5"
    title = "DNS challenge noise"
    url = "https://github.com/microsoft/DNS-Challenge"
    licence = "CC-BY-4.0"  # of AudioSet, from which most are
    licence_of_freesound = "CC0-1.0"
    layout = "datasets_fullband/noise_fullband/*.wav, in the challenges until 2021 datasets/noise/*.wav"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the clips.

        Raises
        ------
        LayoutError
            If there are none.
        """
        folders = (*_FOLDERS, "V5_training_dataset/noise_fullband")
        top = top_folder(
            self, root, names=("datasets_fullband", "datasets"), marks=tuple(f"{name}/*.wav" for name in folders)
        )
        folder = next(top / name for name in folders if visible(top / name, "*.wav"))
        clips = (self._clip(root, path) for path in visible(folder, "*.wav"))
        yield from with_errata(clips, self.published.errata)

    def _clip(self, root: Path, path: Path) -> Item:
        match = _FREESOUND.fullmatch(path.stem)
        if match:
            labels = {"source": "freesound", "class": match["what"], "recording": match["id"]}
            return Item(path.stem, relative(path, root), f"freesound-{match['id']}", labels=labels,
                        licence=self.licence_of_freesound)  # fmt: skip
        video = path.stem[:11]  # of YouTube, whose ids have eleven characters
        labels = {"source": "audioset", "recording": video}
        return Item(path.stem, relative(path, root), f"audioset-{video}", labels=labels)
