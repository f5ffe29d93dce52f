"""Manifests and catalogs as they may come from a stranger: damaged, altered, hostile.

`FILES` are files that are no such table, `ROWS` are changes of one row, `METADATA` of what a manifest says of itself,
`CATALOGS` changes of a row of a catalog. Each has a name, a change, and what the error says.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sepbench import manifest, parquet
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest

CORPUS = Path(__file__).parent / "frozen" / "corpus-v1"
SOUND = Manifest.read(CORPUS)
Row = dict[str, Any]


class Change(NamedTuple):
    """`words` is a regular expression for the error."""

    name: str
    make: Callable[..., Any]
    words: str


def table_of(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write(folder: Path, table: pa.Table, *, metadata: dict[str, Any] | None = None, **options: Any) -> Path:
    """Write any table as a manifest, whatever it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "table": "manifest",
        "schema_version": manifest.VERSION,
        **SOUND.metadata,
        **(metadata or {}),
    }
    return sealed(folder / FILE_NAME, table, json.dumps(said).encode(), **options)


def sealed(path: Path, table: pa.Table, words: bytes, **options: Any) -> Path:
    """Write a table with metadata and the checksum that belongs to them: anybody can make one."""
    digest = hashlib.sha256(words).hexdigest().encode()
    keyed = table.replace_schema_metadata({b"sepbench": words, b"sepbench_sha256": digest})
    pq.write_table(keyed, path, compression="zstd", **options)
    return path


# --- files -----------------------------------------------------------------------------------------------------------


def whole(folder: Path) -> bytes:
    return write(folder, SOUND.table).read_bytes()


def content(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Give a maker of a file from the bytes of a sound one."""
    return lambda folder: (folder / FILE_NAME).write_bytes(change(whole(folder)))


def with_column(name: str, values: pa.Array | None, *, where: int = 0) -> Callable[[Path], object]:
    """Give a maker of a table with another column, or without one."""

    def make(folder: Path) -> None:
        table = SOUND.table
        if name in table.column_names:
            table = table.drop_columns([name])
        write(folder, table if values is None else table.add_column(where, name, values))

    return make


def with_source_field(name: str, type_: pa.DataType) -> Callable[[Path], object]:
    """Give a maker of a table in which a field of the sources has another type."""

    def make(folder: Path) -> None:
        rows = SOUND.table.to_pylist()
        fields = [pa.field(f.name, type_ if f.name == name else f.type) for f in manifest.SOURCE]
        for row in rows:
            for source in row["sources"]:
                source[name] = str(source[name]) if pa.types.is_string(type_) else float(source[name])
        place = SCHEMA.get_field_index("sources")
        write(
            folder,
            pa.Table.from_pylist(rows, schema=SCHEMA.set(place, pa.field("sources", pa.list_(pa.struct(fields))))),
        )

    return make


def many_rows(folder: Path) -> None:
    """Write 50 million equal rows in 100 KB."""
    write(folder, pa.table({"mixture_id": pa.nulls(50_000_000)}), row_group_size=50_000_000)


def long_text(folder: Path) -> None:
    """Write a text of 64 MiB in 3 KB."""
    write(folder, pa.table({"mixture_id": ["x" * (64 << 20)]}), use_dictionary=False, write_statistics=False)


def repeated_text(folder: Path) -> None:
    """Write a text of 900 KB that 200,000 rows repeat: 170 GiB in 2 KB."""
    rows = 200_000
    places = pa.array((np.arange(rows) == rows - 1).astype(np.int32))
    texts = pa.DictionaryArray.from_arrays(places, pa.array(["a", "x" * 900_000]))
    write(folder, pa.table({"mixture_id": texts}), row_group_size=rows)


def prefixed_text(folder: Path) -> None:
    """Write texts that are each the one before and a letter more: the encoding repeats them."""
    texts = pa.array(["x" * number for number in range(2000)])
    write(
        folder,
        pa.table({"mixture_id": texts}),
        use_dictionary=False,
        column_encoding={"mixture_id": "DELTA_BYTE_ARRAY"},
    )


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def python_type(folder: Path) -> None:
    """Write a column of the type that old versions of pyarrow unpickle (CVE-2023-47248)."""
    folder.mkdir(parents=True, exist_ok=True)
    marks = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Trap(folder / "trapped")),
    }
    table = SOUND.table
    field = pa.field("mixture_id", pa.string(), metadata=marks)
    write(folder, table.set_column(0, field, table["mixture_id"]))


IDS = SOUND.table["mixture_id"].combine_chunks()
UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16] * 3, pa.binary(16)))
FILES = [
    Change("empty", content(lambda data: b""), "is not a Parquet file, or damaged"),
    Change("text", content(lambda data: b"mixture_id,split\n"), "is not a Parquet file, or damaged"),
    Change("magic-only", content(lambda data: b"PAR1"), "is not a Parquet file, or damaged"),
    Change("half", content(lambda data: data[: len(data) // 2]), "is not a Parquet file, or damaged"),
    Change("footer-cut", content(lambda data: data[:-1]), "is not a Parquet file, or damaged"),
    Change("footer-huge", content(lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1"), "is not a Parquet file, or damaged"),
    Change("page-flipped", content(lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:]), "is damaged"),
    Change("folder", lambda folder: (folder / FILE_NAME).mkdir(), "there is no such manifest"),
    Change("many-rows", many_rows, "claims 50000000 rows in .* bytes"),
    Change("long-text", long_text, "`mixture_id` unpacks to 64 MiB in 1 rows"),
    Change("repeated-text", repeated_text, "repeats texts to 167 GiB in one row group"),
    Change("prefixed-text", prefixed_text, "is encoded as DELTA_BYTE_ARRAY"),
    Change("no-rows", lambda folder: write(folder, table_of([])), "holds no mixtures"),
    Change("column-missing", with_column("frames", None), "missing: frames"),
    Change("column-extra", with_column("colour", pa.array(["red"] * 3)), "unknown columns: colour"),
    Change("ids-are-numbers", with_column("mixture_id", pa.array([1.0, 2.0, 3.0])), "`mixture_id` has the type double"),
    Change("ids-are-bytes", with_column("mixture_id", IDS.cast(pa.binary())), "`mixture_id` has the type binary"),
    Change("ids-are-references", with_column("mixture_id", IDS.dictionary_encode()), "has the type dictionary"),
    Change("ids-are-a-stranger", with_column("mixture_id", UUIDS), "has the type extension"),
    Change("ids-are-python", python_type, "has the extension type `arrow.py_extension_type`"),
    Change("frames-are-text", with_column("frames", pa.array(["11025"] * 3)), "`frames` has the type string"),
    Change("start-is-float", with_source_field("start", pa.float64()), "`sources` has the type"),
    Change("level-is-text", with_source_field("frames", pa.string()), "`sources` has the type"),
    Change("null-id", with_column("mixture_id", pa.array(["test-000000", None, "train-000000"])), "`mixture_id` is missing|non-nullable"),
]  # fmt: skip


# --- rows ------------------------------------------------------------------------------------------------------------


def row(**values: Any) -> Callable[[list[Row]], None]:
    """Change the second row."""
    return lambda rows: rows[1].update(values)


def source(**values: Any) -> Callable[[list[Row]], None]:
    return lambda rows: rows[1]["sources"][1].update(values)


def proof(**values: Any) -> Callable[[list[Row]], None]:
    return lambda rows: rows[1]["proof"].update(values)


def gain(**values: int) -> Callable[[list[Row]], None]:
    return lambda rows: rows[1]["proof"]["gains"][0].update(values)


def stem(**values: Any) -> Callable[[list[Row]], None]:
    return lambda rows: rows[1]["proof"]["stems"][0].update(values)


NO_NAME = "can't be the name of a file"
NO_PATH = "`sources.path` is .*: is no plain path below the set's root"
BAD_IDS = {
    "slash": "a/b", "dots": "..", "dot": ".", "nul": "a\0b", "newline": "a\nb", "emoji": "🎻", "long": "x" * 10240, "empty": "",
    "option": "-rf", "final-dot": "a.", "space": " a", "backslash": "a\\b", "hidden": ".a", "bidi": "a\u202eb",
}  # fmt: skip
BAD_PATHS = {
    "absolute": "/etc/passwd", "device": "/dev/zero", "dots": "../x.wav", "inner-dots": "a/../../x.wav", "drive": "C:\\x.wav",
    "drive-slash": "c:/x.wav", "unc": "\\\\host\\share\\x.wav", "file-url": "file:///etc/passwd", "url": "http://host/x.wav",
    "s3": "s3://bucket/x.wav", "only-dots": "..", "final-slash": "a/", "double-slash": "a//b",
}  # fmt: skip
ROWS = [
    *(Change(f"id-{name}", row(mixture_id=value), f"`mixture_id` is .*: {NO_NAME}") for name, value in BAD_IDS.items()),
    *(Change(f"id-{name}", row(mixture_id=name), "is a reserved name") for name in ("CON", "nul.txt", "lpt1")),
    Change("id-twice", row(mixture_id="train-000000"), "two rows have the id 'train-000000'"),
    Change("id-twice-by-case", row(mixture_id="TRAIN-000000"), "two rows have the id 'train-000000' .upper and lower"),
    Change("split-unknown", row(split="dev"), "`split` is 'dev': expected one of test, train, valid"),
    Change("split-path", row(split="../../tmp"), "`split` is '../../tmp': expected one of"),
    Change("rate-0", row(sample_rate=0), "`sample_rate` is 0: expected 4000 to 384000"),
    Change("rate-huge", row(sample_rate=2**31 - 1), "`sample_rate` is 2147483647"),
    Change("channels-0", row(channels=0), "`channels` is 0: expected 1 to 64"),
    Change("channels-many", row(channels=32767), "`channels` is 32767"),
    Change("bits-8", row(bits=8), "`bits` is 8: expected one of 16, 24"),
    Change("frames-0", row(frames=0), "`frames` is 0"),
    Change("frames-negative", row(frames=-1), "`frames` is -1"),
    Change("frames-huge", row(frames=2**62), "`frames` is 4611686018427387904"),
    Change("frames-by-channels", row(frames=2**29, channels=2), "`frames` is 536870912: is too long for so many channels"),
    Change("snr-huge", row(snr_mdb=2**31 - 1), "`snr_mdb` is 2147483647: expected -300000 to 300000"),
    Change("clipping-unknown", row(clipping="wrap"), "`clipping` is 'wrap': expected one of fail, scale"),
    Change("peak-above", row(peak_mdbfs=1), "`peak_mdbfs` is 1"),
    Change("licence-long", row(licence="x" * 100_000), "`licence` is .*: is longer than 65536 bytes"),
    Change("no-sources", row(sources=[]), "`sources` is 0: expected 1 to 1024 sources"),
    Change("many-sources", lambda rows: rows[1].update(sources=rows[1]["sources"] * 400), "expected 1 to 1024 sources"),
    *(Change(f"path-{name}", source(path=value), NO_PATH) for name, value in BAD_PATHS.items()),
    Change("path-nul", source(path="a\0b"), "`sources.path` is .*: holds a control character"),
    Change("path-newline", source(path="a\nb"), "`sources.path` is .*: holds a control character"),
    Change("path-empty", source(path=""), "`sources.path` is '': is empty"),
    Change("path-long", source(path="x" * 5000), "`sources.path` is .*: is longer than 4096 bytes"),
    Change("name-path", source(name="../../x"), f"`sources.name` is '../../x': {NO_NAME}"),
    Change("name-mixture", source(name="mixture"), "`sources.name` is 'mixture': is a reserved name"),
    Change("name-reserved", source(name="aux"), "`sources.name` is 'aux': is a reserved name"),
    Change("set-newline", source(set="esc50\n"), "`sources.set` is .*: holds a control character"),
    Change("item-escape", source(item="\x1b[31m"), "`sources.item` is .*: holds a control character"),
    Change("role-unknown", source(role="victim"), "`sources.role` is 'victim': expected one of interferer, noise, target"),
    Change("no-target", lambda rows: [one.update(role="noise") for one in rows[1]["sources"]], "no source is a target"),
    Change("source-rate", source(sample_rate=1), "`sources.sample_rate` is 1"),
    Change("source-hash", source(source_pcm_sha256="0" * 63 + "g"), "expected a SHA-256"),
    Change("downmix-unknown", source(downmix="sum"), "`sources.downmix` is 'sum': expected one of copy, first, mean, none"),
    Change("start-negative", source(start=-1), "`sources.start` is -1"),
    Change("start-huge", source(start=2**62), "`sources.start` is"),
    Change("source-frames-0", source(frames=0), "`sources.frames` is 0"),
    Change("source-frames-huge", source(frames=2**40), "`sources.frames` is 1099511627776"),
    Change("ends-behind", source(frames=11026), "`sources.frames` is 11026: ends behind the mixture"),
    Change("offset-negative", source(offset=-5), "`sources.offset` is -5"),
    Change("offset-behind", source(offset=11025), "ends behind the mixture"),
    Change("source-snr-huge", source(snr_mdb=-(2**31)), "`sources.snr_mdb` is -2147483648"),
    Change("source-level-huge", source(level_mdbfs=2**31 - 1), "`sources.level_mdbfs` is 2147483647"),
    Change("transform-address", source(transforms=[{"name": "evil.py:Run", "parameters": "{}"}]), "is 'evil.py:Run': can't be the name"),
    Change("follows-nobody", source(follows="somebody"), "`sources.follows` is 'somebody': names no source before it"),
    Change("follows-odd", source(follows="../x"), "`sources.follows` is '../x': can't be the name"),
    Change("planned-gain-0", source(gain_mantissa=0, gain_shift=0), "`sources.gain_mantissa` is 0"),
    Change("planned-gain-infinite", source(gain_mantissa=2**27, gain_shift=600), "`sources.gain_shift` is 600"),
    Change("planned-gain-halved", source(gain_mantissa=2**27), "`sources.gain_mantissa` is 134217728: expected both mantissa and shift"),
    Change("mixture-level-huge", row(level_mdbfs=2**31 - 1), "`level_mdbfs` is 2147483647"),
    Change("degradation-address", row(degradations=[{"name": "x.py:Y", "parameters": "{}"}]), "`degradations.name` is 'x.py:Y'"),
    Change("rendering-address", row(rendering={"name": "x.py:Y", "parameters": "{}"}), "`rendering.name` is 'x.py:Y'"),
    Change("snr-over-odd", row(snr_over="speech"), "`snr_over` is 'speech': expected one of active"),
    Change("status-odd", proof(status="../ok"), "`proof.status` is '../ok': is no status"),
    Change("gain-0", gain(mantissa=0), "`proof.gains.mantissa` is 0"),
    Change("gain-negative", gain(mantissa=-(2**31)), "`proof.gains.mantissa` is -2147483648"),
    Change("gain-infinite", gain(shift=-32768), "`proof.gains.shift` is -32768"),
    Change("gains-missing", proof(gains=[]), "`proof.gains` is 0: expected one for each source"),
    Change("common-gain-missing", proof(common_gain=None), "`proof.common_gain` is missing"),
    Change("stem-path", stem(name="../../../x"), f"`proof.stems.name` is '../../../x': {NO_NAME}"),
    Change("stem-mixture", stem(name="mixture"), "`proof.stems.name` is 'mixture': is a reserved name"),
    Change("stem-hash", stem(stem_pcm_sha256="x"), "`proof.stems.stem_pcm_sha256` is 'x'"),
    Change("stems-missing", proof(stems=[]), "`proof.stems` is 0: expected the stems"),
    Change("mixture-hash", proof(mixture_pcm_sha256=""), "`proof.mixture_pcm_sha256` is ''"),
    Change("mixture-hash-missing", proof(mixture_pcm_sha256=None), "`proof.mixture_pcm_sha256` is missing"),
]  # fmt: skip


# --- metadata --------------------------------------------------------------------------------------------------------


def said(**values: Any) -> bytes:
    now = {"table": "manifest", "schema_version": 1, **SOUND.metadata, **values}
    return json.dumps({key: value for key, value in now.items() if value is not None}).encode()


METADATA = [
    Change("newer", lambda: said(schema_version=99), "schema version 99, this sepbench reads up to 3"),
    Change("no-version", lambda: said(schema_version=None), "name no schema version"),
    Change("version-text", lambda: said(schema_version="1"), "name no schema version"),
    Change("other-table", lambda: said(table="catalog"), "expected a manifest, found catalog"),
    Change("no-json", lambda: b"{'table': 1}", "are no JSON"),
    Change("deep-json", lambda: b"[" * 100_000, "are no JSON"),
    Change("a-list", lambda: b"[]", "found a table of another program"),
    Change("no-recipe", lambda: said(recipe=None), "wrong at `recipe`"),
    Change("recipe-text", lambda: said(recipe="mine"), "wrong at `recipe`"),
    Change("no-plan-hash", lambda: said(plan_hash=None), "wrong at `plan_hash`"),
    Change("container-path", lambda: said(container="/../../etc/passwd"), "wrong at `container`"),
    Change("hints-list", lambda: said(root_hints=["/"]), "wrong at `root_hints`"),
]


# --- catalogs --------------------------------------------------------------------------------------------------------

CATALOGS = [
    Change("path-absolute", row(path="/etc/passwd"), "`path` is '/etc/passwd': is no plain path below"),
    Change("path-dots", row(path="../x.wav"), "`path` is '../x.wav': is no plain path below"),
    Change("path-url", row(path="http://host/x.wav"), "is no plain path below"),
    Change("item-twice", lambda rows: rows[1].update(item=rows[0]["item"]), "two rows have the id"),
    Change("item-newline", row(item="a\nb"), "`item` is .*: holds a control character"),
    Change("set-empty", row(set=""), "`set` is '': is empty"),
    Change("status-unknown", row(status="fine"), "`status` is 'fine': expected one of ok, silent, unreadable"),
    Change("rate-0", row(sample_rate=0), "`sample_rate` is 0"),
    Change("rate-missing", row(sample_rate=None), "`sample_rate` is missing, though the status is ok"),
    Change("channels-0", row(channels=0), "`channels` is 0"),
    Change("frames-negative", row(frames=-1), "`frames` is -1"),
    Change("frames-huge", row(frames=2**62), "`frames` is"),
    Change("frames-missing", row(frames=None), "`frames` is missing, though the status is ok"),
    Change("bits-7", row(bits=7), "`bits` is 7"),
    Change("hash-odd", row(pcm_sha256="x"), "`pcm_sha256` is 'x'"),
    Change("hash-missing", row(pcm_sha256=None), "`pcm_sha256` is missing"),
    Change("profile-missing", row(level_profile_dbfs=None), "`level_profile_dbfs` is missing"),
    Change("no-rows", lambda rows: rows.clear(), "holds no recordings"),
]


def write_catalog(path: Path, original: Path, change: Callable[[list[Row]], object]) -> Path:
    """Write a catalog anew with some rows changed."""
    from sepbench import catalog

    table = catalog.read(original)
    rows = table.to_pylist()
    change(rows)
    metadata = parquet.table_metadata(original, kind="catalog", version=catalog.VERSION)
    words = json.dumps({**metadata, "table": "catalog", "schema_version": catalog.VERSION}).encode()
    return sealed(path, pa.Table.from_pylist(rows, schema=catalog.SCHEMA), words)
