"""Dagstuhl ChoirSet: an amateur choir and two quartets, with microphones for the singers and for the room.

References
----------
S. Rosenzweig, H. Cuesta, C. Weiß, F. Scherbaum, E. Gómez, M. Müller: "Dagstuhl ChoirSet: A multitrack dataset for MIR
research on choral singing", TISMIR 3(1), 2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import misplaced, relative, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["DagstuhlChoirSet"]

_AUDIO = "audio_wav_22050_mono"
_NAME = re.compile(
    r"DCS_(?P<song>[A-Z]+)_(?P<setting>[A-Za-z]+)_(?P<take>[A-Za-z]+\d+)_(?P<part>[A-Za-z]+\d*)_(?P<mic>[A-Z]+)"
)


class DagstuhlChoirSet:
    """The reader of Dagstuhl ChoirSet.

    The microphones at the singers hear the neighbours too, so their recordings serve to evaluate, not as clean targets.
    The same singers are in all songs: a corpus that is split by song has no new voices in its test.
    """

    name = "dagstuhl-choirset"
    version = "1.2.3"
    title = "Dagstuhl ChoirSet"
    url = "https://doi.org/10.5281/zenodo.4618287"
    licence = "CC-BY-4.0"
    layout = "DagstuhlChoirSet_V1.2.3/audio_wav_22050_mono/DCS_SONG_SETTING_TAKE_PART_MIC.wav"
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the recordings of all microphones.

        Raises
        ------
        LayoutError
            If there are none, or one's name is not of the published form.
        """
        top = top_folder(self, root, names=("DagstuhlChoirSet_V1.2.3", "DagstuhlChoirSet"), marks=(f"{_AUDIO}/",))
        yield from with_errata(self._recordings(root, top / _AUDIO), self.published.errata)

    def _recordings(self, root: Path, folder: Path) -> Iterator[Item]:
        paths = visible(folder, "*.wav")
        if not paths:
            raise misplaced(self, folder, "`DCS_*.wav`")
        for path in paths:
            match = _NAME.fullmatch(path.stem)
            if not match:
                raise LayoutError(f"{path}: is not named DCS_SONG_SETTING_TAKE_PART_MIC.wav", "take it away")
            yield Item(item=path.stem, path=relative(path, root), group=match["song"], labels=match.groupdict())
