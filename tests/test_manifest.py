"""A manifest stays in its file, gives the same rows however it is asked, and its hashes never change."""

import hashlib
import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_canonical import TEXTS

from sepbench import manifest as manifests
from sepbench.errors import TableError
from sepbench.manifest import SCHEMA, Manifest, corpus_hash, plan_hash
from sepbench.parquet import ROW_GROUP

NAMES = st.text("0123456789-ab\x00é", min_size=1, max_size=8)
SOURCES = st.fixed_dictionaries(
    {
        **dict.fromkeys(("name", "role", "set", "item", "path", "group", "licence", "downmix"), TEXTS),
        "labels": st.lists(st.fixed_dictionaries({"name": TEXTS, "value": TEXTS}), max_size=2),
        "sample_rate": st.integers(1, 2**31 - 1), "source_pcm_sha256": TEXTS,
        "start": st.integers(0, 2**62), "frames": st.integers(-9, 2**62), "offset": st.just(0), "loop": st.booleans(),
        "snr_mdb": st.none() | st.integers(-9999, 9999), "level_mdbfs": st.none() | st.integers(-9999, 9999),
        "transforms": st.lists(st.fixed_dictionaries({"name": TEXTS, "parameters": TEXTS}), max_size=1),
        "follows": st.none() | TEXTS,
        "gain_mantissa": st.none() | st.integers(0, 9), "gain_shift": st.none() | st.integers(-9, 9),
    }
)  # fmt: skip
PROOFS = st.builds(
    lambda status, stems, level: dict.fromkeys(field.name for field in manifests.PROOF)
    | {"status": status, "gains": [], "float_stages": []}
    | {"stems": [{"role": "", "peak": 1, "rms_dbfs": level, "name": a, "stem_pcm_sha256": b} for a, b in stems]},
    TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=3), st.floats(-90, 0),
)  # fmt: skip
ROWS = st.fixed_dictionaries(
    {
        "mixture_id": NAMES, "split": TEXTS, "sample_rate": st.integers(1, 9), "channels": st.integers(1, 2),
        "bits": st.just(16), "frames": st.integers(0, 2**62), "snr_mdb": st.none() | st.integers(-9999, 9999),
        "snr_over": st.none() | TEXTS, "level_mdbfs": st.none() | st.integers(-9999, 0),
        "degradations": st.none() | st.lists(st.fixed_dictionaries({"name": TEXTS, "parameters": TEXTS}), max_size=2),
        "rendering": st.none() | st.fixed_dictionaries({"name": TEXTS, "parameters": TEXTS}),
        "clipping": TEXTS, "peak_mdbfs": st.integers(-9, 0), "licence": TEXTS,
        "sources": st.lists(SOURCES, max_size=3), "proof": PROOFS,
    }
)  # fmt: skip


def anything(*_):
    """Let pass rows that no plan would write: here only their keeping matters; see test_bad_tables."""


@pytest.fixture(autouse=True, scope="module")
def unchecked():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("refuse_unsound", "refuse_unsound_metadata", "refuse_repeated"):
            patch.setattr(manifests.soundness, name, anything)
        yield


def by_definition(kind, covered):
    """Hash rows as version 1 says in words, with nothing of the package."""

    def clean(value):
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if item is not None}
        return [clean(item) for item in value] if isinstance(value, list) else value

    each = sorted(
        (name, hashlib.sha256(json.dumps(clean(value), sort_keys=True, separators=(",", ":")).encode()).digest())
        for name, value in covered
    )
    return "sha256:" + hashlib.sha256(kind + b"\n" + b"".join(digest for _, digest in each)).hexdigest()


@given(st.lists(ROWS, max_size=5))
def test_hashes_of_dictionaries_and_of_batches_are_what_version_1_defines(rows):
    planned = [(row["mixture_id"], {name: value for name, value in row.items() if name != "proof"}) for row in rows]
    made = [
        (
            name,
            [
                content,
                {
                    "status": row["proof"]["status"],
                    "stems": [[stem["name"], stem["stem_pcm_sha256"]] for stem in row["proof"]["stems"]],
                },
            ],
        )
        for (name, content), row in zip(planned, rows, strict=True)
    ]
    whole = Manifest(pa.Table.from_pylist(rows, schema=SCHEMA), {})
    expected = by_definition(b"sepbench-plan-1", planned), by_definition(b"sepbench-corpus-1", made)
    assert (plan_hash(iter(rows)), corpus_hash(iter(rows))) == expected
    assert (plan_hash(whole), corpus_hash(whole)) == expected


def row(number, *, proof=True, split="train"):
    source = {field.name: "x" for field in manifests.SOURCE} | {
        "labels": [{"name": "odd", "value": 'é"'}], "sample_rate": 8000, "start": number, "frames": 9, "offset": 0,
        "loop": False, "snr_mdb": None, "level_mdbfs": -20000, "transforms": [],
        "follows": None, "gain_mantissa": None, "gain_shift": None,
    }  # fmt: skip
    made = dict.fromkeys(field.name for field in manifests.PROOF) | {
        "status": "ok" if number % 1000 else "silent_source", "reason": None if number % 1000 else "it is silent",
        "gains": [], "float_stages": [], "stems": [],
    }  # fmt: skip
    return {
        "mixture_id": f"{split}-{number:06d}", "split": split, "sample_rate": 8000, "channels": 1, "bits": 16,
        "frames": 9, "snr_mdb": number, "snr_over": None, "level_mdbfs": None, "degradations": None,
        "rendering": None, "clipping": "scale", "peak_mdbfs": -1000, "licence": "x",
        "sources": [source] * (1 + number % 2), "proof": made if proof else None,
    }  # fmt: skip


COUNT = 2 * ROW_GROUP + 100


@pytest.fixture(scope="module")
def rows():
    return [row(number, split=("test", "train")[number // 5000]) for number in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("manifest")
    Manifest(pa.Table.from_pylist(rows, schema=SCHEMA), {"recipe": {"name": "x"}, "corpus_hash": "y"}).write(folder)
    return folder


def test_a_file_has_row_groups_of_4096(folder):
    footer = pq.read_metadata(folder / "manifest.parquet")
    assert [footer.row_group(number).num_rows for number in range(3)] == [4096, 4096, 100]


def test_rows_are_the_same_however_they_are_asked_for(folder, rows):
    there = Manifest.read(folder)
    assert len(there) == COUNT
    assert list(there) == rows
    assert there.table.to_pylist() == rows
    assert [there[at] for at in (0, 4095, 4096, -1, COUNT - 1)] == [rows[at] for at in (0, 4095, 4096, -1, COUNT - 1)]
    assert [one for batch in there.batches(1000) for one in batch.to_pylist()] == rows
    assert max(map(len, there.batches(1000))) == 1000
    for start, stop in ((0, 3), (4000, 4200), (4096, 8192), (8191, 99999), (5, 5), (7, 3)):
        assert there.rows(start, stop) == rows[start:stop]
    with pytest.raises(IndexError):
        there[COUNT]


@pytest.mark.parametrize("split", ["test", "train", "valid", None])
def test_a_split_of_a_file_is_that_of_a_table(folder, rows, split):
    there, loaded = Manifest.read(folder), Manifest(pa.Table.from_pylist(rows, schema=SCHEMA), {"a": 1})
    chosen, expected = there.select(split=split), loaded.select(split=split)
    assert len(chosen) == len(expected)
    assert list(chosen) == list(expected)
    assert chosen.rows(4000, 4100) == expected.rows(4000, 4100)
    assert (chosen.metadata, expected.metadata) == (there.metadata, {"a": 1})


def test_a_split_whose_rows_lie_apart_is_selected(tmp_path, rows):
    mixed = [one | {"split": ("train", "test")[at % 3 == 0]} for at, one in enumerate(rows)]
    Manifest(pa.Table.from_pylist(mixed, schema=SCHEMA), {}).write(tmp_path)
    chosen = Manifest.read(tmp_path).select(split="test")
    assert list(chosen) == mixed[::3]
    assert chosen[1400] == mixed[4200]
    assert len(chosen.select(split="train")) == 0
    assert list(pickle.loads(pickle.dumps(chosen)).select(split="test")) == mixed[::3]  # noqa: S301 - our own


def test_one_row_group_is_read_at_a_time_and_the_last_one_kept(folder, monkeypatch):
    from sepbench import parquet

    read = []
    monkeypatch.setattr(parquet.TableFile, "_read", _noting(parquet.TableFile._read, read))
    there = Manifest.read(folder)
    assert read == [None]  # the ids, of all rows
    _ = [there[at] for at in (5, 6, 4000, 5000, 5001, 7)]
    assert read == [None, 0, 1, 0]


def _noting(function, noted):
    def wrapped(self, group, columns):
        noted.append(group)
        return function(self, group, columns)

    return wrapped


def test_a_manifest_in_a_file_travels_without_its_rows(folder, rows):
    there = Manifest.read(folder)
    assert there[4] == rows[4]
    sent = pickle.dumps(there.select(split="train"))
    assert len(sent) < 20_000
    assert pickle.loads(sent)[0] == rows[5000]  # noqa: S301 - our own


def test_damage_shows_when_the_rows_are_loaded(tmp_path, folder, rows):
    whole = (folder / "manifest.parquet").read_bytes()
    path = tmp_path / "manifest.parquet"
    group = pq.read_metadata(folder / "manifest.parquet").row_group(1)
    others = [group.column(at) for at in range(1, group.num_columns)]  # the first are the ids, which are read at once
    start = max(others, key=lambda chunk: chunk.total_compressed_size).data_page_offset
    path.write_bytes(whole[: start + 60] + bytes([whole[start + 60] ^ 4]) + whole[start + 61 :])
    there = Manifest.read(path)
    assert there[0] == rows[0]
    with pytest.raises(TableError, match="is damaged"):
        there[5000]


def test_another_file_in_the_place_of_an_open_one_is_noticed(tmp_path, rows):
    first = Manifest(pa.Table.from_pylist(rows[:10], schema=SCHEMA), {"recipe": {"name": "one"}})
    first.write(tmp_path)
    there = Manifest.read(tmp_path)
    sent = pickle.dumps(there)
    Manifest(first.table, {"recipe": {"name": "two"}}).write(tmp_path)
    assert there[0] == rows[0]  # a manifest of one row group is in memory once it is open
    with pytest.raises(TableError, match="has changed since it was opened"):
        pickle.loads(sent)[0]  # noqa: S301 - our own
    (tmp_path / "manifest.parquet").unlink()
    with pytest.raises(TableError, match="there is no such manifest"):
        list(pickle.loads(sent))  # noqa: S301


def test_a_manifest_can_be_written_over_itself(tmp_path, rows):
    Manifest(pa.Table.from_pylist(rows, schema=SCHEMA), {"a": 1}).write(tmp_path)
    Manifest.read(tmp_path).select(split="test").write(tmp_path)
    assert list(Manifest.read(tmp_path)) == [one for one in rows if one["split"] == "test"]


def test_rows_that_come_in_pieces_are_hashed_on_the_way(tmp_path, rows):
    pieces = (pa.RecordBatch.from_pylist(rows[at : at + 33], schema=SCHEMA) for at in range(0, COUNT, 33))
    done = []
    written = manifests.write(
        pieces, tmp_path / "m.parquet", {"seed": 3}, total=COUNT, progress=lambda *at: done.append(at)
    )
    assert list(written) == rows
    assert (written.metadata["plan_hash"], written.corpus_hash) == (plan_hash(rows), corpus_hash(rows))
    assert written.metadata["seed"] == 3
    assert done == [(4096, COUNT), (8192, COUNT), (COUNT, COUNT)]


def test_rows_without_proof_have_a_plan_hash_only(tmp_path):
    planned = [row(number, proof=False) for number in range(3)]
    batch = pa.RecordBatch.from_pylist(planned, schema=SCHEMA)
    written = manifests.write([batch], tmp_path / "m.parquet", {"corpus_hash": "of other rows"})
    assert "corpus_hash" not in written.metadata
    assert written.corpus_hash == plan_hash(planned)
    assert list(written.failures()) == []
    with pytest.raises(TableError, match="train-000000: was planned but not rendered"):
        corpus_hash(written)


def test_no_rows_at_all_are_no_manifest(tmp_path):
    with pytest.raises(TableError, match="holds no mixtures"):
        manifests.write([], tmp_path / "m.parquet", {})
    assert plan_hash(Manifest(SCHEMA.empty_table(), {})) == plan_hash([])


def test_failures_are_named_with_status_and_reason(folder):
    found = list(Manifest.read(folder).failures())
    assert [one.mixture_id for one in found[:6:5]] == ["test-000000", "train-005000"]
    assert {one[1:] for one in found} == {("silent_source", "it is silent")}
    assert len(found) == 9


def test_ids_of_seven_digits_come_in_the_order_of_their_letters():
    names = [f"train-{number:06d}" for number in (999_999, 1_000_000, 99_999)]
    one = row(0)
    rows = [one | {"mixture_id": name} for name in names]
    assert plan_hash(rows) == plan_hash(sorted(rows, key=lambda row: row["mixture_id"]))
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    assert plan_hash(Manifest(table, {})) == plan_hash(rows)


def test_places_need_no_memory_where_they_have_no_gaps(folder):
    chosen = Manifest.read(folder).select(split="train")
    assert isinstance(chosen._places, range)
    assert not isinstance(chosen._places, np.ndarray)
