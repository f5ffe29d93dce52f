"""Files are whole or absent; tables are what they say."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench import parquet, storage
from sepbench.errors import PlaceError, TableError

SCHEMA = pa.schema(
    [parquet.column("name", pa.string(), "A name."), parquet.column("later", pa.int32(), "New.", nullable=True)]
)


def written(path, rows=({"name": "a", "later": 1},), **options):
    table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
    parquet.write_parquet(table, path, **({"kind": "thing", "version": 1, "metadata": {"seed": 3}} | options))
    return path


def test_what_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    storage.write_text(path, "old")
    with pytest.raises(UnicodeEncodeError), storage.atomic(path) as temporary:
        temporary.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_place_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match=r"file/x.txt: can't be written \(File exists\)"):
        storage.write_text(tmp_path / "file" / "x.txt", "")


def test_a_full_disk_says_that_the_run_can_go_on(tmp_path):
    words = r"(?s)No space left on device.*the same command again"
    with pytest.raises(PlaceError, match=words), storage.atomic(tmp_path / "x"):
        raise OSError(28, "No space left on device")


def test_a_table_comes_back_with_its_metadata(tmp_path):
    path = written(tmp_path / "t.parquet")
    assert parquet.read_parquet(path, SCHEMA, kind="thing", version=1).to_pylist() == [{"name": "a", "later": 1}]
    assert parquet.table_metadata(path, kind="thing", version=1)["seed"] == 3


def test_every_flipped_byte_of_a_table_is_noticed_or_harmless(tmp_path):
    rows = [{"name": f"name-{number}", "later": number} for number in range(200)]
    path = written(tmp_path / "t.parquet", rows)
    whole = path.read_bytes()
    for at in range(0, len(whole), 41):
        broken = bytearray(whole)
        broken[at] ^= 4
        path.write_bytes(broken)
        try:
            found = parquet.read_parquet(path, SCHEMA, kind="thing", version=1).to_pylist()
        except TableError:
            continue
        assert found == rows


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("no table"), "is not a Parquet file"),
        (lambda path: written(path, kind="other"), "expected a thing, found other"),
        (lambda path: written(path, version=9), "schema version 9, this sepbench reads up to 1"),
        (lambda path: pq.write_table(pa.table({"name": ["a"]}), path), "a table of another program"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_name(tmp_path, make, words):
    path = tmp_path / "t.parquet"
    make(path)
    with pytest.raises(TableError, match=words) as caught:
        parquet.read_parquet(path, SCHEMA, kind="thing", version=1)
    assert str(path) in str(caught.value)
    assert "hint: " in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(TableError, match=r"nothing.parquet: there is no such thing"):
        parquet.read_parquet(tmp_path / "nothing.parquet", SCHEMA, kind="thing", version=1)


def test_an_older_table_gets_nulls_for_columns_that_came_later(tmp_path):
    old = pa.schema([SCHEMA.field("name")])
    parquet.write_parquet(
        pa.Table.from_pylist([{"name": "a"}], schema=old), tmp_path / "t", kind="thing", version=1, metadata={}
    )
    assert parquet.read_parquet(tmp_path / "t", SCHEMA, kind="thing", version=1).to_pylist() == [
        {"name": "a", "later": None}
    ]


def test_unknown_and_missing_columns_are_named(tmp_path):
    odd = pa.table({"nam": ["a"]})
    parquet.write_parquet(odd, tmp_path / "t", kind="thing", version=1, metadata={})
    with pytest.raises(TableError, match="unknown columns: nam; missing: name"):
        parquet.read_parquet(tmp_path / "t", SCHEMA, kind="thing", version=1)


def rewritten(path, rows, **metadata):
    with parquet.table_writer(path, SCHEMA, kind="thing", version=1) as out:
        for batch in parquet.regrouped(pa.Table.from_pylist(rows, schema=SCHEMA).to_batches()):
            out.write(batch)
        out.metadata |= metadata
    return path


def test_a_table_written_in_pieces_reads_as_one_written_at_once(tmp_path):
    rows = [{"name": f"name-{number}", "later": number} for number in range(10_000)]
    path = rewritten(tmp_path / "t.parquet", rows, seed="é")
    assert parquet.read_parquet(path, SCHEMA, kind="thing", version=1).to_pylist() == rows
    assert parquet.table_metadata(path, kind="thing", version=1)["seed"] == "é"


def test_a_table_that_is_not_finished_leaves_nothing(tmp_path):
    def broken():
        yield from pa.Table.from_pylist([{"name": "a", "later": 1}], schema=SCHEMA).to_batches()
        raise KeyError("the source of the rows")

    with pytest.raises(KeyError, match="the source"), parquet.table_writer(
        tmp_path / "t.parquet", SCHEMA, kind="thing", version=1
    ) as out:  # fmt: skip
        list(map(out.write, broken()))
    assert os.listdir(tmp_path) == []


def test_every_flipped_byte_of_a_table_in_its_file_is_noticed_or_harmless(tmp_path):
    rows = [{"name": f"name-{number}", "later": number} for number in range(200)]
    path = rewritten(tmp_path / "t.parquet", rows, seed=3)
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        broken = bytearray(whole)
        broken[at] ^= 4
        path.write_bytes(broken)
        try:
            file = parquet.TableFile(path, SCHEMA, kind="thing", version=1)
            found = [row for piece in file.pieces(range(len(file))) for row in piece.to_pylist()]
            names = file.column("name").to_pylist()
        except TableError:
            continue
        assert found == rows
        assert names == [row["name"] for row in rows]


def test_a_table_in_its_file_is_held_against_its_schema_at_once(tmp_path):
    parquet.write_parquet(pa.table({"nam": ["a"]}), tmp_path / "t", kind="thing", version=1, metadata={})
    with pytest.raises(TableError, match="unknown columns: nam; missing: name"):
        parquet.TableFile(tmp_path / "t", SCHEMA, kind="thing", version=1)
    old = pa.schema([SCHEMA.field("name")])
    parquet.write_parquet(
        pa.Table.from_pylist([{"name": "a"}], schema=old), tmp_path / "u", kind="thing", version=1, metadata={}
    )
    (piece,) = parquet.TableFile(tmp_path / "u", SCHEMA, kind="thing", version=1).pieces([0])
    assert piece.to_pylist() == [{"name": "a", "later": None}]


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(1, 9))
def test_regrouping_keeps_the_rows_and_their_order(sizes, rows):
    numbers = iter(range(1000))
    batches = [pa.RecordBatch.from_pydict({"n": [next(numbers) for _ in range(size)]}, pa.schema([("n", pa.int32())])) for size in sizes]  # fmt: skip
    found = list(parquet.regrouped(batches, rows))
    assert [one for batch in found for one in batch["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(len(batch) == rows for batch in found[:-1])
    assert all(0 < len(batch) <= rows for batch in found)
