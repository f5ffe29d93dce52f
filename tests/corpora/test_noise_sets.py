"""DEMAND, WHAM! noise, MUSAN, the DNS noise, FSD50K, and impulse responses."""

from pathlib import Path

import pytest
import trees

from sepbench.catalog import Item, PublicSet
from sepbench.corpora.demand import Demand
from sepbench.corpora.dns_noise import DnsNoise
from sepbench.corpora.esc50 import Esc50
from sepbench.corpora.fsd50k import Fsd50k
from sepbench.corpora.musan import Musan
from sepbench.corpora.rirs_noises import RirsNoises
from sepbench.corpora.rooms import Rooms
from sepbench.corpora.urbansound8k import UrbanSound8K
from sepbench.corpora.wham_noise import WhamNoise
from sepbench.errors import LayoutError, UsageError


def items_of(reader: PublicSet, root: Path) -> dict[str, Item]:
    return {item.item: item for item in reader.items(root)}


def test_demand_takes_one_channel_and_knows_the_use_in_voicebank(tmp_path: Path) -> None:
    items = items_of(Demand(channel="7"), trees.demand(tmp_path))
    assert sorted(items) == ["DKITCHEN/ch07", "NPARK/ch07", "SCAFE/ch07"]
    assert {item.group: item.labels["voicebank"] for item in items.values()} == {
        "DKITCHEN": "train", "NPARK": "none", "SCAFE": "test",
    }  # fmt: skip
    assert items["NPARK/ch07"].labels["category"] == "nature"


def test_demand_environment_that_lacks_a_channel_is_named(tmp_path: Path) -> None:
    root = trees.demand(tmp_path)
    (root / "DEMAND/NPARK/ch09.wav").unlink()
    with pytest.raises(LayoutError, match=r"NPARK: expected `ch09\.wav`"):
        list(Demand().items(root))


@pytest.mark.parametrize("channel", ["0", "17", "all", "01"])
def test_demand_has_sixteen_channels(channel: str) -> None:
    with pytest.raises(UsageError, match=f"unknown channel `{channel}`"):
        Demand(channel=channel)


def test_wham_rows_are_joined_and_a_group_is_what_was_recorded_at_one_go(tmp_path: Path) -> None:
    items = items_of(WhamNoise(), trees.wham_noise(tmp_path))
    item = items["tr/01to030v_0.76421_20ga010tr_-0.76421"]
    assert (item.split, item.group) == ("tr", "tr17")
    assert item.labels == {
        "band": "2", "recording": "tr17", "width_cm": "17 cm", "reverberation": "m", "location": "4", "location_day": "4_1",
    }  # fmt: skip


def test_wham_split_without_its_table_is_named(tmp_path: Path) -> None:
    root = trees.wham_noise(tmp_path)
    (root / "wham_noise/metadata/noise_meta_cv.csv").unlink()
    with pytest.raises(LayoutError, match=r"expected `metadata/noise_meta_cv\.csv`"):
        list(WhamNoise().items(root))


def test_wham_splits_that_are_not_there_are_not_asked_for(tmp_path: Path) -> None:
    import shutil

    root = trees.wham_noise(tmp_path)
    shutil.rmtree(root / "wham_noise/tr")
    assert {item.split for item in WhamNoise().items(root)} == {"cv", "tt"}


def test_musan_music_carries_genre_and_artist(tmp_path: Path) -> None:
    items = items_of(Musan(), trees.musan(tmp_path))
    music = items["music-fma-0000"]
    assert music.group == "The Band"
    assert music.labels == {"kind": "music", "source": "fma", "genre": "pop,rock", "vocals": "Y", "artist": "The Band"}
    assert items["noise-free-sound-0000"].labels == {"kind": "noise", "source": "free-sound"}


def test_musan_source_without_recordings_is_named(tmp_path: Path) -> None:
    root = trees.musan(tmp_path)
    trees.text(root, "musan/speech/us-gov/LICENSE")
    with pytest.raises(LayoutError, match=r"us-gov: expected `\*\.wav`, found `LICENSE`"):
        list(Musan().items(root))


def test_dns_names_say_source_recording_and_licence(tmp_path: Path) -> None:
    items = items_of(DnsNoise(), trees.dns_noise(tmp_path))
    door = items["door_Freesound_validated_485353_1"]
    assert (door.group, door.licence) == ("freesound-485353", "CC0-1.0")
    assert door.labels == {"source": "freesound", "class": "door", "recording": "485353"}
    video = items["-1x2Y3z4A5b_30000"]
    assert (video.group, video.labels["source"], video.licence) == ("audioset--1x2Y3z4A5b", "audioset", "")


@pytest.mark.parametrize("folder", ["datasets/noise", "V5_training_dataset/noise_fullband"])
def test_dns_trees_of_other_years_are_read(folder: str, tmp_path: Path) -> None:
    trees.audio(tmp_path, f"{folder}/-1x2Y3z4A5b.wav")
    assert [item.item for item in DnsNoise().items(tmp_path)] == ["-1x2Y3z4A5b"]


def test_fsd50k_clips_keep_their_licences_and_uploaders(tmp_path: Path) -> None:
    items = items_of(Fsd50k(), trees.fsd50k(tmp_path))
    assert {name: (item.split, item.licence, item.group) for name, item in items.items()} == {
        "dev/64760": ("train", "CC-BY-NC-3.0", "user 64760"),
        "dev/121351": ("valid", "CC-BY-3.0", "user 121351"),
        "eval/37199": ("test", "CC0-1.0", "user 37199"),
    }
    assert items["dev/64760"].labels["class"] == "Electric_guitar"
    assert items["dev/121351"].labels["fault"] == "is another sound than its labels say"


def test_fsd50k_without_the_table_of_licences_is_refused(tmp_path: Path) -> None:
    root = trees.fsd50k(tmp_path)
    trees.text(root, "FSD50K/FSD50K.metadata/dev_clips_info_FSD50K.json", "{}")
    with pytest.raises(LayoutError, match="does not say the licence of 64760"):
        list(Fsd50k().items(root))


def test_fsd50k_split_that_nobody_knows_is_named(tmp_path: Path) -> None:
    root = trees.fsd50k(tmp_path)
    table = root / "FSD50K/FSD50K.ground_truth/dev.csv"
    table.write_text(table.read_text().replace(",val", ",test"))
    with pytest.raises(LayoutError, match="121351 is in the unknown split `test`"):
        list(Fsd50k().items(root))


def test_rooms_are_the_folders_and_alone_a_response_is_its_own_room(tmp_path: Path) -> None:
    groups = {item.item: item.group for item in Rooms().items(trees.rooms(tmp_path))}
    assert groups == {"hall": "hall", "kitchen/far": "kitchen", "kitchen/near": "kitchen"}


def test_rooms_may_be_named_by_a_pattern(tmp_path: Path) -> None:
    trees.audio(tmp_path, "all/hall-1.wav")
    trees.audio(tmp_path, "all/hall-2.wav")
    items = list(Rooms(pattern="all/(?P<group>[a-z]+)-(?P<position>.)").items(tmp_path))
    assert [(item.group, item.labels["room"], item.labels["position"]) for item in items] == [
        ("hall", "hall", "1"), ("hall", "hall", "2"),
    ]  # fmt: skip


def test_rirs_noises_know_the_room_of_measured_and_simulated_responses(tmp_path: Path) -> None:
    items = items_of(RirsNoises(), trees.rirs_noises(tmp_path))
    seen = {name.rpartition("/")[2]: (item.labels["kind"], item.group) for name, item in items.items()}
    assert seen == {
        "RVB2014_type1_rir_largeroom1_far_angla": ("rir", "largeroom1"),
        "RVB2014_type1_noise_largeroom1_1": ("isotropic-noise", "largeroom1"),
        "Room001-00001": ("rir", "smallroom-Room001"),
        "noise-free-sound-0000": ("point-source-noise", "noise-free-sound-0000"),
    }


def test_urban_row_that_contradicts_the_name_of_its_file_is_refused(tmp_path: Path) -> None:
    root = trees.urbansound8k(tmp_path)
    table = root / "UrbanSound8K/metadata/UrbanSound8K.csv"
    table.write_text(table.read_text().replace("1,5,3,dog_bark", "1,5,4,drilling"))
    with pytest.raises(LayoutError, match=r"row 1 says fsID 100032 and classID 4 of 100032-3-0-0\.wav"):
        list(UrbanSound8K().items(root))


def test_esc_row_that_contradicts_the_name_of_its_file_is_refused(tmp_path: Path) -> None:
    root = trees.esc50(tmp_path)
    table = root / "ESC-50-master/meta/esc50.csv"
    table.write_text(table.read_text().replace("1,0,dog", "2,0,dog"))
    with pytest.raises(LayoutError, match=r"row 1 says other things of 1-100032-A-0\.wav than its name"):
        list(Esc50().items(root))
