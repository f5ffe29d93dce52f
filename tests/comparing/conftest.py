"""A small corpus with proofs, and manifests that differ from it in one thing."""

from pathlib import Path

import pyarrow as pa
import pytest

from sepbench import manifest, mixing
from sepbench import recipe as recipes

SMALL = {
    "name": "small", "version": 1, "sample_rate": 16000, "length": 0.5, "splits": {"train": 6, "test": 8},
    "sources": [
        {"name": "speech", "role": "target", "set": "librispeech",
         "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
        {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop",
         "splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}},
    ],
    "levels": {"snr_db": {"uniform": [-5, 10]}},
}  # fmt: skip


@pytest.fixture(scope="session")
def make(catalogs):
    """Make a corpus like the small one."""

    def made(folder, changes=None, **options):
        recipe = recipes.parse(SMALL | (changes or {}))
        return mixing.mix(recipe, folder, catalogs=catalogs, **({"workers": 0} | options))

    return made


@pytest.fixture(scope="session")
def corpus(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparing") / "corpus"
    make(folder)
    return folder


@pytest.fixture(scope="session")
def rows(corpus):
    """Give the rows of the corpus, new ones each time."""
    found = manifest.Manifest.read(corpus)
    return lambda: found.table.to_pylist()


@pytest.fixture(scope="session")
def words(corpus):
    return manifest.Manifest.read(corpus).metadata


@pytest.fixture(scope="session")
def write(words):
    """Write rows as a manifest with the corpus's metadata, its hashes made anew."""

    def written(content, path: Path, **changes):
        batch = pa.RecordBatch.from_pylist(content, manifest.SCHEMA)
        manifest.write([batch], path, words | changes)
        return path

    return written
