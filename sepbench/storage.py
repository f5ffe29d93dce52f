"""Files that are whole or absent: atomic writes, locked folders, checked Parquet tables."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepbench import footers
from sepbench.errors import PlaceError, TableError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "atomic",
    "column",
    "digest",
    "locked",
    "naming",
    "place_error",
    "put",
    "read_json",
    "read_parquet",
    "table_metadata",
    "to_disk",
    "write_json",
    "write_parquet",
    "write_text",
]

_LOCK = ".lock"
_METADATA_KEY, _DIGEST_KEY = b"sepbench", b"sepbench_sha256"
_LOST = {errno.EIO, errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # what was written may not be on the disk
# pyarrow's own errors are ValueErrors and OSErrors, among others; damage can also show as text that is not UTF-8
_DAMAGE = (OSError, ValueError, KeyError, NotImplementedError, MemoryError)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that names the place, the reason and the remedy.

    Raises
    ------
    PlaceError
        Instead of any other `OSError`.
    """
    try:
        yield
    except PlaceError:
        raise
    except OSError as error:
        raise place_error(path, error) from error


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary name next to `path`; what was written there takes the final name at the end, or vanishes.

    The file is on the disk, not only in the system's memory, before it has its name.

    Raises
    ------
    PlaceError
        If the folder can't be written or the disk is full, naming both.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def put(path: Path, content: bytes | bytearray | memoryview) -> None:
    """Write a file under a temporary name, then rename it: never half under its own name, but not forced to the disk.

    For the many files of a corpus, whose journal says after a crash of the machine which to look at again. Only one
    process may write a given path; a file that was left half-written under the temporary name is overwritten.

    Raises
    ------
    PlaceError
        If the folder can't be written or the disk is full, naming both.
    """
    temporary = f"{path.parent}/.{path.name}.tmp"
    with naming(path):
        try:
            _write_whole(temporary, content)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _write_whole(path: str | Path, content: bytes | bytearray | memoryview) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def to_disk(file: Any) -> None:
    """Force what was written to an open file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # folders can't be opened here
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in _LOST:  # not one of the systems that do not know this of folders
            raise
    finally:
        os.close(handle)


def place_error(path: Path, error: OSError) -> PlaceError:
    """Say of an error of the system where it happened, and what helps."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    again = "then run the same command again: it goes on where it stopped"
    remedies = {
        errno.ENOSPC: f"free some space, {again}",
        getattr(errno, "EDQUOT", -1): f"free some of your quota, {again}",
        errno.EFBIG: "files of this size are not allowed here: choose another place",
        errno.EIO: f"the disk has an error: look at the system's log, or choose another place, {again}",
        errno.EACCES: "choose another place with --out, or change the permissions",
        errno.EROFS: "choose another place with --out",
    }
    return PlaceError(f"{path}: can't be written ({reason})", remedies.get(error.errno or 0, "choose another place"))


def write_text(path: Path, text: str) -> None:
    """Write a text file, all or nothing."""
    with atomic(path) as temporary:
        _write_whole(temporary, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, all or nothing."""
    write_text(path, json.dumps(content))


def read_json(path: Path) -> Any:
    """Read a JSON file that `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest(content: bytes) -> str:
    """Give the SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep a folder for this process; a second run on it is refused with the holder's name, or waits.

    The kernel frees the lock when the process ends, however it ends.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = _take_lock(folder, wait)
    try:
        yield
        # under the lock: who opened the file meanwhile sees that it is gone, and makes a new one
        with contextlib.suppress(OSError):
            (folder / _LOCK).unlink()
    finally:
        os.close(handle)


def _take_lock(folder: Path, wait: bool) -> int:
    path = folder / _LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle, wait)
            if _same_file(handle, path):
                os.ftruncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
                return handle
        except BlockingIOError as error:
            holder = _holder(handle)
            os.close(handle)
            raise PlaceError(
                f"{folder}: another run is writing here ({holder})",
                "wait for it, end it, or choose another folder; the lock goes with its process",
            ) from error
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the holder before us took the file away when it was done


def _holder(handle: int) -> str:
    """Read who holds a lock: its name follows the lock by an instant, until then that of a killed one may stand there."""
    words = ""
    for _ in range(20):
        os.lseek(handle, 0, os.SEEK_SET)
        words = os.read(handle, 200).decode(errors="replace").strip()
        if words and not _is_gone(words):
            break
        time.sleep(0.01)
    return words or "another process"


def _is_gone(holder: str) -> bool:
    """Say whether a holder is a process of this machine that is no more."""
    number, _, host = holder.removeprefix("process ").partition(" on ")
    if host != socket.gethostname() or not number.isdecimal() or sys.platform == "win32":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(handle: int, wait: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


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

    words = json.dumps({"table": kind, "schema_version": version, **metadata}, sort_keys=True)
    # pages have checksums, the footer has none: what it says of the table gets its own
    table = table.replace_schema_metadata({_METADATA_KEY: words.encode(), _DIGEST_KEY: _digest(words.encode())})
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_page_checksum=True)
    with atomic(path) as temporary:
        _write_whole(temporary, content.getvalue())


def read_parquet(path: Path, schema: pa.Schema, *, kind: str, version: int) -> pa.Table:
    """Read a table, verify its checksums, and hold it against its schema.

    Columns that a later version of the schema added, always nullable, are filled with nulls.

    Raises
    ------
    TableError
        If the file is missing, damaged, of another kind, or of a newer version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = table_metadata(path, kind=kind, version=version)
    try:
        footers.refuse_oversized(path)
        footers.refuse_other_types(path, pq.read_schema(path), schema)
        table = pq.read_table(path, page_checksum_verification=True)
    except TableError:
        raise
    except _DAMAGE as error:
        raise TableError(f"{path}: is damaged ({error})", "fetch or make it again") from error
    extra = sorted(set(table.column_names) - set(schema.names))
    missing = sorted(field.name for field in schema if field.name not in table.column_names and not field.nullable)
    if extra or missing:
        parts = [f"unknown columns: {', '.join(extra)}"] * bool(extra) + [f"missing: {', '.join(missing)}"] * bool(
            missing
        )
        raise TableError(f"{path}: is not a {kind} of version {found['schema_version']} ({'; '.join(parts)})",
                         "make it again with sepbench")  # fmt: skip
    arrays = [
        table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type) for field in schema
    ]
    try:
        return pa.table(arrays, names=schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableError(f"{path}: a column has the wrong type ({error})", "make it again with sepbench") from error


def _digest(words: bytes) -> bytes:
    return hashlib.sha256(words).hexdigest().encode()


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
        metadata = pq.read_schema(path).metadata or {}
    except _DAMAGE as error:
        raise TableError(f"{path}: is not a Parquet file, or damaged", f"expected a {kind} made by sepbench") from error
    words = metadata.get(_METADATA_KEY)
    if words and metadata.get(_DIGEST_KEY) != _digest(words):
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
