"""MUSDB18, MedleyDB, MoisesDB and Slakh2100."""

import json
from pathlib import Path

import pytest
import trees

from sepbench.catalog import Item, PublicSet
from sepbench.corpora import read_yaml
from sepbench.corpora.medleydb import MedleyDB
from sepbench.corpora.moisesdb import MoisesDB
from sepbench.corpora.musdb18 import Musdb18
from sepbench.corpora.musdb18hq import Musdb18Hq
from sepbench.corpora.slakh2100 import Slakh2100
from sepbench.errors import LayoutError

MEDLEY = "MedleyDB/Audio/MusicDelta_80sRock"


def items_of(reader: PublicSet, root: Path) -> dict[str, Item]:
    return {item.item: item for item in reader.items(root)}


def test_musdb18_says_of_its_stems_what_the_lossless_set_says(tmp_path: Path) -> None:
    lossy = items_of(Musdb18(), trees.musdb18(tmp_path / "a"))
    lossless = items_of(Musdb18Hq(), trees.musdb18hq(tmp_path / "b"))
    assert lossy.keys() == lossless.keys()
    for name, item in lossy.items():
        other = lossless[name]
        assert (item.group, item.split, item.labels, item.licence) == (
            other.group, other.split, other.labels, other.licence,
        )  # fmt: skip


def test_musdb18_streams_lie_in_the_file_of_their_song(tmp_path: Path) -> None:
    items = items_of(Musdb18(), trees.musdb18(tmp_path))
    assert items["test/PR - Oh No/bass"].path.as_posix() == "musdb18/test/PR - Oh No.stem.mp4/bass"


def test_musdb18_tells_the_lossless_set_apart(tmp_path: Path) -> None:
    (top,) = trees.musdb18hq(tmp_path).iterdir()
    with pytest.raises(LayoutError, match="holds the WAVs of MUSDB18-HQ") as caught:
        list(Musdb18().items(top))
    assert "musdb18hq" in caught.value.hint


def test_medleydb_stems_carry_instrument_and_artist(tmp_path: Path) -> None:
    items = items_of(MedleyDB(), trees.medleydb(tmp_path))
    assert sorted(items) == [f"MusicDelta_80sRock/{stem}" for stem in ("S01", "S02", "mixture")]
    item = items["MusicDelta_80sRock/S02"]
    assert (item.group, item.licence) == ("Music Delta", "")
    assert item.labels == {
        "artist": "Music Delta", "title": "80s Rock", "genre": "Rock", "bleed": "False", "musdb18": "True",
        "stem": "S02", "instrument": "male singer", "component": "melody",
    }  # fmt: skip


def test_medleydb_metadata_may_lie_together(tmp_path: Path) -> None:
    root = trees.medleydb(tmp_path)
    (root / "MedleyDB/Metadata").mkdir()
    (root / MEDLEY / "MusicDelta_80sRock_METADATA.yaml").rename(
        root / "MedleyDB/Metadata/MusicDelta_80sRock_METADATA.yaml"
    )
    assert len(list(MedleyDB().items(root))) == 3


def test_medleydb_song_without_its_metadata_is_named(tmp_path: Path) -> None:
    root = trees.medleydb(tmp_path)
    (root / MEDLEY / "MusicDelta_80sRock_METADATA.yaml").unlink()
    with pytest.raises(LayoutError, match=r"expected `MusicDelta_80sRock_METADATA\.yaml`"):
        list(MedleyDB().items(root))


@pytest.mark.parametrize("change", ["missing", "more"])
def test_medleydb_stems_that_are_not_those_of_the_metadata_are_refused(change: str, tmp_path: Path) -> None:
    root = trees.medleydb(tmp_path)
    stems = root / MEDLEY / "MusicDelta_80sRock_STEMS"
    if change == "missing":
        (stems / "MusicDelta_80sRock_STEM_02.wav").unlink()
    else:
        trees.audio(stems, "MusicDelta_80sRock_STEM_03.wav")
    with pytest.raises(
        LayoutError, match=r"expected the 2 stems of its metadata, such as `MusicDelta_80sRock_STEM_0[23]"
    ):
        list(MedleyDB().items(root))


@pytest.mark.parametrize(
    "text",
    ["stems: [", "- a\n- b", "!!python/object/apply:os.system [id]", "a: &a [x]\nb: [*a, *a]", "stems: {S01: text}"],
)
def test_medleydb_metadata_that_are_not_plain_are_refused(text: str, tmp_path: Path) -> None:
    root = trees.medleydb(tmp_path)
    trees.text(root / MEDLEY, "MusicDelta_80sRock_METADATA.yaml", text)
    with pytest.raises(LayoutError):
        list(MedleyDB().items(root))


def test_ampersands_in_yaml_are_no_anchors(tmp_path: Path) -> None:
    assert read_yaml(trees.text(tmp_path, "a.yaml", "genre: Rhythm & Blues, R&B")) == {"genre": "Rhythm & Blues, R&B"}


def test_moisesdb_tracks_carry_stem_instrument_and_artist(tmp_path: Path) -> None:
    items = items_of(MoisesDB(), trees.moisesdb(tmp_path))
    item = items["0a1b/vocals/v1"]
    assert item.group == "Artist 0a1b"
    assert item.labels == {
        "song": "0a1b", "artist": "Artist 0a1b", "title": "A Title", "genre": "rock", "stem": "vocals",
        "instrument": "lead vocals", "bleed": "False",
    }  # fmt: skip


def test_moisesdb_track_that_is_missing_is_named(tmp_path: Path) -> None:
    root = trees.moisesdb(tmp_path)
    (root / "moisesdb/moisesdb_v0.1/0a1b/bass/b1.wav").unlink()
    with pytest.raises(
        LayoutError, match=r"0a1b: expected the 2 tracks of its `data\.json`, among them `bass/b1\.wav`"
    ):
        list(MoisesDB().items(root))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "expected names and values, got list"),
        (json.dumps({"stems": [{"stemName": "vocals", "tracks": [{"id": "v1"}]}]}), "does not say `'extension'`"),
        ("[" * 200_000, "is not JSON"),
    ],
)
def test_moisesdb_table_that_is_damaged_is_named(content: str, words: str, tmp_path: Path) -> None:
    root = trees.moisesdb(tmp_path)
    trees.text(root, "moisesdb/moisesdb_v0.1/0a1b/data.json", content)
    with pytest.raises(LayoutError, match=words):
        list(MoisesDB().items(root))


def test_slakh_stems_that_were_never_rendered_are_left_out(tmp_path: Path) -> None:
    items = items_of(Slakh2100(), trees.slakh2100(tmp_path))
    assert [name for name in items if name.startswith("Track00001")] == [
        "Track00001/mixture", "Track00001/S00", "Track00001/S02",
    ]  # fmt: skip
    assert items["Track00001/S02"].labels == {
        "track": "Track00001", "stem": "S02", "instrument": "Drums", "program": "Drums", "drums": "True",
    }  # fmt: skip
    assert {item.split for item in items.values()} == {"train", "valid", "test", "omitted"}


def test_slakh_groups_are_the_midi_files(tmp_path: Path) -> None:
    root = trees.slakh2100(tmp_path)
    for track in ("train/Track00001", "test/Track01876"):
        trees.text(root, f"slakh2100_flac_redux/{track}/metadata.yaml", *trees.SLAKH_METADATA.splitlines())
    groups = {item.item: item.group for item in Slakh2100().items(root)}
    assert groups["Track00001/mixture"] == groups["Track01876/S00"] == "3a4b"


def test_slakh_stem_that_is_missing_is_named(tmp_path: Path) -> None:
    root = trees.slakh2100(tmp_path)
    (root / "slakh2100_flac_redux/test/Track01876/stems/S02.flac").unlink()
    with pytest.raises(LayoutError, match=r"Track01876/stems: expected `S02\.flac`, found `S00\.flac`"):
        list(Slakh2100().items(root))


def test_slakh_without_a_split_is_refused(tmp_path: Path) -> None:
    import shutil

    root = trees.slakh2100(tmp_path)
    shutil.rmtree(root / "slakh2100_flac_redux/validation")
    with pytest.raises(LayoutError, match="expected `validation/`"):
        list(Slakh2100().items(root))


def test_slakh_editions_are_told_apart_by_their_trees(tmp_path: Path) -> None:
    reader = Slakh2100()
    top = trees.slakh2100(tmp_path / "a") / "slakh2100_flac_redux"
    list(reader.items(top))
    assert reader.version == "redux"
    baby = tmp_path / "b" / "babyslakh_16k"
    baby.mkdir(parents=True)
    (top / "train/Track00001").rename(baby / "Track00001")
    assert {item.split for item in reader.items(tmp_path / "b")} == {""}
    assert reader.version == "baby"
    (top / "test").rename(baby / "test")
    with pytest.raises(LayoutError, match=r"holds BabySlakh, .* and splits of Slakh2100 at once"):
        list(reader.items(baby))
