"""Make the frozen corpus and score table of schema version 1 anew: only before a release, never after.

Run as ``PYTHONPATH=tests python tests/frozen/make_corpus.py``.
"""

import shutil
import tempfile
from pathlib import Path

from sepbench import Manifest, catalog, mixing, scores
from sepbench import recipe as recipes
from sepbench.evaluate import score
from sepbench.tour import RECORDINGS, SETS

HERE = Path(__file__).parent
# what the exact path does: resampling up and down, stereo to mono, levels of each source, a common gain, 24 bits
RECIPE = {
    "name": "frozen", "version": 1, "sample_rate": 22050, "bits": 24, "length": 0.5, "splits": {"test": 2, "train": 1},
    "sources": [
        {"name": "speech", "role": "target", "set": "librispeech", "level_dbfs": -9.0,
         "splits": {"test": ["test-clean"], "train": ["train-clean-100"]}},
        {"name": "music", "role": "interferer", "set": "folder", "where": {"stem": "guitar"},
         "splits": {"test": ["test"], "train": ["train"]}, "snr_db": {"uniform": [0.0, 5.0]}},
        {"name": "noise", "role": "noise", "set": "esc50", "snr_db": {"choice": [-3.0, 3.0]}, "when_short": "loop",
         "splits": {"test": ["fold5"], "train": ["fold1", "fold2"]}},
    ],
}  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        catalogs = {name: folder / f"{name}.parquet" for name, _, _ in SETS}
        for name, recordings, options in SETS:
            licences = RECORDINGS / f"{recordings}.licences.csv"
            catalog.index(name, RECORDINGS / recordings, catalogs[name], workers=0, options=options, licences=licences)
        manifest = mixing.mix(recipes.parse(RECIPE), folder / "corpus", catalogs=catalogs, workers=0)
        assert all(row["proof"]["status"] == "ok" for row in manifest)
        (result,) = score(["mixture"], folder / "corpus", folder / "r", metric_names=["snr", "si_sdr"], workers=0)
        table, metadata = scores.read(result / scores.FILE_NAME)
        shutil.rmtree(HERE / "corpus-v1", ignore_errors=True)
        shutil.copytree(folder / "corpus" / "audio", HERE / "corpus-v1" / "audio")
        # no path of the machine that made it
        Manifest(manifest.table, manifest.metadata | {"root_hints": {}}).write(HERE / "corpus-v1")
        timeless = [row | {"separate_s": 0.25} for row in table.to_pylist()]
        scores.write(timeless, HERE / "scores-v1.parquet", metadata=metadata)


if __name__ == "__main__":
    main()
