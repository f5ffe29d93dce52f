"""A small corpus, rendered and only planned."""

import pytest

from sepbench import mixing
from sepbench import recipe as recipes

SMALL = recipes.parse(
    {
        "name": "small", "version": 1, "sample_rate": 16000, "length": 0.5, "splits": {"train": 24, "test": 8},
        "sources": [
            {"name": "speech", "role": "target", "set": "librispeech",
             "splits": {"train": ["train-clean-100"], "test": ["test-clean"]}},
            {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop",
             "splits": {"train": ["fold1", "fold2", "fold3"], "test": ["fold5"]}},
        ],
        "levels": {"snr_db": {"uniform": [-5, 10]}},
    }
)  # fmt: skip


@pytest.fixture(scope="session")
def corpus(catalogs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("showing") / "small"
    mixing.mix(SMALL, folder, catalogs=catalogs, workers=0)
    return folder


@pytest.fixture(scope="session")
def plan(catalogs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planned") / "small"
    mixing.mix(SMALL, folder, catalogs=catalogs, plan_only=True)
    return folder
