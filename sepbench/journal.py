"""A journal: records appended line by line, each with a checksum, so that a torn end is seen and left out."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from sepbench.storage import naming

__all__ = ["Journal", "read"]


class Journal:
    """Appends records to a file.

    A record is in the system's hands when `append` comes back, so it survives the death of the process; that the
    machine itself stopped is seen otherwise (see `sepbench.mixing.building`).

    Parameters
    ----------
    path : Path
        Made with its folder if it is not there; a torn end is cut off first.

    Raises
    ------
    PlaceError
        If it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            good = _good_bytes(path)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            try:
                os.ftruncate(self._handle, good)
                os.lseek(self._handle, good, os.SEEK_SET)
            except OSError:
                os.close(self._handle)
                raise

    def append(self, record: Any) -> None:
        """Add a record that JSON can hold."""
        words = json.dumps(record, separators=(",", ":")).encode()
        line = memoryview(b"%08x %s\n" % (zlib.crc32(words), words))
        with naming(self.path):
            while line:
                line = line[os.write(self._handle, line) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read(path: Path) -> list[Any]:
    """Give the records up to the first that is torn or damaged; none where there is no journal."""
    with naming(path), contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return [record for record, _ in _records(file)]
    return []


def _good_bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return max((end for _, end in _records(file)), default=0)
    return 0


def _records(file: Any) -> Iterator[tuple[Any, int]]:
    """Give each whole record, and where it ends in the file."""
    end = 0
    for line in file:
        checksum, _, words = line[:-1].partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(words):
            return
        try:
            record = json.loads(words)
        except ValueError:  # `00000000` is the checksum of nothing
            return
        end += len(line)
        yield record, end
