"""Fetching public sets from their publishers: the licence first, then each file, checked and unpacked.

What has been done is noted beside the set, in the hidden folder ``.sepbench-fetch``, so that the same command goes on
after a break and does nothing twice.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sepbench import archives, shelf
from sepbench.catalog import PublicSet
from sepbench.downloads import Progress, download, matches
from sepbench.errors import FetchError, PlaceError, UsageError, did_you_mean
from sepbench.published import Published, RemoteFile
from sepbench.storage import locked, naming, read_json, write_json

__all__ = ["Offer", "fetch", "offer"]

_WORK = ".sepbench-fetch"
_SPARE = 256 << 20  # left free, for what else writes here

Shown = Callable[[str], AbstractContextManager[Progress | None]]


@dataclass(frozen=True)
class Offer:
    """What would be fetched, and on which terms.

    Attributes
    ----------
    reader : PublicSet
    published : Published
    files : list of RemoteFile
        Those of the parts that were asked for.
    """

    reader: PublicSet
    published: Published
    files: list[RemoteFile]

    def words(self) -> str:
        """Say the terms, where the files come from, and how many bytes they are, as far as that is known."""
        lines = [
            f"{self.reader.title} {self.reader.version}: {self.reader.url}",
            f"licence: {self.reader.licence} ({self.published.licence_url})",
        ]
        for file in self.files:
            size = f"{file.bytes / 1e6:,.0f} MB" if file.bytes else "size not known"
            place = file.urls[0] if file.urls else "from you: see below"
            lines.append(
                f"  {file.part}: {file.name}, {size}, {'checked' if file.known_hash or file.listed_at else 'no sum published'}: {place}"
            )
        lines += [f"  note: {erratum.fault}" for erratum in self.published.errata if erratum.action == "note"]
        return "\n".join(lines)


def offer(set: PublicSet | str, parts: Sequence[str] = (), archives_in: Path | str | None = None) -> Offer:
    """Say what would be fetched of a set.

    Parameters
    ----------
    set : PublicSet or str
        A reader, or its name.
    parts : sequence of str
        As the publisher parts it; by default what most need.
    archives_in : path, optional
        Folder of archives that are there already.

    Raises
    ------
    UsageError
        If nobody publishes the set, its site asks for a form first, or there is no such part.
    """
    # lists of mixtures are published too
    group = "lists" if isinstance(set, str) and set in shelf.names("lists") else "sets"
    reader = shelf.load(group, set)() if isinstance(set, str) else set
    published: Published = getattr(reader, "published", Published())
    form = " ".join(published.form.split())
    if not published.files:
        raise UsageError(f"{reader.name}: can't be fetched", form or "put its recordings into a folder yourself")
    unknown = [part for part in parts if part not in published.parts]
    if unknown:
        raise UsageError(
            f"{reader.name}: unknown part `{unknown[0]}`", did_you_mean(unknown[0], published.parts, kind="parts")
        )
    files = [file for file in published.files if (file.part in parts if parts else file.default)]
    missing = [
        file.name for file in files if not file.urls and not (archives_in and Path(archives_in, file.name).is_file())
    ]
    if missing:
        raise UsageError(f"{reader.name}: `{missing[0]}` can't be fetched from here", form)
    return Offer(reader, published, files)


def fetch(
    set: PublicSet | str,
    to: Path | str = ".",
    *,
    parts: Sequence[str] = (),
    accept_licence: bool = False,
    archives_in: Path | str | None = None,
    keep: bool = False,
    say: Callable[[str], None] | None = None,
    progress: Shown | None = None,
    pause_s: float = 2.0,
) -> Path:
    """Fetch a public set, check it and unpack it.

    Parameters
    ----------
    set : PublicSet or str
        A reader, or its name: see ``sepbench list sets``.
    to : path
        Folder in which the set's own folder shall lie.
    parts : sequence of str
        Which parts; by default what most need.
    accept_licence : bool
        That the terms have been read and are kept: without it nothing is fetched.
    archives_in : path, optional
        Folder of archives: those that are there are used instead of fetched ones, and those that are fetched stay.
    keep : bool
        Keep the archives that are fetched, in the hidden folder beside the set.
    say : callable, optional
        Called with a line for people.
    progress : callable, optional
        Called with a file's name, gives a context in which ``progress(done, total)`` may be called, in bytes.
    pause_s : float
        Before a broken transfer goes on.

    Returns
    -------
    Path
        The folder `to`, for `sepbench.index`.

    Raises
    ------
    UsageError
        If the licence was not accepted, or there is nothing to fetch.
    FetchError
        If a file can't be had, or is not the one that was published.
    ArchiveError
        If an archive holds what it must not.
    PlaceError
        If there is not enough room, or another run is at work here.
    """
    wanted = offer(set, parts, archives_in)
    if not accept_licence:
        raise UsageError(
            f"{wanted.reader.name}: its licence, {wanted.reader.licence}, was not accepted",
            f"read it ({wanted.published.licence_url}), then say so: --yes, or accept_licence=True",
        )
    to = Path(to)
    with naming(to):
        to.mkdir(parents=True, exist_ok=True)
    with locked(to / _WORK):
        here = Path(archives_in) if archives_in else to / _WORK
        run = _Run(wanted, to, here, keep or archives_in is not None, say or _silent, progress or _unseen, pause_s)
        left = [file for file in wanted.files if not run.is_done(file)]
        run.refuse_full_disk(left)
        for file in left:
            run.one(file)
        for stray in (to / _WORK).glob("tmp*"):  # of pooch, from runs that were killed
            stray.unlink()
    run.say(f"{to}: {wanted.reader.title} is there. {' '.join(wanted.published.afterwards.split())}".rstrip())
    return to


@dataclass(frozen=True)
class _Run:
    """One call of `fetch`."""

    offer: Offer
    to: Path
    archives: Path
    keep: bool
    say: Callable[[str], None]
    progress: Shown
    pause_s: float

    def one(self, file: RemoteFile) -> None:
        """Have one file, unpack it, and note that it is done."""
        path = self.archives / file.name
        known = self._as_listed(file)
        self._have(known, path)
        if known.known_hash is None:
            self.say(f"{file.name}: nobody publishes its sum; it has the SHA-256 {_sha256(path)}")
        target = self.to / file.into
        if file.unpack and archives.is_archive(path):
            with self.progress(f"unpacking {file.name}") as seen:
                there = archives.unpack(path, target, progress=seen)
        else:
            self._place(path, target / file.name)
            there = []  # what becomes of it is yours to say
        write_json(self._receipt(file), {"name": file.name, "sum": file.known_hash, "there": there})
        if not self.keep and path.is_file():
            path.unlink()

    def _as_listed(self, file: RemoteFile) -> RemoteFile:
        """Add the size and the sum of the publisher's own list, where none are known here."""
        if file.known_hash or not file.listed_at:
            return file
        path = self.to / _WORK / "record.json"
        path.unlink(missing_ok=True)
        download([file.listed_at], path, pause_s=self.pause_s)
        try:
            (entry,) = [entry for entry in read_json(path)["files"] if entry["key"] == file.name]
            size, (algorithm, _, digits) = int(entry["size"]), entry["checksum"].partition(":")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FetchError(f"{file.listed_at}: does not list {file.name}", "look at the set's page") from error
        if algorithm != "md5":
            raise FetchError(f"{file.listed_at}: gives {file.name} the unknown sum `{algorithm}`", "report that")
        return replace(file, bytes=size, md5=digits)

    def _have(self, file: RemoteFile, path: Path) -> None:
        if path.is_file():
            if matches(path, file.known_hash, file.bytes):
                return
            if self.archives != self.to / _WORK:
                raise FetchError(f"{path}: is not the file that was published", "take it away: then it is fetched")
            path.unlink()
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.progress(f"fetching {file.name}") as seen:
            download(file.urls, path, known_hash=file.known_hash, size=file.bytes, progress=seen, pause_s=self.pause_s)

    def _place(self, path: Path, target: Path) -> None:
        """Put a file that is not unpacked where it belongs; it is the set's then, not ours to take away."""
        with naming(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.keep:
                shutil.copyfile(path, f"{target}.copying")
                os.replace(f"{target}.copying", target)
            else:
                os.replace(path, target)

    def is_done(self, file: RemoteFile) -> bool:
        """Say whether an earlier run has had this very file, and what came of it is still there."""
        if not self._receipt(file).is_file():
            return False
        there = read_json(self._receipt(file))["there"]
        if not all((self.to / file.into / name).exists() for name in there):
            return False
        self.say(f"{file.name}: is there already")
        return True

    def _receipt(self, file: RemoteFile) -> Path:
        which = hashlib.sha256(f"{file.name} {file.known_hash} {file.into}".encode()).hexdigest()[:8]
        return self.to / _WORK / f"{file.name}.{which}.done"

    def refuse_full_disk(self, files: Sequence[RemoteFile]) -> None:
        """Refuse a folder that can't hold the archive at hand and all that comes out, as far as sizes are known."""
        sizes = [file.bytes or 0 for file in files]
        unpacked = sum(file.unpacked_bytes or file.bytes or 0 for file in files)
        needed = unpacked + (sum(sizes) if self.keep else max(sizes, default=0))
        free = shutil.disk_usage(self.to).free
        if needed and needed + _SPARE > free:
            raise PlaceError(
                f"{self.to}: {self.offer.reader.title} needs about {needed / 1e9:.1f} GB here, and {free / 1e9:.1f} are free",
                "choose another folder with --to, or fewer parts with --part",
            )


def _sha256(path: Path) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _silent(_: str) -> None: ...


def _unseen(_: str) -> AbstractContextManager[Any]:
    return nullcontext()
