"""VCTK: 110 English speakers of many accents, 48 kHz, each sentence taken by two microphones.

References
----------
J. Yamagishi, C. Veaux, K. MacDonald: "CSTR VCTK Corpus: English multi-speaker corpus for CSTR voice cloning toolkit
(version 0.92)", University of Edinburgh, 2019.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, relative, top_folder, visible
from sepbench.errors import LayoutError, UsageError
from sepbench.published import Published

__all__ = ["Vctk"]

_MICS = ("mic1", "mic2")
_NEW, _OLD = "wav48_silence_trimmed", "wav48"
_EDITIONS = {_NEW: ("0.92", "CC-BY-4.0"), _OLD: ("0.80", "ODC-By-1.0")}
_WITHOUT_MIC2 = {"p280", "p315"}  # speaker-info.txt of 0.92: "mic2 files unavailable"; p315 has no texts either
_LABELS = {"AGE": "age", "GENDER": "sex", "ACCENTS": "accent", "REGION": "region"}
# only the region, which comes last, has several words; and these two accents
_WORD = re.compile(r"(?:Australian|NewZealand)\s+English|\S+")


class Vctk:
    """The reader of VCTK 0.92, and of the older 0.80.

    Which of the two it is shows in the tree: `version` and `licence` are those of the tree that was listed last.

    Parameters
    ----------
    mic : {"mic1", "mic2"}
        Which microphone: 1 is an omnidirectional DPA 4035, 2 a Sennheiser MKH 800. Never both: they hold the same
        utterances. Two speakers, p280 and p315, have no mic2 and are left out with it. Version 0.80 has mic1 only.
    """

    name = "vctk"
    version, licence = _EDITIONS[_NEW]
    title = "CSTR VCTK Corpus"
    url = "https://datashare.ed.ac.uk/handle/10283/3443"
    layout = (
        "VCTK-Corpus-0.92/wav48_silence_trimmed/SPEAKER/SPEAKER_SENTENCE_mic1.flac, with txt/ and speaker-info.txt, "
        "or in version 0.80 VCTK-Corpus/wav48/SPEAKER/SPEAKER_SENTENCE.wav"
    )
    published = Published.beside(__file__)

    def __init__(self, mic: str = "mic1") -> None:
        if mic not in _MICS:
            raise UsageError(f"vctk: unknown microphone `{mic}`", f"known are {', '.join(_MICS)}")
        self.mic = mic

    def items(self, root: Path) -> Iterator[Item]:
        """List the utterances of one microphone.

        Raises
        ------
        LayoutError
            If there are no recordings, or a speaker lacks the microphone although it was published.
        """
        names = ("VCTK-Corpus-0.92", "VCTK-Corpus")
        top = top_folder(self, root, names=names, marks=(f"{_NEW}/", f"{_OLD}/"))
        editions = [top / name for name in _EDITIONS if (top / name).is_dir()]
        if len(editions) > 1:
            raise LayoutError(
                f"{top}: holds two versions at once, `{_NEW}/` of 0.92 and `{_OLD}/` of 0.80",
                "keep each in a folder of its own: they hold the same sentences",
            )
        audio = editions[0]
        self.version, self.licence = _EDITIONS[audio.name]
        if audio.name == _OLD and self.mic != "mic1":
            raise LayoutError(f"{audio}: is version 0.80, which has no {self.mic}", "take mic1, or fetch version 0.92")
        infos = _speaker_info(top / "speaker-info.txt")
        for folder in visible(audio, "*/"):
            labels = {"speaker": folder.name, "mic": self.mic, **infos.get(folder.name, {})}
            yield from self._speaker(root, folder, top / "txt" / folder.name, labels)

    def _speaker(self, root: Path, folder: Path, texts: Path, labels: Mapping[str, str]) -> Iterator[Item]:
        ending = ".wav" if folder.parent.name == _OLD else f"_{self.mic}.flac"
        paths = visible(folder, f"*{ending}")
        if not paths and not (self.mic == "mic2" and folder.name in _WITHOUT_MIC2):
            raise misplaced(self, folder, f"`*{ending}`")
        for path in paths:
            if path.name.partition("_")[0] != folder.name:
                raise LayoutError(f"{path}: is not a recording of {folder.name}", "unpack the archive again")
            text = texts / f"{path.name.removesuffix(ending)}.txt"
            yield Item(
                item=path.stem,
                path=relative(path, root),
                group=folder.name,
                labels=labels,
                transcript=" ".join(lines(text)).strip() if text.is_file() else None,
            )


def _speaker_info(path: Path) -> dict[str, dict[str, str]]:
    """Read the table of speakers; copies with fewer columns are about, and the ids of version 0.80 have no `p`."""
    table = [_WORD.findall(line.split("(")[0]) for line in lines(path)] if path.is_file() else []
    header, *rows = [row for row in table if row] or [[]]
    infos = {}
    for row in rows:
        info: dict[str, str] = dict(zip(header, row, strict=False))
        if "REGION" in header:
            info["REGION"] = " ".join(row[header.index("REGION") :])
        speaker = f"p{row[0]}" if row[0].isdigit() else row[0]
        infos[speaker] = {name: " ".join(info[column].split()) for column, name in _LABELS.items() if info.get(column)}
    return infos
