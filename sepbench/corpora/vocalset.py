"""VocalSet: 20 singers without accompaniment, 10 hours of scales, arpeggios, long tones and songs in 17 techniques.

References
----------
J. Wilkins, P. Seetharaman, A. Wahl, B. Pardo: "VocalSet: A singing voice dataset", ISMIR 2018.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, relative, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published

__all__ = ["VocalSet"]

_FOLDERS = ("data_by_singer", "FULL")  # of version 1.2, and of 1.1
_LISTS = {"train": "train_singers_technique.txt", "test": "test_singers_technique.txt"}
_SINGER = re.compile(r"(?P<sex>fe|)male(?P<number>\d+)")
_VOWEL = re.compile(r".*_(?P<vowel>[aeiou])")


class VocalSet:
    """The reader of VocalSet 1.2, and of 1.1.

    Version 1.2 holds each recording three times, by singer, by technique and by vowel: the first is read. The splits
    are the authors' for the recognition of techniques, where their lists are there: no singer is in both.
    """

    name = "vocalset"
    version = "1.2"
    title = "VocalSet"
    url = "https://doi.org/10.5281/zenodo.1442513"
    licence = "CC-BY-4.0"
    layout = (
        "VocalSet1-2/data_by_singer/SINGER/CONTEXT/TECHNIQUE/*.wav, in version 1.1 FULL/SINGER/CONTEXT/TECHNIQUE/*.wav"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the recordings.

        Raises
        ------
        LayoutError
            If there is no folder of singers, or two of them, or a singer has no recordings.
        """
        names = ("VocalSet1-2", "VocalSet11", "VocalSet")
        top = top_folder(self, root, names=names, marks=tuple(f"{name}/*male*/" for name in _FOLDERS))
        folders = [top / name for name in _FOLDERS if visible(top / name, "*male*/")]
        if len(folders) > 1:
            raise LayoutError(
                f"{top}: holds two versions at once, `data_by_singer/` of 1.2 and `FULL/` of 1.1",
                "keep each in a folder of its own: they hold the same recordings",
            )
        folder = folders[0]
        self.version = "1.2" if folder.name == _FOLDERS[0] else "1.1"
        splits = {singer.strip(): split for split, name in _LISTS.items() for singer in _singers(top / name)}
        for singer in visible(folder, "*/"):
            match = _SINGER.fullmatch(singer.name)
            paths = visible(singer, "*/*/*.wav") if match else []
            if not match or not paths:
                raise misplaced(self, singer, "`CONTEXT/TECHNIQUE/*.wav` in a folder `female1` … `male11`")
            for path in paths:
                yield Item(
                    item=path.relative_to(folder).with_suffix("").as_posix(),
                    path=relative(path, root),
                    group=singer.name,
                    split=splits.get(singer.name, ""),
                    labels=_labels(path) | {"singer": singer.name, "sex": "F" if match["sex"] else "M"},
                )


def _labels(path: Path) -> dict[str, str]:
    vowel = _VOWEL.fullmatch(path.stem)
    labels = {"context": path.parent.parent.name, "technique": path.parent.name}
    return labels | ({"vowel": vowel["vowel"]} if vowel else {})


def _singers(path: Path) -> list[str]:
    return [line for line in lines(path) if line.strip()] if path.is_file() else []
