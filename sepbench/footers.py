"""What a Parquet file says of itself at its end, held against limits before a page of it is read.

Parquet compresses what repeats to nothing: 50 million equal rows fit into a few hundred kilobytes, and a text of
200 million letters into seven. Memory is therefore bounded here, by what the footer must admit: how many values there
are, how many bytes its pages become, and how long the texts are that they repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepbench.errors import TableError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["refuse_other_types", "refuse_oversized"]

_FEW_ROWS = 1 << 20  # beyond it, a row takes a quarter of a byte at least: ids that only count up take one
_MAX_CHUNK_BYTES = 512 << 20  # one column of one row group, its pages unpacked
_MAX_BYTES_PER_ROW = 1 << 16
_FEW_BYTES = 16 << 20
_MAX_GROUP_BYTES = 8 << 30  # one row group, all its texts repeated as often as it has values
_ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}
_HINT = "it was not made by sepbench: fetch or make it again"


def refuse_oversized(path: Path) -> None:
    """Refuse a Parquet file that would take far more memory than an honest one of its size.

    Raises
    ------
    TableError
        Naming the file and the figure.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        footer = file.metadata
        size = path.stat().st_size
        if footer.num_rows > _FEW_ROWS and size < footer.num_rows // 4:
            raise TableError(
                f"{path}: claims {footer.num_rows} rows in {size} bytes, too few for rows that differ", _HINT
            )
        for group in range(footer.num_row_groups):
            _refuse_group(path, footer.row_group(group))
    _refuse_repeated_texts(path)


def _refuse_group(path: Path, group: Any) -> None:
    for place in range(group.num_columns):
        chunk = group.column(place)
        unpacked = chunk.total_uncompressed_size
        per_row = unpacked / max(1, group.num_rows)
        if unpacked > _MAX_CHUNK_BYTES or (unpacked > _FEW_BYTES and per_row > _MAX_BYTES_PER_ROW):
            raise TableError(
                f"{path}: its column `{chunk.path_in_schema}` unpacks to {unpacked >> 20} MiB in {group.num_rows} rows",
                _HINT,
            )
        odd = set(chunk.encodings) - _ENCODINGS
        if odd:
            raise TableError(
                f"{path}: its column `{chunk.path_in_schema}` is encoded as {', '.join(sorted(odd))}", _HINT
            )


def _refuse_repeated_texts(path: Path) -> None:
    """Refuse long texts that are stored once and repeated in every row.

    A page holds as many bytes as it says, but a dictionary is repeated at will. Of each row group one row is read, with
    its texts still as references: that brings the dictionaries along, and no more.
    """
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    texts = [place for place in range(footer.num_columns) if footer.schema.column(place).physical_type == "BYTE_ARRAY"]
    names = [footer.schema.column(place).path for place in texts]
    with pq.ParquetFile(path, read_dictionary=names) as file:
        for group in range(footer.num_row_groups):
            repeated = 0
            for place, name in zip(texts, names, strict=True):
                chunk = footer.row_group(group).column(place)
                if chunk.num_values * chunk.total_uncompressed_size <= _FEW_BYTES or not chunk.has_dictionary_page:
                    continue
                first = next(file.iter_batches(1, row_groups=[group], columns=[name]), None)
                longest = max(_lengths(first.column(0)), default=0) if first is not None else 0
                repeated += longest * chunk.num_values
            if repeated > _MAX_GROUP_BYTES:
                raise TableError(f"{path}: repeats texts to {repeated >> 30} GiB in one row group", _HINT)


def _lengths(values: pa.Array) -> Iterator[int]:
    """Give the length of the longest text in each dictionary of a column, however deep."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        yield pc.max(pc.binary_length(values.dictionary)).as_py() or 0
    elif pa.types.is_list(values.type):
        yield from _lengths(values.values)
    elif pa.types.is_struct(values.type):
        for place in range(values.type.num_fields):
            yield from _lengths(values.field(place))


def refuse_other_types(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    """Refuse a table with a column of another type than its schema says.

    Nothing is cast: a text is no number, and dictionaries and extension types are decoded by code that the file names.

    Raises
    ------
    TableError
    """
    for field in found:
        if name := (field.metadata or {}).get(b"ARROW:extension:name"):
            raise TableError(
                f"{path}: the column `{field.name}` has the extension type `{name.decode(errors='replace')}`", _HINT
            )
    for field in wanted:
        if field.name in found.names and not _same(found.field(field.name).type, field.type):
            raise TableError(
                f"{path}: the column `{field.name}` has the type {_short(found.field(field.name).type)}, "
                f"expected {_short(field.type)}",
                "make it again with sepbench",
            )


def _same(found: pa.DataType, wanted: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(wanted):
        return (
            pa.types.is_struct(found)
            and [field.name for field in found] == [field.name for field in wanted if _is_in(field, found)]
            and all(_same(found.field(one.name).type, one.type) for one in wanted if _is_in(one, found))
        )
    if pa.types.is_list(wanted):
        return pa.types.is_list(found) and _same(found.value_type, wanted.value_type)
    return bool(found.equals(wanted))


def _is_in(field: pa.Field, struct: pa.StructType) -> bool:
    """Say whether a struct must have a field; one that a later version of the schema added may be nullable and missing."""
    return not field.nullable or struct.get_field_index(field.name) >= 0


def _short(type_: pa.DataType) -> str:
    text = str(type_)
    return f"{text[:97]}…" if len(text) > 100 else text
