"""Calls of the system that fail, or are the last, when it is their turn: those below one folder, counted from 1."""

import builtins
import contextlib
import errno
import io
import os
import signal

from sepbench import journal, parquet, storage
from sepbench.mixing import packing

CALLS = ("open", "write", "fsync", "replace", "mkdir", "ftruncate", "unlink", "rmdir")
DEATH = "death"


class Turn:
    """Counts the calls, and lets one fail.

    Parameters
    ----------
    folder : Path
        Calls that touch nothing below it go through.
    number : int
        Which call; 0 for none.
    fault : int or str
        An ``errno``, or `DEATH`: then the process is killed instead of making the call.
    """

    def __init__(self, folder, number, fault=errno.ENOSPC):
        self.folder, self.number, self.fault = str(folder), number, fault
        self.calls = []
        self.armed = False

    def pass_by(self, name, place):
        """Count a call, and let it fail if its turn has come."""
        if not self.armed or not place.startswith(self.folder):
            return
        self.calls.append((name, place))
        if len(self.calls) == self.number:
            if self.fault == DEATH:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self.fault, os.strerror(self.fault), place)

    @property
    def came(self):
        return 0 < self.number <= len(self.calls)


@contextlib.contextmanager
def counted(turn, monkeypatch):
    """Count what sepbench asks of the system, by `os` and by Python's own files."""
    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, _wrapped(name, getattr(os, name), turn))
        for module in (storage, parquet, journal, packing):
            patch.setattr(module, "open", lambda path, mode="r", **rest: _opened(turn, path, mode, rest), raising=False)
        turn.armed = True
        try:
            yield turn
        finally:
            turn.armed = False


def _wrapped(name, real, turn):
    def call(target, *rest, **options):
        turn.pass_by(name, _place(target, options.get("dir_fd")))
        return real(target, *rest, **options)

    return call


def _place(target, folder_handle=None):
    """Say which path a call is about, whether it was given a path or a handle."""
    if isinstance(target, int):
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/self/fd/{target}")
        return ""
    path = os.fsdecode(target)
    return os.path.join(_place(folder_handle), path) if folder_handle is not None else os.path.abspath(path)


def _opened(turn, path, mode, rest):
    turn.pass_by("open", os.path.abspath(path))
    if "w" not in mode:
        return builtins.open(path, mode, **rest)
    return io.BufferedWriter(_Counted(path, turn))


class _Counted(io.FileIO):
    """A file whose writes are counted: those that reach the system, below Python's buffer."""

    def __init__(self, path, turn):
        super().__init__(path, "w")
        self.turn = turn

    def write(self, content):
        self.turn.pass_by("write", os.path.abspath(self.name))
        return super().write(content)
