from pathlib import Path

import pytest
import trees

from sepbench import catalog
from sepbench.corpora.librispeech import LibriSpeech
from sepbench.corpora.libritts import LibriTTS
from sepbench.errors import LayoutError


def test_utterance_carries_speaker_sex_chapter_and_words(tmp_path: Path) -> None:
    items = {item.item: item for item in LibriSpeech().items(trees.librispeech(tmp_path))}
    assert sorted(items) == [
        "test-other/1998-15444-0000",
        "train-clean-100/60-121082-0000",
        "train-clean-100/83-11691-0000",
        "train-clean-100/83-11691-0001",
    ]
    item = items["train-clean-100/83-11691-0000"]
    assert item.path.as_posix() == "LibriSpeech/train-clean-100/83/11691/83-11691-0000.flac"
    assert (item.split, item.group) == ("train-clean-100", "83")
    assert item.labels == {"speaker": "83", "chapter": "11691", "sex": "F"}
    assert item.transcript == "SHE SHELLS SEAS"


def test_speaker_60_has_bars_in_the_name_and_keeps_the_sex(tmp_path: Path) -> None:
    (item,) = [item for item in LibriSpeech().items(trees.librispeech(tmp_path)) if item.group == "60"]
    assert item.labels["sex"] == "M"


def test_tables_of_speakers_and_words_are_optional(tmp_path: Path) -> None:
    root = trees.librispeech(tmp_path)
    (root / "LibriSpeech/SPEAKERS.TXT").unlink()
    (root / "LibriSpeech/train-clean-100/83/11691/83-11691.trans.txt").unlink()
    items = list(LibriSpeech().items(root))
    assert len(items) == 4
    assert all("sex" not in item.labels and item.transcript is None for item in items)


def test_subset_without_recordings_is_named(tmp_path: Path) -> None:
    root = trees.librispeech(tmp_path)
    (root / "LibriSpeech/dev-clean/103/1240").mkdir(parents=True)
    with pytest.raises(LayoutError, match=r"dev-clean: expected `SPEAKER/CHAPTER/\*\.flac`, found `103/`"):
        list(LibriSpeech().items(root))


def test_utterance_that_is_listed_and_not_there_stays_as_unreadable(tmp_path: Path) -> None:
    root = trees.librispeech(tmp_path / "root")
    (root / "LibriSpeech/train-clean-100/83/11691/83-11691-0001.flac").unlink()
    table = catalog.index("librispeech", root, tmp_path / "c.parquet", workers=0)
    reasons = {row["item"]: row["reason"] for row in table.to_pylist() if row["status"] != "ok"}
    path = "LibriSpeech/train-clean-100/83/11691/83-11691-0001.flac"
    assert reasons == {"train-clean-100/83-11691-0001": f"{path}: No such file or directory"}


@pytest.mark.parametrize(("reader", "build"), [(LibriSpeech(), trees.librispeech), (LibriTTS(), trees.libritts)])
def test_half_extracted_subset_is_counted(reader, build, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    root = build(tmp_path)
    for path in root.glob(f"*/train-clean-100/*/*/*{reader.suffix}"):
        path.unlink()
    with pytest.raises(LayoutError, match=r"train-clean-100: 2 of the 2 utterances that its transcripts list"):
        list(reader.items(root))


def test_archives_that_were_not_unpacked_show_in_the_error(tmp_path: Path) -> None:
    trees.text(tmp_path, "LibriSpeech/train-clean-100.tar.gz")
    with pytest.raises(LayoutError, match=r"LibriSpeech: expected `train-\*/`.*found `train-clean-100\.tar\.gz`"):
        list(LibriSpeech().items(tmp_path))


def test_table_that_is_not_text_is_named(tmp_path: Path) -> None:
    root = trees.librispeech(tmp_path)
    (root / "LibriSpeech/SPEAKERS.TXT").write_bytes(b"\x93\xff")
    with pytest.raises(LayoutError, match=r"SPEAKERS\.TXT: is not UTF-8"):
        list(LibriSpeech().items(root))


def test_libritts_leaves_out_resource_forks_and_the_corrupt_file(tmp_path: Path) -> None:
    items = {item.item: item for item in LibriTTS().items(trees.libritts(tmp_path))}
    assert sorted(items) == [
        "dev-clean/1092_134562_000013_000003",
        "train-clean-100/83_11691_000000_000000",
        "train-clean-100/83_11691_000001_000000",
    ]
    assert items["train-clean-100/83_11691_000000_000000"].labels == {"speaker": "83", "chapter": "11691", "sex": "F"}


def test_libritts_words_are_the_normalised_ones_of_table_or_file(tmp_path: Path) -> None:
    words = {item.item[-13:]: item.transcript for item in LibriTTS().items(trees.libritts(tmp_path))}
    assert words == {
        "000000_000000": "She's at the shore; one shell.",
        "000001_000000": "By the sea.",
        "000013_000003": None,
    }
