"""What every registered reader of a public set must do, whoever wrote it."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import trees

from sepbench import catalog, shelf
from sepbench.audio import file_of
from sepbench.errors import LayoutError
from sepbench.exports.citing import parsed
from sepbench.published import Published

SETS = shelf.names("sets")
ANY_FOLDER = ("folder", "rooms")  # whatever lies there is theirs
pytestmark = pytest.mark.parametrize("name", SETS)


@pytest.fixture
def reader(name: str) -> catalog.PublicSet:
    return shelf.load("sets", name)()  # type: ignore[no-any-return]


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    assert name in trees.TREES, f"add a builder of a tiny {name} to tests/trees.py"
    return trees.TREES[name](tmp_path / "root")


@pytest.fixture
def decodable(reader: catalog.PublicSet) -> None:
    if hasattr(reader, "require"):
        pytest.skip(f"{reader.name} needs a decoder of its own: see tests/test_stems.py")


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
        assert file_of(root / item.path)[0].is_file()
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
    (top,) = [path for path in root.iterdir() if path.is_dir()] if name not in ANY_FOLDER else [root]
    assert [item.item for item in reader.items(top)] == [item.item for item in reader.items(root)]
    assert all(file_of(top / item.path)[0].is_file() for item in reader.items(top))


def test_folder_of_the_set_may_lie_in_one_of_its_own_name(
    name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path
) -> None:
    if name in ANY_FOLDER:
        return
    before = [item.item for item in reader.items(root)]
    (top,) = root.iterdir()
    (tmp_path / "above").mkdir()
    root.rename(tmp_path / "above" / top.name)
    assert [item.item for item in reader.items(tmp_path / "above")] == before


def test_empty_folder_is_refused_with_the_expected_layout(name: str, reader: catalog.PublicSet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError) as caught:
        catalog.index(reader, tmp_path / "empty", tmp_path / "catalog.parquet")
    assert str(tmp_path / "empty") in caught.value.message
    assert reader.layout in caught.value.hint
    assert not (tmp_path / "catalog.parquet").exists()


def test_tree_without_its_recordings_is_refused(
    name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path, decodable: None
) -> None:
    for path in root.rglob("*"):
        if path.suffix.lower() in (".wav", ".flac", ".aiff"):
            path.unlink()
    with pytest.raises(LayoutError) as caught:
        catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0)
    assert str(root) in caught.value.message
    assert caught.value.hint


@pytest.fixture(scope="session")
def all_trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: build(tmp_path_factory.mktemp(name)) for name, build in trees.TREES.items()}


def test_other_sets_are_refused(name: str, reader: catalog.PublicSet, all_trees: dict[str, Path]) -> None:
    if name in ANY_FOLDER:
        return
    for other, root in all_trees.items():
        for place in (root, *(path for path in root.iterdir() if path.is_dir())) if other != name else ():
            assert is_refused(reader, place), f"{name} reads {other}"


def is_refused(reader: catalog.PublicSet, place: Path) -> bool:
    try:
        return not list(reader.items(place))
    except LayoutError:
        return True


def test_what_is_published_is_said_as_data(name: str, reader: catalog.PublicSet) -> None:
    published = getattr(reader, "published", None)
    if name in ANY_FOLDER:
        assert published is None
        return
    assert isinstance(published, Published), "write a table beside the reader, or say `published = Published(…)`"
    assert published.licence_url.startswith("https://")
    assert published.files or published.form, "say where the set can be had"
    assert len({(file.name, file.into) for file in published.files}) == len(published.files)
    for file in published.files:
        assert file.urls or published.form, file.name
        assert re.fullmatch(r"|[0-9a-f]{32}", file.md5), file.name
        assert re.fullmatch(r"|[0-9a-f]{64}", file.sha256), file.name
        assert re.fullmatch(r"|https://zenodo\.org/api/records/\d+", file.listed_at), file.name
        assert all(url.startswith("https://") or (url.startswith("http://") and file.known_hash) for url in file.urls)


def test_authors_are_cited_in_one_entry_of_bibtex(name: str, reader: catalog.PublicSet) -> None:
    published = getattr(reader, "published", None)
    if published is None:
        return
    entry = parsed(published.bibtex)
    assert entry["author"]
    assert entry["title"]
    assert 1990 <= int(entry["year"]) <= 2100
    assert published.bibtex.isascii(), "write accents as LaTeX does: not every BibTeX reads UTF-8"


def test_no_two_sets_are_cited_under_one_key(name: str) -> None:
    cited = [shelf.load("sets", other)() for other in SETS]
    keys = [parsed(one.published.bibtex)["key"] for one in cited if getattr(one, "published", None)]
    assert len(set(keys)) == len(keys)


def test_errata_say_what_is_wrong_and_who_found_it(name: str, reader: catalog.PublicSet) -> None:
    for erratum in getattr(reader, "published", Published()).errata:
        assert erratum.fault.strip()
        assert erratum.source.strip()
        assert bool(erratum.items) == (erratum.action != "note"), erratum.fault


def test_warnings_are_a_label_of_every_item(name: str, reader: catalog.PublicSet, root: Path) -> None:
    errata = getattr(reader, "published", Published()).errata
    warned = any(erratum.action == "warn" for erratum in errata)
    assert {"fault" in item.labels for item in reader.items(root)} == {warned}


def test_catalog_round_trips(name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path, decodable: None) -> None:
    table = catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0)
    assert catalog.read(tmp_path / "catalog.parquet").equals(table)
    rows = rows_of(table)
    assert [row["item"] for row in rows] == sorted(item.item for item in reader.items(root))
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["set"] for row in rows} == {name}
    assert all(row["licence"] and row["pcm_sha256"] and row["frames"] > 0 for row in rows)


def test_broken_files_are_named_and_the_others_are_kept(
    name: str, reader: catalog.PublicSet, root: Path, tmp_path: Path, decodable: None
) -> None:
    whole = rows_of(catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0))
    garbage, empty, *_ = dict.fromkeys(file_of(root / row["path"])[0] for row in whole)
    garbage.write_bytes(b"this is no audio at all" * 9)
    empty.write_bytes(b"")
    rows = rows_of(catalog.index(reader, root, tmp_path / "catalog.parquet", workers=0))
    assert [row["item"] for row in rows] == [row["item"] for row in whole]
    for row, before in zip(rows, whole, strict=True):
        file = file_of(root / row["path"])[0]
        if file in (garbage, empty):
            assert row["status"] == "unreadable"
            assert file.name in row["reason"]
            assert str(tmp_path) not in row["reason"]
            assert row["pcm_sha256"] is None
        else:
            assert row == before
