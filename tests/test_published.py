"""What publishers say of a set, as data."""

from pathlib import Path, PurePosixPath

import pytest

from sepbench.catalog import Item
from sepbench.published import Erratum, Published, RemoteFile, with_errata


def item(name: str, **labels: str) -> Item:
    return Item(name, PurePosixPath(f"{name}.wav"), "g", labels=labels)


def test_excluded_items_are_left_out() -> None:
    errata = [Erratum("corrupt", "somebody", ["*/b"], "exclude")]
    assert [one.item for one in with_errata([item("x/a"), item("x/b")], errata)] == ["x/a"]


def test_warnings_are_labels_and_all_others_have_none() -> None:
    errata = [
        Erratum("hums", "somebody", ["a"]),
        Erratum("clicks", "else", ["[ab]"]),
        Erratum("old", "x", action="note"),
    ]
    labels = {one.item: one.labels for one in with_errata([item("a", k="v"), item("b"), item("c")], errata)}
    assert labels == {"a": {"k": "v", "fault": "hums; clicks"}, "b": {"fault": "clicks"}, "c": {"fault": "none"}}


def test_set_without_warnings_has_no_label_of_faults() -> None:
    (one,) = with_errata([item("a")], [Erratum("old", "somebody", action="note")])
    assert one.labels == {}


def test_name_with_brackets_is_meant_as_it_stands() -> None:
    assert Erratum("hums", "somebody", ["a [live]"]).concerns("a [live]")


def test_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown action `repair`; known are exclude, warn, note"):
        Erratum("hums", "somebody", action="repair")


def test_file_is_named_after_its_url_and_known_by_its_stronger_sum() -> None:
    file = RemoteFile(["https://example.org/x/A%20B.zip?download=1"], md5="1", sha256="2")
    assert (file.name, file.known_hash) == ("A B.zip", "sha256:2")
    assert RemoteFile(["https://example.org/a.zip"], md5="1").known_hash == "md5:1"
    assert RemoteFile(["https://example.org/a.zip"]).known_hash is None


def test_table_beside_a_module_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'licence_url = "https://example.org"\n[[files]]\npart = "b"\nurls = ["https://example.org/b.zip"]\n'
        '[[files]]\npart = "a"\nurls = ["https://example.org/a.zip"]\n[[errata]]\nfault = "hums"\nsource = "me"\n'
    )
    published = Published.beside(str(tmp_path / "mine.py"))
    assert (published.parts, published.errata[0].fault) == (["b", "a"], "hums")


def test_misspelt_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[[files]]\nurl = "https://example.org/b.zip"\n')
    with pytest.raises(TypeError, match="url"):
        Published.beside(str(tmp_path / "mine.py"))
