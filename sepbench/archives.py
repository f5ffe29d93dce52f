"""Unpacking archives that anybody may have made: plain files and folders, within one folder, of a bounded size.

Python's own `extractall` leaves too much to the archive: its filters still write through links, let members overwrite
each other, and know no bound on what comes out. Here an archive is unpacked into a hidden folder beside the target, all
of it or nothing; only whole files take their final names, and what is there already is never replaced.

References
----------
CVE-2007-4559 and CVE-2025-4517, paths and links that lead out of the folder; D. Fifield: "A better zip bomb", WOOT 2019.
"""

from __future__ import annotations

import bz2
import contextlib
import filecmp
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from sepbench.errors import ArchiveError, PlaceError, SepbenchError
from sepbench.storage import naming

__all__ = ["Limits", "is_archive", "unpack"]

_BLOCK = 1 << 20
_TRAILER = 16 << 20  # zeros that fill the last block of a tape
_NAME_BYTES, _PATH_BYTES = 255, 1024  # what the usual file systems take
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
_FOREIGN = "it was not packed by the publishers of the set: fetch it again from them"
_AGAIN = "the archive is damaged: fetch it again"


@dataclass(frozen=True)
class Limits:
    """What an archive may come to.

    Attributes
    ----------
    members : int
        Files and folders.
    ratio : int
        Unpacked bytes for each packed one: audio does not shrink beyond it, a bomb does.
    always : int
        Bytes that are allowed whatever the ratio.
    """

    members: int = 2_000_000
    ratio: int = 200
    always: int = 64 << 20

    def allowed(self, packed: int) -> int:
        """Give the most bytes that an archive of so many bytes may hold."""
        return max(self.always, self.ratio * packed)


@dataclass(frozen=True)
class _Member:
    """One entry of an archive: its name as it stands there, what it claims to be, and how to read it."""

    name: str
    size: int
    kind: str  # "file", "folder", or in words what it is instead
    content: Callable[[], IO[bytes]]


@dataclass
class _Names:
    """The names that an archive has used; two that are one on a file system without case, or normalised, are refused."""

    archive: Path
    seen: dict[str, tuple[PurePosixPath, str]] = field(default_factory=dict)

    def add(self, path: PurePosixPath, kind: str) -> None:
        """Use a name, and those of the folders above it."""
        for folder in reversed(path.parents[:-1]):
            self._add(folder, "folder")
        self._add(path, kind)

    def _add(self, path: PurePosixPath, kind: str) -> None:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path.as_posix()).casefold())
        if key not in self.seen:
            self.seen[key] = path, kind
        elif self.seen[key] != (path, "folder") or kind != "folder":
            raise ArchiveError(
                f"{self.archive}: holds `{self.seen[key][0]}` and `{path}`, which have one name on some systems",
                _FOREIGN,
            )


def is_archive(path: Path) -> bool:
    """Say whether a name is that of an archive which `unpack` knows."""
    return path.name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(
    archive: Path,
    into: Path,
    *,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Unpack an archive into a folder; files that are there with the same content stay.

    Parameters
    ----------
    archive : Path
        ZIP, or tar, plain or packed by gzip, bzip2 or xz.
    into : Path
        Made where it is not there.
    limits : Limits, optional
    progress : callable, optional
        Called as ``progress(unpacked bytes, 0)``.

    Returns
    -------
    list of str
        What is now there: folders that the archive alone filled, and files beside what was there before.

    Raises
    ------
    ArchiveError
        If it is damaged, larger than it may be, or holds anything but plain files and folders with plain relative names.
    PlaceError
        If there is not enough room, or another file has the name of one that it holds. Nothing is left of the archive.
    """
    staging = into / f".{archive.name}.unpacking"
    with naming(into):
        into.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed
    try:
        with naming(staging):
            staging.mkdir()
            _write_all(archive, staging, limits or Limits(), progress)
            _refuse_others(staging, into)
            settled = list(_settle(staging, into))
            if hasattr(os, "sync"):
                os.sync()  # what has its final name must be whole after a crash of the machine too
            return settled
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_all(archive: Path, staging: Path, limits: Limits, progress: Callable[[int, int], None] | None) -> None:
    allowed = limits.allowed(archive.stat().st_size)
    names, written = _Names(archive), 0
    for number, member in enumerate(_members(archive, staging, allowed), 1):
        if number > limits.members:
            raise ArchiveError(f"{archive}: holds more than {limits.members} entries", _FOREIGN)
        path = _plain(archive, member)
        if not path.parts:
            continue  # `./`, the folder itself
        names.add(path, member.kind)
        target = staging / path
        if member.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        written += _write(archive, member, target, allowed - written)
        if progress:
            progress(written, 0)


@contextlib.contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Say in our words that an archive can't be read; what can't be written is another matter."""
    try:
        yield
    except SepbenchError:
        raise
    except (*_DAMAGE, OSError) as error:
        raise ArchiveError(f"{archive}: can't be unpacked ({' '.join(str(error).split())})", _AGAIN) from error


def _members(archive: Path, staging: Path, allowed: int) -> Iterator[_Member]:
    with _reading(archive):
        yield from _zip_members(archive, staging, allowed) if archive.name.endswith(".zip") else _tar_members(archive)


def _zip_members(archive: Path, staging: Path, allowed: int) -> Iterator[_Member]:
    """List a ZIP; what it claims to hold is held against what it may before anything is written."""
    with zipfile.ZipFile(archive) as pack:
        claimed = sum(info.file_size for info in pack.infolist())
        if claimed > allowed:
            raise _too_large(archive, claimed, allowed)
        _refuse_full_disk(archive, staging, claimed)
        for info in pack.infolist():
            mode = info.external_attr >> 16
            kind = "folder" if info.is_dir() else _kind_of(mode)
            if info.flag_bits & 1:
                kind = "an encrypted file"
            # orig_filename is not cut at a NUL, as filename is
            yield _Member(info.orig_filename, info.file_size, kind, lambda info=info: pack.open(info))  # type: ignore[misc]


def _kind_of(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
             stat.S_IFSOCK: "a socket"}  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "file")


class _WholeHeader(tarfile.TarInfo):
    """A header that is damaged, or missing, is an error: tarfile would take it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # two blocks of zeros, as there must be
                raise
            raise tarfile.ReadError(str(error)) from error


def _tar_members(archive: Path) -> Iterator[_Member]:
    openers: dict[str, Callable[..., Any]] = {
        ".gz": gzip.open, ".tgz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".tar": open,
    }  # fmt: skip
    with (
        openers[archive.suffix](archive, "rb") as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_WholeHeader, errorlevel=2) as pack,
    ):
        for info in pack:
            kind = "file" if info.isreg() else "folder" if info.isdir() else _tar_kind(info)
            yield _Member(info.name, info.size, kind, lambda info=info: pack.extractfile(info))  # type: ignore[misc, arg-type]
        if len(stream.read(_TRAILER)) == _TRAILER:  # only at the very end is the checksum of gzip, bzip2 and xz held
            raise tarfile.ReadError("something else follows it")


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return f"a link to `{info.linkname}`"
    return "a pipe" if info.isfifo() else "a device" if info.isdev() else "no plain file"


def _plain(archive: Path, member: _Member) -> PurePosixPath:
    """Give the path of a member, and refuse what would lie anywhere else, or be anything else, than it seems."""
    if member.kind not in ("file", "folder"):
        raise ArchiveError(f"{archive}: `{member.name}` is {member.kind}; only plain files are unpacked", _FOREIGN)
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or _ODD.search(member.name):
        raise ArchiveError(
            f"{archive}: the name {member.name!r} leads out of the folder, or is no plain name", _FOREIGN
        )
    try:
        lengths = [len(part.encode()) for part in path.parts]
    except UnicodeEncodeError as error:
        raise ArchiveError(f"{archive}: the name {member.name!r} is not Unicode", _FOREIGN) from error
    if max(lengths, default=0) > _NAME_BYTES or sum(lengths) > _PATH_BYTES:
        raise ArchiveError(f"{archive}: the name `{member.name[:60]}…` is too long", _FOREIGN)
    return path


def _write(archive: Path, member: _Member, target: Path, allowed: int) -> int:
    """Write one file; its mode, owner and time are ours, not the archive's."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    written = 0
    with _reading(archive):
        content = member.content()
    with content, os.fdopen(os.open(target, flags, 0o644), "wb") as file:
        while block := _read(archive, content):
            written += len(block)
            if written > allowed:
                raise _too_large(archive, written, allowed)
            file.write(block)
    if written != member.size:
        raise ArchiveError(f"{archive}: `{member.name}` has {written} bytes, not {member.size} as it says", _AGAIN)
    return written


def _read(archive: Path, content: IO[bytes]) -> bytes:
    with _reading(archive):
        return content.read(_BLOCK)


def _too_large(archive: Path, size: int, allowed: int) -> ArchiveError:
    return ArchiveError(
        f"{archive}: comes to {size} bytes or more, from {archive.stat().st_size}; up to {allowed} are unpacked",
        _FOREIGN,
    )


def _refuse_full_disk(archive: Path, staging: Path, needed: int) -> None:
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise PlaceError(f"{archive}: unpacks to {needed} bytes, and {free} are free", "free some space")


def _refuse_others(staging: Path, into: Path) -> None:
    """Refuse an archive that holds another file under a name that is taken, before any of its files takes its own."""
    for folder, folders, files in os.walk(staging):
        here = into / Path(folder).relative_to(staging)
        for name in files:
            there = here / name
            if os.path.lexists(there) and not _same(Path(folder, name), there):
                raise PlaceError(f"{there}: is there already, with other content than in the archive",
                                 "move it away, or choose another folder with --to")  # fmt: skip
        for name in folders:
            there = here / name
            if os.path.lexists(there) and (there.is_symlink() or not there.is_dir()):
                raise PlaceError(f"{there}: is there already, and is no plain folder",
                                 "move it away, or choose another folder with --to")  # fmt: skip


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and not other.is_symlink() and filecmp.cmp(one, other, shallow=False)


def _settle(staging: Path, into: Path, below: str = "") -> Iterator[str]:
    """Give what was unpacked its final names: a folder that is not there yet at once, with all that is in it."""
    for entry in sorted(os.listdir(staging)):
        source, target = staging / entry, into / entry
        if os.path.lexists(target) and target.is_dir():
            yield from _settle(source, target, f"{below}{entry}/")
            continue
        if not os.path.lexists(target):
            os.rename(source, target)
        yield f"{below}{entry}"
