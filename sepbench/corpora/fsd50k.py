"""FSD50K: 51,197 clips of Freesound in 200 classes of AudioSet's ontology, 44.1 kHz mono.

References
----------
E. Fonseca, X. Favory, J. Pons, F. Font, X. Serra: "FSD50K: an open dataset of human-labeled sound events", IEEE/ACM
TASLP 30, 2022.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import read_csv, read_json, refuse_gaps, relative, require, top_folder, visible
from sepbench.errors import LayoutError
from sepbench.published import Published, with_errata

__all__ = ["Fsd50k"]

_SPLITS = {"train": "train", "val": "valid", "eval": "test"}
_LICENCE = re.compile(
    r"https?://creativecommons\.org/(?:licenses|publicdomain)/(?P<kind>[a-z+-]+)/(?P<version>[0-9.]+)/?"
)
_SPDX = {"by": "CC-BY-{}", "by-nc": "CC-BY-NC-{}", "zero": "CC0-{}", "sampling+": "LicenseRef-CC-Sampling-Plus-{}"}


class Fsd50k:
    """The reader of FSD50K; each clip keeps its own licence, and a group is what one user uploaded.

    The label `class` is the most special one of a clip, `labels` holds all, with commas between them.
    """

    name = "fsd50k"
    version = "1.0"
    title = "FSD50K"
    url = "https://doi.org/10.5281/zenodo.4060432"
    licence = "CC-BY-4.0"  # of the set as a whole
    layout = (
        "FSD50K.{dev,eval}_audio/*.wav, with FSD50K.ground_truth/{dev,eval}.csv and "
        "FSD50K.metadata/{dev,eval}_clips_info_FSD50K.json, perhaps in a folder FSD50K"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List the clips of the parts that are there.

        Raises
        ------
        LayoutError
            If there is none, or a part, its labels and its licences do not fit together.
        """
        top = top_folder(self, root, names=("FSD50K",), marks=("FSD50K.*_audio/", "FSD50K.ground_truth/"))
        require(self, top, "FSD50K.ground_truth/", "FSD50K.metadata/")
        parts = [part for part in ("dev", "eval") if (top / f"FSD50K.{part}_audio").is_dir()]
        if not parts:
            require(self, top, "FSD50K.dev_audio/")
        yield from with_errata((item for part in parts for item in self._part(root, top, part)), self.published.errata)

    def _part(self, root: Path, top: Path, part: str) -> Iterator[Item]:
        table, metadata = f"FSD50K.ground_truth/{part}.csv", f"FSD50K.metadata/{part}_clips_info_FSD50K.json"
        require(self, top, table, metadata)
        columns = ("fname", "labels", "mids", *(["split"] if part == "dev" else []))
        rows, infos = read_csv(top / table, columns=columns), read_json(top / metadata)
        folder = top / f"FSD50K.{part}_audio"
        paths = [folder / f"{row['fname']}.wav" for row in rows]
        refuse_gaps(self, top / table, paths, visible(folder, "*.wav"))
        for row, path in zip(rows, paths, strict=True):
            info = infos.get(path.stem)
            if not isinstance(info, dict) or "license" not in info:
                raise LayoutError(f"{top / metadata}: does not say the licence of {path.stem}", "unpack it again")
            split = row.get("split", part)
            if split not in _SPLITS:
                raise LayoutError(f"{top / table}: {path.stem} is in the unknown split `{split}`", "unpack it again")
            uploader = str(info.get("uploader") or path.stem)
            labels = {"labels": row["labels"], "class": row["labels"].split(",")[0], "mids": row["mids"]}
            yield Item(
                item=f"{part}/{path.stem}",
                path=relative(path, root),
                group=uploader,
                split=_SPLITS[split],
                labels=labels | {"uploader": uploader},
                licence=spdx(str(info["license"])),
            )


def spdx(url: str) -> str:
    """Give the SPDX expression of a licence that Freesound names by its address.

    Examples
    --------
    >>> spdx("http://creativecommons.org/licenses/by-nc/3.0/")
    'CC-BY-NC-3.0'
    >>> spdx("http://creativecommons.org/publicdomain/zero/1.0/")
    'CC0-1.0'
    >>> spdx("https://example.org/mine")
    'LicenseRef-https-example.org-mine'
    """
    match = _LICENCE.fullmatch(url.strip())
    if match and match["kind"] in _SPDX:
        return _SPDX[match["kind"]].format(match["version"])
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", url).strip("-")
