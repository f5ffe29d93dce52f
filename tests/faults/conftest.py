"""The small corpora that are harmed here, and inputs that are made once for many builds."""

import sys

import pytest
import tinycorpus


def pytest_collection_modifyitems(items):
    """What is tried here are promises of POSIX systems: forks, signals, locks."""
    for item in items:
        if "faults" in item.path.parts and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason="needs a POSIX system"))


@pytest.fixture(scope="session")
def two_catalogs(tmp_path_factory):
    return tinycorpus.indexed(tmp_path_factory.mktemp("two-catalogs"))


@pytest.fixture(scope="session")
def three(two_catalogs, tmp_path_factory):
    """Three mixtures."""
    return tinycorpus.reference(3, tmp_path_factory.mktemp("three") / "reference", two_catalogs)


@pytest.fixture(scope="session")
def six(two_catalogs, tmp_path_factory):
    """Six mixtures."""
    return tinycorpus.reference(6, tmp_path_factory.mktemp("six") / "reference", two_catalogs)


@pytest.fixture(scope="session")
def many(two_catalogs, tmp_path_factory):
    """Sixty mixtures."""
    return tinycorpus.reference(60, tmp_path_factory.mktemp("many") / "reference", two_catalogs)


@pytest.fixture
def ready_made(monkeypatch):
    """What many builds have in common is made once; see `tinycorpus.spare_time`."""
    tinycorpus.spare_time(monkeypatch.setattr)
