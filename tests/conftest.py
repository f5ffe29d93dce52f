"""Catalogs of the bundled recordings: real speech, noise and music in the layouts of public sets."""

import os
from pathlib import Path

import pytest
from commands import say  # noqa: F401
from hypothesis import settings
from small_corpora import crowd, gaps, songs, talk  # noqa: F401

from sepbench import catalog
from sepbench.tour import RECORDINGS, SETS

# a busy machine is no reason to fail
settings.register_profile("sepbench", deadline=None)
settings.load_profile("sepbench")
# one thread for linear algebra in every test process, as in the workers
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep packs away from the user's own cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["SEPBENCH_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def catalogs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogs")
    for name, place, options in SETS:
        licences = RECORDINGS / f"{place}.licences.csv"
        catalog.index(
            name, RECORDINGS / place, folder / f"{name}.parquet", workers=0, options=options, licences=licences
        )
    return {name: folder / f"{name}.parquet" for name, _, _ in SETS}


@pytest.fixture(scope="session")
def tables(catalogs):
    return {name: catalog.read(path) for name, path in catalogs.items()}


@pytest.fixture(scope="session")
def roots():
    return {name: RECORDINGS / place for name, place, _ in SETS}


@pytest.fixture
def test_sets():
    folder = os.environ.get("SEPBENCH_TEST_SETS")
    if not folder:
        pytest.skip("SEPBENCH_TEST_SETS names no folder with excerpts of public sets")
    return Path(folder)
