"""WebDataset: tar files of samples, each a mixture, its stems and a JSON file, read in one go.

The same corpus gives the same bytes: members come in the order of the manifest, and have no time and no owner.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sepbench.exports.columns import described_sources, flat, flat_stems
from sepbench.exports.contents import MIXTURE, Contents
from sepbench.exports.options import megabytes

__all__ = ["WebDataset", "key_of"]


class WebDataset:
    """The form of WebDataset: ``SPLIT-NNNNNN.tar``.

    Parameters
    ----------
    shard_mb : int or str
        A new file is begun after so many megabytes.
    """

    title = "WebDataset: tar files of samples"

    def __init__(self, shard_mb: int | str = 1000) -> None:
        self.shard_bytes = megabytes("shard_mb", shard_mb)

    opening = """```python
import io, soundfile, webdataset

for sample in webdataset.WebDataset("FOLDER/train-000000.tar", shardshuffle=False):
    samples, rate = soundfile.read(io.BytesIO(sample["mixture.flac"]))
```

The members of a sample are `KEY.mixture.flac`, `KEY.STEM.flac` for each stem, and `KEY.json` with its row; KEY is the id of
the mixture, in which a dot is written `%2E`. `SPLIT-{000000..N}.tar` names all files of a split; `shards.json` lists them.
The folder may be moved."""

    def write(self, contents: Contents, folder: Path) -> Mapping[str, Any]:
        """Write the files of each split, and ``shards.json`` with how many samples each has."""
        counts: dict[str, int] = {}
        for split in contents.splits:
            for number, samples in enumerate(self._shards(contents, split, folder)):
                counts[f"{split}-{number:06d}.tar"] = samples
        (folder / "shards.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
        return {}

    def _shards(self, contents: Contents, split: str, folder: Path) -> list[int]:
        samples: list[int] = []
        tar: tarfile.TarFile | None = None
        try:
            for row in contents.rows(split):
                if tar is None or tar.offset > self.shard_bytes:
                    if tar:
                        tar.close()
                    tar = tarfile.open(folder / f"{split}-{len(samples):06d}.tar", "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115
                    samples.append(0)
                _add(tar, contents, row)
                samples[-1] += 1
        finally:
            if tar:
                tar.close()
        return samples


def key_of(mixture_id: str) -> str:
    """Give the key of a sample: WebDataset cuts names at their first dot.

    Examples
    --------
    >>> key_of("p232.001")
    'p232%2E001'
    """
    return mixture_id.replace(".", "%2E")


def _add(tar: tarfile.TarFile, contents: Contents, row: Mapping[str, Any]) -> None:
    key = key_of(row["mixture_id"])
    stems = list(flat_stems(row))
    described = flat(row) | {"sources": list(described_sources(row, contents.transcripts)), "stems": stems}
    _member(tar, f"{key}.json", json.dumps(described, ensure_ascii=False, sort_keys=True).encode())
    for name in (MIXTURE, *(stem["name"] for stem in stems)):
        path = contents.audio(row, name)
        _member(tar, f"{key}.{name}{path.suffix}", path.read_bytes())


def _member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # no time, no owner
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
