"""Make a tiny corpus and print its hashes: ``tiny_corpus.py FOLDER ORDER WORKERS``.

The recordings are made in an order that depends on ORDER, and every listing of a folder comes in such an order too.
Neither that, nor the number of workers, nor the folder may show in the hashes.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from exact_core import noise

import sepbench
from sepbench import recipe as recipes
from sepbench.audio import write_pcm

# names that sort otherwise by locale, by case or as numbers; rates above and below the corpus's; 16 and 24 bits
RECORDINGS = {
    f"{split}/{stem}/{name}": (rate, bits, channels)
    for split in ("train", "test")
    for stem, names in {
        "voice": ("Ibis", "iris", "ırmak", "Zoë", "a 2", "a 10", "A-b", "ä"),
        "noise": ("_x", "X2", "x-1", "X1", "Straße", "strasse"),
    }.items()
    for name, rate, bits, channels in zip(
        names,
        (16000, 44100, 8000, 48000, 22050, 16000, 24000, 96000),
        (16, 24, 16, 24, 24, 16, 16, 24),
        (1, 2, 1, 1, 2, 1, 1, 2),
        strict=False,
    )
}
# eight shards of up to 32 mixtures: seven workers have something to do
RECIPE = {
    "name": "everywhere", "version": 1, "sample_rate": 16000, "length": 0.05, "splits": {"train": 40, "test": 170},
    "sources": [
        {"name": "voice", "role": "target", "set": "folder", "where": {"stem": "voice"}, "level_dbfs": -20.0,
         "splits": {"train": ["train"], "test": ["test"]}},
        {"name": "noise", "role": "noise", "set": "folder", "where": {"stem": "noise"}, "when_short": "loop",
         "splits": {"train": ["train"], "test": ["test"]}},
    ],
    "levels": {"snr_db": {"uniform": [-20, 20]}},
}  # fmt: skip


def record(root: Path, order: random.Random) -> None:
    """Write the recordings, each with samples that depend on its name alone."""
    names = sorted(RECORDINGS)
    samples = {name: 1000 * at for at, name in enumerate(names)}
    order.shuffle(names)
    for name in names:
        rate, bits, channels = RECORDINGS[name]
        path = root / f"{name}.{'flac' if bits == 16 else 'wav'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcm(path, noise(samples[name], channels, rate // 10, bits), rate, bits)


def list_in_any_order(order: random.Random) -> None:
    """Let this process see folders as no file system need show them."""
    scan, names = os.scandir, os.listdir

    class Shuffled:
        def __init__(self, *place: object) -> None:
            with scan(*place) as entries:
                self.entries = list(entries)
            order.shuffle(self.entries)

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __next__(self) -> os.DirEntry[str]:
            if not self.entries:
                raise StopIteration
            return self.entries.pop()

        def __enter__(self) -> Shuffled:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def close(self) -> None:
            pass

    def shuffled(*place: object) -> list[str]:
        found = names(*place)
        order.shuffle(found)
        return found

    os.scandir, os.listdir = Shuffled, shuffled


def main(folder: Path, order: int, workers: int) -> None:
    shuffle = random.Random(order)
    root = folder / f"recordings-{order}"
    record(root, shuffle)
    list_in_any_order(shuffle)
    pattern = "(?P<split>train|test)/(?P<stem>[^/]+)/.*"
    few = min(workers, 2)  # a pool shows what it mixes up with two; seven would take their time to start
    sepbench.index("folder", root, folder / "folder.parquet", workers=few, options={"pattern": pattern})
    manifest = sepbench.mix(
        recipes.parse(RECIPE), folder / "corpus", catalogs={"folder": folder / "folder.parquet"}, workers=workers
    )
    if not all(row["proof"]["status"] == "ok" for row in manifest):
        raise SystemExit("some mixtures were not made")
    sys.stdout.write(f"{manifest.metadata['plan_hash']}\n{manifest.corpus_hash}\n")


if __name__ == "__main__":  # worker processes import this file again
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
