"""Parquet tables that are what they say: checked columns, page checksums, one row group at a time where they are long."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sepbench import footers
from sepbench.errors import TableError
from sepbench.storage import atomic, digest, write_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = [
    "ROW_GROUP",
    "TableFile",
    "TableWriter",
    "column",
    "read_parquet",
    "regrouped",
    "table_metadata",
    "table_writer",
    "write_parquet",
]

ROW_GROUP = 4096
_BUFFER_BYTES = 1 << 20
_METADATA_KEY, _DIGEST_KEY = b"sepbench", b"sepbench_sha256"
# pyarrow's own errors are ValueErrors and OSErrors, among others; damage can also show as text that is not UTF-8
_DAMAGE = (OSError, ValueError, KeyError, NotImplementedError, MemoryError)


def column(name: str, type_: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    """Describe a column where its schema is; the docs page is generated from here."""
    import pyarrow as pa

    return pa.field(name, type_, nullable=nullable, metadata={"doc": doc})


def write_parquet(table: pa.Table, path: Path, *, kind: str, version: int, metadata: dict[str, Any]) -> None:
    """Write a table with page checksums under its final name, all or nothing.

    Parameters
    ----------
    kind, version
        What the table is, and the version of its schema.
    metadata
        Goes as JSON into the file's own metadata: recipe, tool versions, hashes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = table.replace_schema_metadata(_words(kind, version, metadata))
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_page_checksum=True)
    write_bytes(path, content.getvalue())


class TableWriter:
    """Writes a table piece by piece; `table_writer` makes one.

    Attributes
    ----------
    metadata : dict
        As in `write_parquet`; written at the end, so it may say what only the rows have shown.
    """

    def __init__(self, file: pq.ParquetWriter) -> None:
        self.metadata: dict[str, Any] = {}
        self._file = file

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a row group; see `regrouped`."""
        self._file.write_batch(batch)


@contextlib.contextmanager
def table_writer(path: Path, schema: pa.Schema, *, kind: str, version: int) -> Iterator[TableWriter]:
    """Write a table of any length in bounded memory, under its final name when it is whole; see `write_parquet`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        atomic(path) as temporary,
        open(temporary, "wb") as out,  # our own writes meet a full disk
        pa.BufferedOutputStream(pa.PythonFile(out, "w"), _BUFFER_BYTES) as buffered,
        pq.ParquetWriter(buffered, schema, compression="zstd", write_page_checksum=True) as file,
    ):
        writer = TableWriter(file)
        yield writer
        file.add_key_value_metadata(_words(kind, version, writer.metadata))


def regrouped(batches: Iterable[pa.RecordBatch], rows: int = ROW_GROUP) -> Iterator[pa.RecordBatch]:
    """Give the same rows in batches of `rows`, of which only the last may be shorter."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= rows:
            table = pa.Table.from_batches(waiting)
            whole = len(table) // rows * rows
            for start in range(0, whole, rows):
                yield _joined(table.slice(start, rows))
            waiting = table.slice(whole).to_batches()
    if any(map(len, waiting)):
        yield _joined(pa.Table.from_batches(waiting))


def _joined(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def _words(kind: str, version: int, metadata: dict[str, Any]) -> dict[bytes, bytes]:
    words = json.dumps({"table": kind, "schema_version": version, **metadata}, sort_keys=True).encode()
    # pages have checksums, the footer has none: what it says of the table gets its own
    return {_METADATA_KEY: words, _DIGEST_KEY: digest(words).encode()}


def read_parquet(path: Path, schema: pa.Schema, *, kind: str, version: int) -> pa.Table:
    """Read a table, verify its checksums, and hold it against its schema.

    Columns that a later version of the schema added, always nullable, are filled with nulls.

    Raises
    ------
    TableError
        If the file is missing, damaged, of another kind, or of a newer version.
    """
    import pyarrow.parquet as pq

    found = table_metadata(path, kind=kind, version=version)
    try:
        footers.refuse_oversized(path)
        footers.refuse_other_types(path, pq.read_schema(path), schema)
        table = pq.read_table(path, page_checksum_verification=True)
    except TableError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    _refuse_other_columns(path, table.column_names, schema, found)
    return _cast(path, table, schema)


class TableFile:
    """A table that stays in its file: one row group at a time is read, its checksums verified, and held in memory.

    It can be pickled; in another process it reads the same file, and no other.

    Parameters
    ----------
    path : Path
    schema, kind, version
        As in `read_parquet`.
    check : callable, optional
        Called with each row group that is read, and the path; refuses what can't be true. A table of one row group is
        read at once.

    Attributes
    ----------
    metadata : dict
        As `table_metadata` gives it.

    Raises
    ------
    TableError
        As in `read_parquet`: at once for what the footer shows, when the rows are read for the rest.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        kind: str,
        version: int,
        check: Callable[[pa.Table, Path], None] | None = None,
    ) -> None:
        self.path, self.schema, self.kind, self.version, self.check = path, schema, kind, version, check
        self.metadata = table_metadata(path, kind=kind, version=version)
        self._footer: _Footer | None = None
        self._last: tuple[int, pa.Table] | None = None
        _refuse_other_columns(path, self._opened().names, schema, self.metadata)
        if check and self._opened().footer.num_row_groups == 1:
            self._group(0)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_footer": None, "_last": None}

    def __len__(self) -> int:
        return self._opened().ends[-1]

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column of all rows."""
        import pyarrow as pa

        return _cast(self.path, self._read(None, [name]), pa.schema([self.schema.field(name)])).column(0)

    def pieces(self, places: Sequence[int]) -> Iterator[pa.Table]:
        """Read the rows at some places, in ascending order; each piece is of one row group."""
        import numpy as np

        ends = self._opened().ends
        at = 0
        while at < len(places):
            number = bisect.bisect_right(ends, places[at])
            upto = at + bisect.bisect_left(places[at:], ends[number])
            here = np.asarray(places[at:upto]) - (ends[number - 1] if number else 0)
            gapless = here[-1] - here[0] == len(here) - 1
            group = self._group(number)
            yield group.slice(int(here[0]), len(here)) if gapless else group.take(here)
            at = upto

    def _group(self, number: int) -> pa.Table:
        last = self._last
        if last is None or last[0] != number:
            group = _cast(self.path, self._read(number, None), self.schema)
            if self.check:
                self.check(group, self.path)
            last = self._last = number, group
        return last[1]

    def _read(self, group: int | None, columns: list[str] | None) -> pa.Table:
        """Read a row group, or all; the file is open only meanwhile, so that it can be replaced."""
        import pyarrow.parquet as pq

        opened = self._opened()
        if _stamp(self.path) != opened.stamp:
            raise self._changed()
        try:
            with pq.ParquetFile(self.path, metadata=opened.footer, page_checksum_verification=True) as file:
                table = file.read(columns) if group is None else file.read_row_group(group, columns)
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error
        rows = opened.ends[-1] if group is None else opened.footer.row_group(group).num_rows
        if len(table) != rows:
            raise _damaged(self.path, f"has {len(table)} rows where its footer says {rows}")
        return table

    def _opened(self) -> _Footer:
        if self._footer is None:
            if table_metadata(self.path, kind=self.kind, version=self.version) != self.metadata:
                raise self._changed()
            self._footer = _footer(self.path, self.schema)
        return self._footer

    def _changed(self) -> TableError:
        return TableError(f"{self.path}: has changed since it was opened", "open it again")


class _Footer(NamedTuple):
    """What is kept of an open table: its footer, its columns, where its row groups end, and which file it was."""

    footer: pq.FileMetaData
    names: list[str]
    ends: list[int]
    stamp: tuple[int, int, int]


def _footer(path: Path, schema: pa.Schema) -> _Footer:
    import pyarrow.parquet as pq

    try:
        stamp, footer = _stamp(path), pq.read_metadata(path)
        footers.refuse_oversized(path)
        footers.refuse_other_types(path, pq.read_schema(path), schema)
        ends = list(itertools.accumulate(footer.row_group(number).num_rows for number in range(footer.num_row_groups)))
        names = footer.schema.to_arrow_schema().names
    except TableError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    if footer.num_rows != (ends or [0])[-1]:
        raise _damaged(path, f"its row groups have {(ends or [0])[-1]} rows, its footer says {footer.num_rows}")
    return _Footer(footer, names, ends or [0], stamp)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Tell a file from the one that takes its place."""
    try:
        status = path.stat()
    except OSError as error:
        raise TableError(f"{path}: is gone", "it was there a moment ago: is another run writing here?") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _damaged(path: Path, why: object) -> TableError:
    return TableError(f"{path}: is damaged ({why})", "fetch or make it again")


def _refuse_other_columns(path: Path, names: list[str], schema: pa.Schema, found: dict[str, Any]) -> None:
    extra = sorted(set(names) - set(schema.names))
    missing = sorted(field.name for field in schema if field.name not in names and not field.nullable)
    if extra or missing:
        parts = [f"unknown columns: {', '.join(extra)}"] * bool(extra) + [f"missing: {', '.join(missing)}"] * bool(
            missing
        )
        raise TableError(f"{path}: is not a {found['table']} of version {found['schema_version']} ({'; '.join(parts)})",
                         "make it again with sepbench")  # fmt: skip


def _cast(path: Path, table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring a table into its schema: order and types, and nulls for columns that came later."""
    import pyarrow as pa

    # not `pa.nulls`: its structs have nulls in members that may have none, which no cast lets pass
    missing = [None] * len(table)
    arrays = [
        table[field.name] if field.name in table.column_names else pa.array(missing, field.type) for field in schema
    ]
    try:
        return pa.table(arrays, names=schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableError(f"{path}: a column has the wrong type ({error})", "make it again with sepbench") from error


def _parsed(words: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError) as error:  # a checksum is no signature: anybody can make one
        raise TableError(f"{path}: its metadata are no JSON ({error})", "fetch or make it again") from error
    return found if isinstance(found, dict) else {}


def table_metadata(path: Path, *, kind: str, version: int) -> dict[str, Any]:
    """Give the metadata that sepbench wrote into a table, after a look at what the file is."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise TableError(f"{path}: there is no such {kind}", f"name the Parquet file that holds the {kind}")
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except _DAMAGE as error:
        raise TableError(f"{path}: is not a Parquet file, or damaged", f"expected a {kind} made by sepbench") from error
    words = metadata.get(_METADATA_KEY)
    if words and metadata.get(_DIGEST_KEY) != digest(words).encode():
        raise TableError(f"{path}: is damaged: its metadata do not fit their checksum", "fetch or make it again")
    found = _parsed(words, path) if words else {}
    if found.get("table") != kind:
        raise TableError(
            f"{path}: expected a {kind}, found {found.get('table') or 'a table of another program'}",
            f"name the Parquet file that holds the {kind}",
        )
    if not isinstance(found.get("schema_version"), int):
        raise TableError(f"{path}: its metadata name no schema version", f"expected a {kind} made by sepbench")
    if found["schema_version"] > version:
        raise TableError(
            f"{path}: is a {kind} of schema version {found['schema_version']}, this sepbench reads up to {version}",
            "update sepbench",
        )
    return found
