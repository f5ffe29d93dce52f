"""VoiceBank-DEMAND, LJ Speech, CMU ARCTIC and LibriTTS-R."""

from pathlib import Path

import pytest
import trees

from sepbench.catalog import Item, PublicSet
from sepbench.corpora.cmu_arctic import CmuArctic
from sepbench.corpora.librispeech import LibriSpeech
from sepbench.corpora.libritts import LibriTTS
from sepbench.corpora.libritts_r import LibriTTSR
from sepbench.corpora.ljspeech import LJSpeech
from sepbench.corpora.voicebank_demand import VoiceBankDemand
from sepbench.errors import LayoutError


def items_of(reader: PublicSet, root: Path) -> dict[str, Item]:
    return {item.item: item for item in reader.items(root)}


def test_voicebank_pairs_share_a_label_and_the_log_is_joined_in(tmp_path: Path) -> None:
    items = items_of(VoiceBankDemand(), trees.voicebank_demand(tmp_path))
    clean, noisy = items["testset/clean/p232_001"], items["testset/noisy/p232_001"]
    assert (clean.split, clean.group, clean.transcript) == ("test", "p232", "Please call Stella.")
    assert clean.labels == {"kind": "clean", "pair": "p232_001", "speaker": "p232", "subset": "testset"}
    assert noisy.labels == {**clean.labels, "kind": "noisy", "noise": "bus", "snr_db": "17.5"}
    assert items["trainset_28spk/noisy/p226_001"].split == "train"


def test_voicebank_needs_no_log_and_no_texts_and_one_side_may_be_absent(tmp_path: Path) -> None:
    trees.audio(tmp_path, "VoiceBank-DEMAND/clean_testset_wav/p232_001.wav")
    (item,) = VoiceBankDemand().items(tmp_path)
    assert item.transcript is None


def test_voicebank_recording_without_its_partner_is_named(tmp_path: Path) -> None:
    root = trees.voicebank_demand(tmp_path)
    (root / "VoiceBank-DEMAND/clean_testset_wav/p257_002.wav").unlink()
    with pytest.raises(
        LayoutError, match=r"1 recordings have no partner in clean_testset_wav; the first: p257_002\.wav"
    ):
        list(VoiceBankDemand().items(root))


def test_voicebank_side_that_was_not_unpacked_is_named(tmp_path: Path) -> None:
    root = trees.voicebank_demand(tmp_path)
    for path in (root / "VoiceBank-DEMAND/noisy_testset_wav").iterdir():
        path.unlink()
    with pytest.raises(LayoutError, match=r"noisy_testset_wav: expected `SPEAKER_SENTENCE\.wav`, found nothing"):
        list(VoiceBankDemand().items(root))


def test_voicebank_log_that_is_cut_is_named(tmp_path: Path) -> None:
    root = trees.voicebank_demand(tmp_path)
    trees.text(root, "VoiceBank-DEMAND/log_testset.txt", "p232_001 bus 17.5", "p257_002 ca")
    with pytest.raises(LayoutError, match=r"log_testset\.txt: row 2 is not a name, a noise and an SNR"):
        list(VoiceBankDemand().items(root))


def test_ljspeech_words_keep_their_quotation_marks_and_the_group_is_the_chapter(tmp_path: Path) -> None:
    items = items_of(LJSpeech(), trees.ljspeech(tmp_path))
    assert items["LJ001-0002"].transcript == '"in being'
    assert items["LJ001-0001"].transcript == "Printing, in one"
    assert [item.group for item in items.values()] == ["LJ001", "LJ001", "LJ002"]


def test_ljspeech_table_that_is_cut_is_named(tmp_path: Path) -> None:
    root = trees.ljspeech(tmp_path)
    trees.text(root, "LJSpeech-1.1/metadata.csv", "LJ001-0001|a|a", "LJ001-0002|b")
    with pytest.raises(LayoutError, match=r"metadata\.csv: row 2 has 2 columns, not 3"):
        list(LJSpeech().items(root))


def test_ljspeech_recording_without_a_row_is_refused(tmp_path: Path) -> None:
    root = trees.ljspeech(tmp_path)
    trees.audio(root, "LJSpeech-1.1/wavs/LJ009-0001.wav")
    with pytest.raises(LayoutError, match=r"has no row for 1 of the recordings .*LJ009-0001\.wav"):
        list(LJSpeech().items(root))


def test_arctic_speakers_read_the_same_prompts(tmp_path: Path) -> None:
    items = items_of(CmuArctic(), trees.cmu_arctic(tmp_path))
    assert sorted(items) == ["bdl/arctic_a0001", "bdl/arctic_a0002", "slt/arctic_a0001", "slt/arctic_a0002"]
    assert items["slt/arctic_a0001"].labels == {"speaker": "slt", "prompt": "arctic_a0001"}
    assert items["slt/arctic_a0001"].transcript == "Author of the danger trail."


def test_arctic_speaker_without_sentences_is_named(tmp_path: Path) -> None:
    root = trees.cmu_arctic(tmp_path)
    (root / "ARCTIC/cmu_us_slt_arctic/etc/txt.done.data").unlink()
    with pytest.raises(LayoutError, match=r"cmu_us_slt_arctic: expected `etc/txt\.done\.data`"):
        list(CmuArctic().items(root))


def test_arctic_sentence_that_is_no_sentence_is_named(tmp_path: Path) -> None:
    root = trees.cmu_arctic(tmp_path)
    trees.text(root, "ARCTIC/cmu_us_slt_arctic/etc/txt.done.data", "arctic_a0001 Author")
    with pytest.raises(LayoutError, match="row 1 is not"):
        list(CmuArctic().items(root))


@pytest.mark.parametrize(
    ("reader", "build"),
    [(LibriTTS(), trees.libritts_r), (LibriTTSR(), trees.libritts), (LibriSpeech(), trees.libritts)],
)
def test_sets_of_one_tree_are_told_apart_by_the_name_of_their_folder(reader, build, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (top,) = build(tmp_path).iterdir()
    with pytest.raises(LayoutError, match=f"is not {reader.title}"):
        list(reader.items(top))


def test_utterance_in_the_folder_of_another_speaker_is_refused(tmp_path: Path) -> None:
    root = trees.librispeech(tmp_path)
    trees.audio(root, "LibriSpeech/train-clean-100/83/11691/84-11691-0000.flac")
    with pytest.raises(LayoutError, match=r"84-11691-0000\.flac: is not named after its folders, 83-11691-"):
        list(LibriSpeech().items(root))
