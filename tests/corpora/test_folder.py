import os
import unicodedata
from pathlib import Path

import pytest
import trees

from sepbench import catalog
from sepbench.corpora.folder import Folder
from sepbench.errors import LayoutError, UsageError


def names(root: Path, **options: str) -> list[str]:
    return [item.item for item in Folder(**options).items(root)]


def test_audio_is_found_at_any_depth_and_nothing_hidden(tmp_path: Path) -> None:
    assert names(trees.folder(tmp_path)) == ["kitchen/kettle", "street/rail", "street/rain", "tone"]


def test_recording_is_its_own_group_and_knows_its_folder(tmp_path: Path) -> None:
    items = {item.item: item for item in Folder().items(trees.folder(tmp_path))}
    assert items["street/rain"].group == "street/rain"
    assert items["street/rain"].labels == {"folder": "street"}
    assert items["tone"].labels == {"folder": ""}


def test_pattern_gives_split_group_and_labels(tmp_path: Path) -> None:
    for song in ("train/Sun - Rise", "test/Sea - Salt"):
        trees.audio(tmp_path, f"{song}/vocals.wav")
    pattern = "(?P<split>train|test)/(?P<group>(?P<artist>.+?) - .+)/(?P<stem>[^/]+)(?P<take>-[0-9])?"
    first, second = Folder(pattern=pattern).items(tmp_path)
    assert (first.split, first.group) == ("test", "Sea - Salt")
    assert second.labels == {"folder": "train/Sun - Rise", "artist": "Sun", "stem": "vocals"}


def test_recording_that_does_not_match_is_named_and_counted(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"2 of 4 recordings do not match .*the first: `kitchen/kettle`"):
        names(trees.folder(tmp_path), pattern="street/(?P<what>.*)")


def test_pattern_must_match_the_whole_path(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="4 of 4"):
        names(trees.folder(tmp_path), pattern="[a-z]")


def test_bad_pattern_is_refused() -> None:
    with pytest.raises(UsageError, match="`\\(\\?P<` is not a regular expression"):
        Folder(pattern="(?P<")


def test_extensions_choose_the_files(tmp_path: Path) -> None:
    root = trees.folder(tmp_path)
    assert names(root, extensions="flac, .AIFF") == ["kitchen/kettle", "street/rail"]


def test_no_extension_is_refused() -> None:
    with pytest.raises(UsageError, match="names no extension"):
        Folder(extensions=" ,.")


def test_licence_is_the_users_word(tmp_path: Path) -> None:
    table = catalog.index(
        "folder", trees.folder(tmp_path / "root"), tmp_path / "c.parquet", workers=0, options={"licence": "CC0-1.0"}
    )
    assert set(table["licence"].to_pylist()) == {"CC0-1.0"}


def test_names_are_composed_and_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "é")
    for name in ("z", decomposed, "a", "￿", "𝄞"):  # in UTF-16 the last would come before the one before it
        trees.audio(tmp_path, f"{name}.wav")
    assert names(tmp_path) == ["a", "z", "é", "￿", "𝄞"]
    assert all((tmp_path / item.path).is_file() for item in Folder().items(tmp_path))


def test_link_within_the_root_is_followed(tmp_path: Path) -> None:
    root = trees.folder(tmp_path)
    (root / "again.wav").symlink_to("street/rain.wav")
    assert "again" in names(root)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_link_out_of_the_root_is_refused_not_dropped(what: str, tmp_path: Path) -> None:
    outside = trees.audio(tmp_path, "outside/secret.wav")
    root = trees.folder(tmp_path / "root")
    (root / "link.wav").symlink_to(outside if what == "file" else outside.parent)
    with pytest.raises(LayoutError, match=r"holds links that lead out of it \(1\); the first: .*link\.wav"):
        names(root)


def test_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    path = trees.audio(tmp_path / "root", "a.wav")
    try:
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.wav"))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    with pytest.raises(LayoutError, match="is not Unicode"):
        catalog.index("folder", tmp_path / "root", tmp_path / "c.parquet", workers=0)
