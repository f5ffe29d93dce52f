"""VocalSet, vocadito, Dagstuhl ChoirSet and MIR-1K."""

from pathlib import Path

import numpy as np
import pytest
import trees

from sepbench.audio import read_pcm
from sepbench.catalog import Item, PublicSet
from sepbench.corpora.dagstuhl_choirset import DagstuhlChoirSet
from sepbench.corpora.mir_1k import Mir1k
from sepbench.corpora.vocadito import Vocadito
from sepbench.corpora.vocalset import VocalSet
from sepbench.errors import LayoutError


def items_of(reader: PublicSet, root: Path) -> dict[str, Item]:
    return {item.item: item for item in reader.items(root)}


def test_vocalset_folders_say_singer_context_and_technique(tmp_path: Path) -> None:
    items = items_of(VocalSet(), trees.vocalset(tmp_path))
    item = items["female1/arpeggios/belt/f1_arpeggios_belt_c_a"]
    assert (item.group, item.split) == ("female1", "train")
    assert item.labels == {
        "singer": "female1", "sex": "F", "context": "arpeggios", "technique": "belt", "vowel": "a",
    }  # fmt: skip
    song = items["male11/excerpts/vibrato/m11_caro_vibrato"]
    assert (song.split, song.labels["sex"]) == ("test", "M")
    assert "vowel" not in song.labels


def test_vocalset_is_read_once_though_it_holds_each_recording_three_times(tmp_path: Path) -> None:
    assert len(list(VocalSet().items(trees.vocalset(tmp_path)))) == 3


def test_vocalset_11_is_read_as_such_and_needs_no_lists(tmp_path: Path) -> None:
    top = trees.vocalset(tmp_path) / "VocalSet1-2"
    (top / "data_by_singer").rename(top / "FULL")
    (top / "train_singers_technique.txt").unlink()
    reader = VocalSet()
    assert {item.split for item in reader.items(tmp_path)} == {"", "test"}
    assert reader.version == "1.1"


def test_vocalset_of_two_versions_at_once_is_refused(tmp_path: Path) -> None:
    root = trees.vocalset(tmp_path)
    trees.audio(root, "VocalSet1-2/FULL/female1/arpeggios/belt/f1_arpeggios_belt_c_a.wav")
    with pytest.raises(LayoutError, match="holds two versions at once"):
        list(VocalSet().items(root))


def test_vocalset_folder_that_is_no_singer_is_named(tmp_path: Path) -> None:
    root = trees.vocalset(tmp_path)
    trees.audio(root, "VocalSet1-2/data_by_singer/other/scales/belt/x.wav")
    with pytest.raises(LayoutError, match="data_by_singer/other: expected"):
        list(VocalSet().items(root))


def test_vocadito_singers_are_groups_and_lyrics_are_transcripts(tmp_path: Path) -> None:
    items = items_of(Vocadito(), trees.vocadito(tmp_path))
    assert [item.group for item in items.values()] == ["S1", "S2", "S1"]
    assert items["vocadito_1"].transcript == "bahay kubo"
    assert items["vocadito_2"].labels == {"singer": "S2", "language": "Spanish"}


def test_vocadito_recording_without_a_row_is_named(tmp_path: Path) -> None:
    root = trees.vocadito(tmp_path)
    trees.audio(root, "vocadito/Audio/vocadito_99.wav")
    with pytest.raises(LayoutError, match=r"vocadito_metadata\.csv: has no row for .*vocadito_99\.wav"):
        list(Vocadito().items(root))


def test_choirset_names_say_what_is_heard_and_bleed_is_a_fault(tmp_path: Path) -> None:
    items = items_of(DagstuhlChoirSet(), trees.dagstuhl_choirset(tmp_path))
    item = items["DCS_SE_FullChoir_ScaleUpDown06_A2_DYN"]
    assert item.labels == {
        "song": "SE", "setting": "FullChoir", "take": "ScaleUpDown06", "part": "A2", "mic": "DYN",
        "fault": "neighbouring singers are heard too",
    }  # fmt: skip
    assert items["DCS_LI_QuartetB_Take04_Stereo_STM"].labels["fault"] == "none"


def test_choirset_recording_of_another_name_is_refused(tmp_path: Path) -> None:
    root = trees.dagstuhl_choirset(tmp_path)
    trees.audio(root, "DagstuhlChoirSet_V1.2.3/audio_wav_22050_mono/mix.wav")
    with pytest.raises(LayoutError, match=r"mix\.wav: is not named DCS_"):
        list(DagstuhlChoirSet().items(root))


def test_mir_1k_has_the_accompaniment_left_and_the_voice_right(tmp_path: Path) -> None:
    root = trees.mir_1k(tmp_path)
    items = items_of(Mir1k(), root)
    whole = read_pcm(root / "MIR-1K/Wavfile/amy_3_05.wav").samples
    for channel, stem in enumerate(("accompaniment", "vocals")):
        item = items[f"amy_3_05/{stem}"]
        assert np.array_equal(read_pcm(root / item.path).samples, whole[channel : channel + 1])
        assert item.labels == {"singer": "amy", "song": "amy_3", "clip": "amy_3_05", "stem": stem}
        assert item.group == "amy"
