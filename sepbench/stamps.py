"""What files were when they were measured, so that a second look measures only those that have changed.

The stamps lie beside the table that they belong to, in a hidden file: times and sizes are this machine's, and a table is
the same on all. They are a convenience: without them, everything is measured again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from sepbench import parquet
from sepbench.errors import PlaceError, TableError

__all__ = ["Stamp", "current", "read", "same_file", "state", "write"]

_VERSION = 1
_SCHEMA = pa.schema(
    [
        parquet.column("path", pa.string(), "Path relative to the root."),
        parquet.column("size", pa.int64(), "In bytes."),
        parquet.column("mtime_ns", pa.int64(), "Time of the last change."),
        parquet.column("sha256", pa.string(), "Of the file's bytes."),
    ]
)
# a file that changes again within one tick of its file system's clock keeps its time: those this young are hashed
_TICK_NS = 2_000_000_000
_NO_TIME = -1


@dataclass(frozen=True)
class Stamp:
    """What a file was: its size, the time of its last change, and the SHA-256 of its bytes."""

    size: int
    mtime_ns: int
    sha256: str


def state(file: Path) -> tuple[int, int] | None:
    """Give the size of a file and the time of its last change, without opening it; None where it is not there."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def current(file: Path) -> Stamp:
    """Look at a regular file, and hash its bytes.

    Raises
    ------
    OSError
    """
    with open(file, "rb") as content:
        status = os.fstat(content.fileno())
        return Stamp(status.st_size, status.st_mtime_ns, hashlib.file_digest(content, "sha256").hexdigest())


def same_file(file: Path, stamp: Stamp) -> Stamp | None:
    """Say whether a file is what it was, by size and time, or else by its bytes.

    Returns
    -------
    Stamp or None
        The stamp to keep, with the time that the file has now; None where it has changed or is gone.
    """
    if state(file) == (stamp.size, stamp.mtime_ns):
        return stamp
    try:
        if not file.is_file() or file.stat().st_size != stamp.size:  # no pipe is opened
            return None
        now = current(file)
    except OSError:
        return None
    return now if now.sha256 == stamp.sha256 else None


def read(table: Path, maker: str, root: Path) -> dict[str, Stamp]:
    """Read the stamps of a table by path: empty where there are none, or they are of another table or another maker.

    Parameters
    ----------
    table : Path
    maker : str
        Version of what measured; another one may come to other figures.
    root : Path
        Folder of the files. Times say nothing of the files of another one: their bytes do.
    """
    path = _beside(table)
    try:
        found = parquet.table_metadata(path, kind="stamps", version=_VERSION)
        if found.get("maker") != maker or found.get("table_sha256") != _hash(table):
            return {}
        rows = parquet.read_parquet(path, _SCHEMA, kind="stamps", version=_VERSION).to_pylist()
    except (OSError, PlaceError, TableError):
        return {}
    moved = {} if found.get("root") == str(root.resolve()) else {"mtime_ns": _NO_TIME}
    return {row["path"]: Stamp(row["size"], (row | moved)["mtime_ns"], row["sha256"]) for row in rows}


def write(table: Path, stamps: Mapping[str, Stamp], maker: str, root: Path, begun_ns: int) -> None:
    """Write the stamps of a table that was just written.

    Parameters
    ----------
    begun_ns : int
        When the files were first looked at; the time of those that had just been changed is not relied on.
    """
    young = begun_ns - _TICK_NS
    rows = [
        {"path": path, **asdict(stamp), "mtime_ns": stamp.mtime_ns if stamp.mtime_ns < young else _NO_TIME}
        for path, stamp in sorted(stamps.items())
    ]
    metadata = {"maker": maker, "root": str(root.resolve()), "table_sha256": _hash(table)}
    content = pa.Table.from_pylist(rows, schema=_SCHEMA)
    parquet.write_parquet(content, _beside(table), kind="stamps", version=_VERSION, metadata=metadata)


def _beside(table: Path) -> Path:
    return table.with_name(f".{table.name}.stamps")


def _hash(table: Path) -> str:
    with open(table, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
