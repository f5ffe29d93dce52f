"""UrbanSound8K and ESC-50: sets that are a table and the files it lists."""

import shutil
from pathlib import Path

import pytest
import trees

from sepbench import catalog
from sepbench.corpora.esc50 import Esc50
from sepbench.corpora.urbansound8k import UrbanSound8K
from sepbench.errors import LayoutError


def test_urban_slice_carries_its_row(tmp_path: Path) -> None:
    items = {item.item: item for item in UrbanSound8K().items(trees.urbansound8k(tmp_path))}
    item = items["fold5/100032-3-0-0"]
    assert (item.split, item.group) == ("fold5", "100032")
    assert item.labels == {
        "fsID": "100032", "start": "0.0", "end": "0.317551", "salience": "1", "fold": "5", "classID": "3",
        "class": "dog_bark",
    }  # fmt: skip


def test_urban_slices_of_one_recording_are_one_group(tmp_path: Path) -> None:
    groups = [item.group for item in UrbanSound8K().items(trees.urbansound8k(tmp_path))]
    assert groups.count("100263") == 2


def test_esc_clip_carries_its_row(tmp_path: Path) -> None:
    items = {item.item: item for item in Esc50().items(trees.esc50(tmp_path))}
    item = items["1-100032-A-0"]
    assert (item.split, item.group) == ("fold1", "100032")
    assert item.labels == {
        "fold": "1", "target": "0", "category": "dog", "class": "dog", "esc10": "True", "src_file": "100032",
        "take": "A",
    }  # fmt: skip


def test_esc10_has_the_freer_licence(tmp_path: Path) -> None:
    table = catalog.index("esc50", trees.esc50(tmp_path / "root"), tmp_path / "c.parquet", workers=0)
    licences = dict(zip(table["item"].to_pylist(), table["licence"].to_pylist(), strict=True))
    assert licences == {
        "1-100032-A-0": "CC-BY-3.0",
        "3-103051-C-19": "CC-BY-NC-3.0",
        "5-156999-C-19": "CC-BY-NC-3.0",
    }


@pytest.mark.parametrize(
    ("build", "reader", "table"),
    [
        (trees.urbansound8k, UrbanSound8K(), "UrbanSound8K/metadata/UrbanSound8K.csv"),
        (trees.esc50, Esc50(), "ESC-50-master/meta/esc50.csv"),
    ],
    ids=["urbansound8k", "esc50"],
)
class TestTableAndFiles:
    """What holds for both."""

    def test_table_is_required(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        (root / table).unlink()
        with pytest.raises(LayoutError, match=rf"expected `{Path(table).parent.name}/{Path(table).name}`, found"):
            list(reader.items(root))

    def test_audio_is_required(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        shutil.rmtree(root / table.split("/")[0] / "audio")
        with pytest.raises(LayoutError, match="expected `audio/`"):
            list(reader.items(root))

    def test_missing_column_is_named(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        words = (root / table).read_text().replace(",fold,", ",pleat,")
        (root / table).write_text(words)
        with pytest.raises(LayoutError, match=r"lacks the columns fold, has .*pleat"):
            list(reader.items(root))

    def test_row_that_is_cut_short_is_named(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        words = (root / table).read_text()
        (root / table).write_text(words[: words.rindex(",")])
        number = words.count("\n") - 1
        with pytest.raises(LayoutError, match=f"row {number} is cut short"):
            list(reader.items(root))

    def test_missing_file_stays_as_unreadable(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path / "root")
        gone = next(iter(reader.items(root)))
        (root / gone.path).unlink()
        rows = catalog.index(reader, root, tmp_path / "c.parquet", workers=0).to_pylist()
        assert {row["item"]: row["reason"] for row in rows if row["status"] != "ok"} == {
            gone.item: f"{gone.path}: No such file or directory"
        }

    def test_half_extracted_set_is_refused(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        items = list(reader.items(root))
        for item in items[1:]:
            (root / item.path).unlink()
        with pytest.raises(LayoutError, match=f"{len(items) - 1} of its {len(items)} recordings are not there"):
            list(reader.items(root))

    def test_file_without_row_is_refused_not_dropped(self, build, reader, table, tmp_path) -> None:  # type: ignore[no-untyped-def]
        root = build(tmp_path)
        item = next(iter(reader.items(root)))
        (root / item.path).with_name("new.wav").write_bytes((root / item.path).read_bytes())
        with pytest.raises(LayoutError, match=r"has no row for 1 of the recordings .*new\.wav"):
            list(reader.items(root))
