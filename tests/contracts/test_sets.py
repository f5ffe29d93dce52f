"""What every registered reader of a public set must do, whoever wrote it."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import trees

from sepbench import catalog, shelf
from sepbench.errors import LayoutError

SETS = shelf.names("sets")
pytestmark = pytest.mark.parametrize("name", SETS)


@pytest.fixture
def reader(name: str) -> catalog.PublicSet:
    return shelf.load("sets", name)()  # type: ignore[no-any-return]


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    assert name in trees.TREES, f"add a builder of a tiny {name} to tests/trees.py"
    return trees.TREES[name](tmp_path / "root")


def rows_of(table: Any) -> list[dict[str, Any]]:
    return table.to_pylist()  # type: ignore[no-any-return]


def test_reader_says_what_it_reads(name: str, reader: catalog.PublicSet) -> None:
    assert reader.name == name
    for attribute in ("version", "title", "url", "licence", "layout"):
        assert getattr(reader, attribute).strip(), attribute
    assert "\n" not in reader.layout
    assert reader.url.startswith("https://")


def test_items_are_named_uniquely_and_lie_in_the_root(name: str, reader: catalog.PublicSet, root: Path) -> None:
    items = list(reader.items(root))
    assert len(items) >= 3, "the tree must be large enough for the tests below"
    assert len({item.item for item in items}) == len(items)
    for item in items:
        assert isinstance(item.path, PurePosixPath)
        assert not item.path.is_absolute()
        assert (root / item.path).is_file()
        assert item.group.strip()
        assert not item.item.startswith("/")
        assert all(isinstance(words, str) for pair in item.labels.items() for words in pair)


def test_items_come_out_the_same_twice(name: str, reader: catalog.PublicSet, root: Path) -> None:
    assert list(reader.items(root)) == list(reader.items(root))


def test_no_audio_is_opened(name: str, reader: catalog.PublicSet, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a reader opened audio")

    monkeypatch.setattr("soundfile.SoundFile.__init__", opened)
    assert list(reader.items(root))


def test_top_folder_may_be_given_itself(name: str, reader: catalog.PublicSet, root: Path) -> None:
    (top,) = [path for path in root.iterdir() if path.is_dir()] if name != "folder" else [root]
    assert [item.item for item in reader.items(top)] == [item.item for item in reader.items(root)]
    assert all((top / item.path).is_file() for item in reader.items(top))


def test_empty_folder_is_refused_with_the_expected_layout(name: str, reader: catalog.PublicSet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError) as caught:
        catalog.index(reader, tmp_path / "empty", tmp_path / "catalog.parquet")
    assert str(tmp_path / "empty") in caught.value.message
    assert reader.layout in caught.value.hint
    assert not (tmp_path / "catalog.parquet").exists()


def test_catalog_round_trips(name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path) -> None:
    table = catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0)
    assert catalog.read(tmp_path / "catalog.parquet").equals(table)
    rows = rows_of(table)
    assert [row["item"] for row in rows] == sorted(item.item for item in reader.items(root))
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["set"] for row in rows} == {name}
    assert all(row["licence"] and row["pcm_sha256"] and row["frames"] > 0 for row in rows)


def test_broken_files_are_named_and_the_others_are_kept(
    name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path
) -> None:
    whole = rows_of(catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0))
    garbage, empty, *_ = (row["path"] for row in whole)
    (root / garbage).write_bytes(b"this is no audio at all" * 9)
    (root / empty).write_bytes(b"")
    rows = rows_of(catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0))
    assert [row["item"] for row in rows] == [row["item"] for row in whole]
    for row, path in zip(rows[:2], (garbage, empty), strict=True):
        assert row["status"] == "unreadable"
        assert row["reason"].startswith(path)
        assert row["pcm_sha256"] is None
    assert rows[2:] == whole[2:]
