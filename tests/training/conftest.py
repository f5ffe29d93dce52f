"""A tiny baseline, and corpora to train it on."""

import pytest
from tones import FakeCorpus, example

from sepbench.training import run

CONFIG = """
name = "tiny"
title = "A tiny one"
architecture = "conv1d"
sample_rate = 8000
targets = ["speech"]
[model]
filters = 32
kernel = 16
channels = 8
hidden = 16
dilations = 2
repeats = 1
[training]
steps = 7
batch_size = 2
segment_s = 0.1
warmup_steps = 2
ema_decay = 0.5
validate_every = 2
validate_rows = 2
"""


@pytest.fixture
def corpora():
    return {split: FakeCorpus(example(at, split) for at in range(4)) for split in ("train", "valid")}


@pytest.fixture
def opened(corpora, monkeypatch):
    """The corpora, where `train` finds them."""
    monkeypatch.setattr(run, "Corpus", lambda path, *, split: corpora[split])
    return corpora


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.toml").write_text(CONFIG)
    return folder
