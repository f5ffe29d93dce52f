"""Small corpora of each shape that exports meet: one talker, several, stereo songs, and one with gaps."""

import shutil

import pytest

from sepbench import mixing
from sepbench import recipe as recipes
from sepbench.tour import RECORDINGS

SPEECH = {"name": "speech", "role": "target", "set": "librispeech",
          "splits": {"train": ["train-clean-100"], "valid": ["dev-clean"], "test": ["test-clean"]}}  # fmt: skip
NOISE = {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop",
         "splits": {"train": ["fold1", "fold2", "fold3"], "valid": ["fold4"], "test": ["fold5"]}}  # fmt: skip


def recipe(name, **changes):
    content = {
        "name": name, "version": 1, "sample_rate": 16000, "length": "target", "splits": {"train": 3, "valid": 1, "test": 3},
        "sources": [SPEECH, NOISE], "levels": {"snr_db": {"uniform": [-5, 10]}},
    }  # fmt: skip
    return recipes.parse(content | changes)


def of(sources, *splits):
    """Keep some splits of sources."""
    return [one | {"splits": {split: one["splits"][split] for split in splits}} for one in sources]


@pytest.fixture(scope="session")
def talk(tmp_path_factory, catalogs):
    """One talker in noise, in three splits."""
    folder = tmp_path_factory.mktemp("talk") / "corpus"
    title = {"title": 'Speech & "noise": 100 %', "notes": ["For tests."]}
    mixing.mix(recipe("talk", **title), folder, catalogs=catalogs, workers=0, pack="never")
    return folder


@pytest.fixture(scope="session")
def crowd(tmp_path_factory, catalogs):
    """Two or three talkers, each a stem, and a noise that is 24 bits deep."""
    folder = tmp_path_factory.mktemp("crowd") / "corpus"
    talkers = of([SPEECH], "test")[0] | {"name": "speaker{n}", "count": {"uniform": [2, 3]}, "when_short": "pad"}
    made = recipe("crowd", length=1.0, splits={"test": 6}, bits=24, seed=4, sources=[talkers, *of([NOISE], "test")])
    mixing.mix(made, folder, catalogs=catalogs, workers=0, pack="never")
    return folder


@pytest.fixture(scope="session")
def songs(tmp_path_factory, catalogs):
    """Stereo songs as WAV, of a folder of the user's."""
    folder = tmp_path_factory.mktemp("songs") / "corpus"
    vocals = {
        "name": "vocals",
        "role": "target",
        "set": "folder",
        "splits": {"test": ["test"]},
        "where": {"stem": "vocals"},
    }
    rest = {"name": "rest", "role": "target", "set": "folder", "coherent_with": "vocals", "pick": "all",
            "where": {"stem": {"not": "vocals"}}, "splits": {"test": ["test"]}}  # fmt: skip
    made = recipe(
        "songs", sample_rate=44100, channels=2, length=0.5, splits={"test": 2}, sources=[vocals, rest], levels={}
    )
    mixing.mix(made, folder, catalogs=catalogs, workers=0, pack="never", container="wav")
    return folder


@pytest.fixture(scope="session")
def gaps(tmp_path_factory, catalogs):
    """A corpus of which two mixtures have no audio, as a recording is gone."""
    folder = tmp_path_factory.mktemp("gaps")
    shutil.copytree(RECORDINGS / "speech", folder / "speech")
    (folder / "speech/LibriSpeech/test-clean/9008/900801/9008-900801-0001.flac").unlink()
    talkers = of([SPEECH], "test")[0] | {"where": {"speaker": "9008"}}
    made = recipe("gaps", splits={"test": 8}, sources=[talkers, *of([NOISE], "test")])
    roots = {"librispeech": folder / "speech", "esc50": RECORDINGS / "noise"}
    mixing.mix(made, folder / "corpus", catalogs=catalogs, roots=roots, workers=0, pack="never", max_failed=1.0)
    return folder / "corpus"
