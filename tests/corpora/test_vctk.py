import shutil
from pathlib import Path

import pytest
import trees

from sepbench import catalog
from sepbench.corpora.vctk import Vctk
from sepbench.errors import LayoutError, UsageError


def test_one_microphone_is_taken_and_the_speaker_described(tmp_path: Path) -> None:
    items = {item.item: item for item in Vctk().items(trees.vctk(tmp_path))}
    assert sorted(items) == ["p225_001_mic1", "p225_002_mic1", "p280_001_mic1", "p315_001_mic1", "p326_001_mic1"]
    item = items["p225_001_mic1"]
    assert (item.split, item.group, item.transcript) == ("", "p225", "Please call Stella.")
    assert item.labels == {
        "speaker": "p225", "mic": "mic1", "age": "23", "sex": "F", "accent": "English", "region": "Southern England",
    }  # fmt: skip


def test_remarks_are_no_region_and_an_accent_may_have_two_words(tmp_path: Path) -> None:
    labels = {item.group: item.labels for item in Vctk().items(trees.vctk(tmp_path))}
    assert labels["p315"]["region"] == "New England"
    assert labels["p280"]["region"] == "France"
    assert (labels["p326"]["accent"], labels["p326"]["region"]) == ("Australian English", "Sydney")


def test_speaker_without_texts_has_no_transcript(tmp_path: Path) -> None:
    words = {item.group: item.transcript for item in Vctk().items(trees.vctk(tmp_path))}
    assert words["p315"] is None


def test_second_microphone_leaves_out_the_two_speakers_that_never_had_it(tmp_path: Path) -> None:
    items = [item.item for item in Vctk(mic="mic2").items(trees.vctk(tmp_path))]
    assert items == ["p225_001_mic2", "p225_002_mic2", "p326_001_mic2"]


def test_any_other_speaker_without_the_microphone_is_an_error(tmp_path: Path) -> None:
    root = trees.vctk(tmp_path)
    shutil.rmtree(root / "VCTK-Corpus-0.92/wav48_silence_trimmed/p326")
    (root / "VCTK-Corpus-0.92/wav48_silence_trimmed/p326").mkdir()
    with pytest.raises(LayoutError, match=r"p326: expected `\*_mic1\.flac`, found nothing"):
        list(Vctk().items(root))


def test_recording_in_the_folder_of_another_speaker_is_refused(tmp_path: Path) -> None:
    top = trees.vctk(tmp_path) / "VCTK-Corpus-0.92"
    trees.audio(top, "wav48_silence_trimmed/p225/p226_003_mic1.flac")
    with pytest.raises(LayoutError, match=r"p226_003_mic1\.flac: is not a recording of p225"):
        list(Vctk().items(tmp_path))


def test_unknown_microphone_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown microphone `both`"):
        Vctk(mic="both")


def test_version_080_is_read_as_such(tmp_path: Path) -> None:
    table = catalog.index("vctk", trees.vctk_080(tmp_path / "root"), tmp_path / "c.parquet", workers=0)
    (row,) = table.to_pylist()
    assert (row["set_version"], row["licence"], row["item"]) == ("0.80", "ODC-By-1.0", "p225_001")
    assert catalog.labels_of(row)["accent"] == "English"


def test_version_follows_the_tree_that_was_listed(tmp_path: Path) -> None:
    reader = Vctk()
    list(reader.items(trees.vctk_080(tmp_path / "old")))
    list(reader.items(trees.vctk(tmp_path / "new")))
    assert (reader.version, reader.licence) == ("0.92", "CC-BY-4.0")


def test_version_080_has_no_second_microphone(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"is version 0\.80, which has no mic2"):
        list(Vctk(mic="mic2").items(trees.vctk_080(tmp_path)))


def test_table_of_speakers_is_optional_and_may_be_short(tmp_path: Path) -> None:
    root = trees.vctk(tmp_path)
    trees.text(root, "VCTK-Corpus-0.92/speaker-info.txt", "ID  GENDER", "225  F", "")
    assert next(iter(Vctk().items(root))).labels == {"speaker": "p225", "mic": "mic1", "sex": "F"}
    (root / "VCTK-Corpus-0.92/speaker-info.txt").unlink()
    assert next(iter(Vctk().items(root))).labels == {"speaker": "p225", "mic": "mic1"}


def test_two_versions_in_one_folder_are_refused(tmp_path: Path) -> None:
    top = trees.vctk(tmp_path) / "VCTK-Corpus-0.92"
    trees.audio(top, "wav48/p225/p225_001.wav")
    with pytest.raises(LayoutError, match="holds two versions at once"):
        list(Vctk().items(tmp_path))
