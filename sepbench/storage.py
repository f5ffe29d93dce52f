"""Files that are whole or absent: atomic writes, and folders that are kept for one process."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sepbench.errors import PlaceError, SepbenchError

__all__ = [
    "atomic",
    "digest",
    "locked",
    "naming",
    "place_error",
    "put",
    "read_json",
    "to_disk",
    "write_bytes",
    "write_json",
    "write_text",
]

_LOCK = ".lock"
_LOST = {errno.EIO, errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # what was written may not be on the disk


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that names the place, the reason and the remedy.

    Raises
    ------
    PlaceError
        Instead of an `OSError` that is not one of ours.
    """
    try:
        yield
    except SepbenchError:
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


def put(path: Path, content: Iterable[bytes | memoryview]) -> None:
    """Write a file, given in pieces, under a temporary name, then rename it; it is not forced to the disk.

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
            _write_whole(temporary, *content)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _write_whole(path: str | Path, *content: bytes | memoryview) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        for piece in content:
            rest = memoryview(piece)
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
    again = "then run the same command again: what is done already stays"
    remedies = {
        errno.ENOSPC: f"free some space, {again}",
        getattr(errno, "EDQUOT", -1): f"free some of your quota, {again}",
        errno.EFBIG: "files of this size are not allowed here: choose another place",
        errno.EIO: f"the disk has an error: look at the system's log, or choose another place, {again}",
        errno.EACCES: "choose another place with --out, or change the permissions",
        errno.EROFS: "choose another place with --out",
    }
    return PlaceError(f"{path}: can't be written ({reason})", remedies.get(error.errno or 0, "choose another place"))


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file, all or nothing."""
    with atomic(path) as temporary:
        _write_whole(temporary, content)


def write_text(path: Path, text: str) -> None:
    """Write a text file, all or nothing."""
    write_bytes(path, text.encode())


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
