"""Makes `catalog-v1.parquet`. Run once, when version 1 was frozen; a new version gets a new file, this one stays."""

import tempfile
from pathlib import Path

import trees

from sepbench import __version__, catalog, parquet


def make(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = trees.librispeech(Path(folder), seconds=1.25)
        top = root / "LibriSpeech"
        trees.audio(top, "test-other/1998/15444/1998-15444-0000.flac", silent=True)
        (top / "train-clean-100/60/121082/60-121082-0000.flac").write_bytes(b"")
        table = catalog.index("librispeech", root, Path(folder) / "catalog.parquet", workers=0)
    metadata = {"sepbench": __version__, "set": "librispeech", "root_hint": "/data/librispeech"}
    parquet.write_parquet(table, out, kind="catalog", version=1, metadata=metadata)


if __name__ == "__main__":
    make(Path(__file__).with_name("catalog-v1.parquet"))
