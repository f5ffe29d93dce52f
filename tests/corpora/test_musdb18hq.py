from pathlib import Path

import pytest
import trees

from sepbench.corpora.musdb18hq import MEDLEYDB, VALIDATION, Musdb18Hq
from sepbench.errors import LayoutError


def test_each_stem_is_an_item_of_its_song(tmp_path: Path) -> None:
    items = {item.item: item for item in Musdb18Hq().items(trees.musdb18hq(tmp_path))}
    assert len(items) == 15
    item = items["train/Music Delta - 80s Rock/vocals"]
    assert (item.split, item.group, item.licence) == ("train", "Music Delta - 80s Rock", "CC-BY-NC-SA-4.0")
    assert item.labels == {
        "artist": "Music Delta",
        "title": "80s Rock",
        "stem": "vocals",
        "medleydb": "True",
        "fault": "none",
    }


def test_validation_songs_leave_the_train_split(tmp_path: Path) -> None:
    splits = {item.group: item.split for item in Musdb18Hq().items(trees.musdb18hq(tmp_path))}
    assert splits == {"Music Delta - 80s Rock": "train", "Meaxic - Take A Step": "valid", "PR - Oh No": "test"}


def test_known_faults_are_labels_of_the_stems_that_have_them(tmp_path: Path) -> None:
    root = trees.musdb18hq(tmp_path)
    for stem in ("mixture", "drums", "bass", "other", "vocals"):
        trees.audio(root, f"musdb18hq/test/Al James - Schoolboy Facination/{stem}.wav")
    faults = {item.item: item.labels["fault"] for item in Musdb18Hq().items(root) if item.labels["fault"] != "none"}
    assert faults.pop("test/Al James - Schoolboy Facination/other") == "vocals mixed into other"
    assert {name.rpartition("/")[0] for name in faults} == {"test/PR - Oh No"}
    assert len(faults) == 5


def test_lists_have_the_published_lengths() -> None:
    assert len(VALIDATION) == 14  # sigsep-mus-db, musdb/configs/mus.yaml
    assert len(MEDLEYDB) == 46  # the dataset's page: "46 tracks are taken from the MedleyDB"
    assert all(" - " in song for song in (*VALIDATION, *MEDLEYDB))


def test_song_without_a_stem_is_named(tmp_path: Path) -> None:
    root = trees.musdb18hq(tmp_path)
    (root / "musdb18hq/test/PR - Oh No/bass.wav").unlink()
    with pytest.raises(LayoutError, match=r"PR - Oh No: expected `bass\.wav`, found `drums\.wav`, `mixture\.wav`"):
        list(Musdb18Hq().items(root))


def test_set_without_test_folder_is_refused(tmp_path: Path) -> None:
    trees.audio(tmp_path, "train/A - B/mixture.wav")
    with pytest.raises(LayoutError, match=r"expected `test/`, found `train/`"):
        list(Musdb18Hq().items(tmp_path))


def test_folder_without_songs_is_refused(tmp_path: Path) -> None:
    root = trees.musdb18hq(tmp_path)
    (root / "musdb18hq/test/PR - Oh No").rename(root / "elsewhere")
    with pytest.raises(LayoutError, match=r"test: expected `ARTIST - TITLE/`, found nothing"):
        list(Musdb18Hq().items(root))


def test_lossy_musdb18_is_told_apart(tmp_path: Path) -> None:
    trees.text(tmp_path, "train/A - B.stem.mp4")
    trees.text(tmp_path, "test/C - D.stem.mp4")
    with pytest.raises(LayoutError, match=r"holds the `\.stem\.mp4` files of MUSDB18"):
        list(Musdb18Hq().items(tmp_path))
