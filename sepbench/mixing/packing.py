"""A pack: recordings decoded, resampled and laid out for reading, built once and shared by all corpora.

A pack is a folder of segments. A segment is a file of raw little-endian samples, many recordings one after the other,
and a JSON index beside it, written last: a segment without an index does not exist. A recording is found by the hash of
its decoded samples and what was made of them, so catalogs that share recordings share the pack. Excerpts are views of
memory-mapped files, checked against a checksum when a process first uses a recording; what is damaged there is as if it
were missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench import executors, storage
from sepbench.mixing.recordings import UnusableSourceError, Version, load, prepare

__all__ = ["Pack", "build", "cache_folder"]

_FORMAT = "pack-1"  # part of the folder's name: raised with any change of the samples or of the layout
_ENVIRONMENT = "SEPBENCH_CACHE"
_SEGMENT_FRAMES = 1 << 24  # about 17 minutes at 16 kHz, 64 MiB
_ALIGNED = 4
_KINDS: dict[int, np.dtype[Any]] = {16: np.dtype("<i2"), 24: np.dtype("<i4")}


def cache_folder() -> Path:
    """Say where packs lie: ``SEPBENCH_CACHE``, else the user's cache folder."""
    named = os.environ.get(_ENVIRONMENT)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "sepbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sepbench"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sepbench"


class Slot(NamedTuple):
    """Where a recording lies in a pack."""

    segment: str
    offset: int
    channels: int
    frames: int
    bits: int
    crc32: int
    decoder: str


class Pack:
    """The recordings of a pack.

    Parameters
    ----------
    cache : Path
        The folder of packs, as given to `build`; one without a pack is empty.

    Notes
    -----
    It may be pickled and sent to other processes; each maps the files that it reads.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.folder = cache / _FORMAT
        self._slots: dict[Version, Slot] = {}
        self._decoders: dict[str, str] = {}
        self._seen: set[str] = set()
        self._maps: dict[str, NDArray[np.uint8]] = {}
        self._open: dict[Version, tuple[NDArray[Any], int] | None] = {}
        self.reload()

    def __getstate__(self) -> Any:
        return self.cache

    def __setstate__(self, cache: Path) -> None:
        self.__init__(cache)  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, version: Version) -> bool:
        return version in self._slots

    def reload(self) -> None:
        """Take up segments that were added."""
        with contextlib.suppress(OSError):
            names = sorted(entry.name for entry in os.scandir(self.folder) if entry.name.endswith(".json"))
            for name in names:
                if name not in self._seen:
                    self._seen.add(name)
                    self._add(name)

    def _add(self, name: str) -> None:
        segment = name.removesuffix(".json") + ".pcm"
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
            size = (self.folder / segment).stat().st_size
            slots = {Version(*key): Slot(segment, *rest) for key, rest in content["recordings"]}
        except (OSError, ValueError, TypeError, KeyError):
            return  # damaged: as if it were not there
        if size == content["bytes"]:
            self._slots.update(slots)
            self._decoders.update({version.source_pcm_sha256: slot.decoder for version, slot in slots.items()})

    def get(self, version: Version) -> tuple[NDArray[Any], int] | None:
        """Give a recording's samples, shape (channel, time), read-only, and their bits; None if it is not there."""
        if version not in self._open:
            self._open[version] = self._map(version)
        return self._open[version]

    def decoder(self, source_pcm_sha256: str) -> str:
        """Name the decoder of a lossy recording; empty for what decodes exactly."""
        return self._decoders.get(source_pcm_sha256, "")

    def _map(self, version: Version) -> tuple[NDArray[Any], int] | None:
        slot = self._slots.get(version)
        if slot is None:
            return None
        try:
            if slot.segment not in self._maps:
                self._maps[slot.segment] = np.memmap(self.folder / slot.segment, np.uint8, "r")
        except (OSError, ValueError):
            return None
        kind = _KINDS[slot.bits]
        size = slot.channels * slot.frames * kind.itemsize
        raw = self._maps[slot.segment][slot.offset : slot.offset + size]
        if len(raw) != size or zlib.crc32(raw.data) != slot.crc32:
            return None  # damaged on disk: the recording itself is read instead
        samples: NDArray[Any] = np.asarray(raw).view(kind).reshape(slot.channels, slot.frames)
        return samples, slot.bits


class Wanted(NamedTuple):
    """A recording to put into a pack: which version, the set it is of, its path there, and its length in the pack."""

    version: Version
    set: str
    path: str
    frames: int


_Segment = tuple[tuple[Wanted, ...], dict[str, Path], Path, frozenset[str]]


def build(
    wanted: Iterable[Wanted],
    roots: Mapping[str, Path],
    cache: Path,
    *,
    workers: int,
    progress: Any = None,
) -> tuple[Pack, dict[str, tuple[str, str]]]:
    """Put recordings into the pack of a cache folder; what is there already stays.

    Parameters
    ----------
    wanted : iterable of Wanted
    roots : mapping of str to Path
        The folder of each public set.
    cache : Path
        See `cache_folder`.
    workers : int
        Worker processes; 0 for none.
    progress : callable, optional
        Called as ``progress(done, total)`` in recordings.

    Returns
    -------
    Pack
    dict of str to (str, str)
        Status and reason of recordings that can't be used, by hash.
    """
    folder = cache / _FORMAT
    with storage.locked(folder, wait=True):
        _sweep(folder)
        pack = Pack(cache)
        missing = [one for one in dict.fromkeys(wanted) if one.version not in pack]
        unusable = _write(missing, roots, folder, workers, progress)
        pack.reload()
    return pack, unusable


def _write(
    missing: Sequence[Wanted], roots: Mapping[str, Path], folder: Path, workers: int, progress: Any
) -> dict[str, tuple[str, str]]:
    """Make segments; a recording that kills its worker twice is left out, with the reason."""
    unusable: dict[str, tuple[str, str]] = {}
    tasks: list[_Segment] = [(tuple(part), dict(roots), folder, frozenset()) for part in _segments(missing)]
    done = 0
    deaths: dict[str, int] = {}
    crew = executors.Crew(_write_segment, min(workers, len(tasks)), executors.UNTRUSTED)
    with crew, executors.interruptible(crew):
        for index, task in enumerate(tasks):
            crew.submit(index, task)
        for outcome in crew.outcomes():
            part, given, where, without = tasks[outcome.index]
            if isinstance(outcome.error, executors.WorkerCrashedError):
                killer = outcome.error.at or f"task {outcome.index}"
                deaths[killer] = deaths.get(killer, 0) + 1
                if deaths[killer] > 1:
                    if not outcome.error.at:
                        raise executors.never_began(outcome.error)
                    status = (
                        "source_timeout" if isinstance(outcome.error, executors.WorkerHungError) else "source_crashed"
                    )
                    path = next(one.path for one in part if one.version.source_pcm_sha256 == killer)
                    unusable[killer] = (status, f"{path}: {outcome.error} while it was being decoded")
                    without = without | {killer}
                tasks[outcome.index] = (part, given, where, without)
                crew.submit(outcome.index, tasks[outcome.index])
                continue
            if outcome.error:
                raise outcome.error
            unusable |= outcome.result
            done += len(part)
            if progress:
                progress(done, len(missing))
    return unusable


def _segments(wanted: Sequence[Wanted]) -> Iterable[list[Wanted]]:
    part: list[Wanted] = []
    frames = 0
    for one in wanted:
        part.append(one)
        frames += one.frames * one.version.channels
        if frames >= _SEGMENT_FRAMES:
            yield part
            part, frames = [], 0
    if part:
        yield part


def _write_segment(task: _Segment) -> dict[str, tuple[str, str]]:
    """Decode, resample and write the recordings of one segment, then its index."""
    wanted, roots, folder, without = task
    recordings = []
    unusable = {}
    temporary = folder / f"segment.{os.getpid()}.tmp"
    at = 0
    try:
        with storage.naming(folder), open(temporary, "wb") as file:
            for one in wanted:
                name = one.version.source_pcm_sha256
                if name in without:
                    continue
                if executors.stopping():
                    break
                executors.note(name)
                try:
                    samples, bits, decoder = _decoded(one, roots[one.set])
                except UnusableSourceError as error:
                    unusable[name] = (error.status, error.reason)
                    continue
                raw = np.ascontiguousarray(samples, _KINDS[bits])
                at += file.write(bytes(-at % _ALIGNED))
                file.write(raw.data)
                slot = (at, *raw.shape, bits, zlib.crc32(raw.data), decoder)
                recordings.append((one.version, slot))
                at += raw.nbytes
            storage.to_disk(file)
        if recordings:
            words = json.dumps({"bytes": at, "recordings": recordings})
            stem = storage.digest(words.encode())[:32]
            with storage.naming(folder):
                os.replace(temporary, folder / f"{stem}.pcm")
            storage.write_text(folder / f"{stem}.json", words)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return unusable


def _decoded(one: Wanted, root: Path) -> tuple[NDArray[Any], int, str]:
    """Give samples, bits and decoder of a recording as a corpus needs it."""
    try:
        pcm = load(root, one.path, one.version.source_pcm_sha256)
        return *prepare(pcm, one.version), pcm.decoder
    except MemoryError as error:
        raise UnusableSourceError("source_unreadable", f"{one.path}: does not fit into memory") from error
    except OSError as error:  # not of the pack, to which nothing is written here
        raise UnusableSourceError("source_unreadable", str(error)) from error


def _sweep(folder: Path) -> None:
    """Remove what a killed build left; the folder is locked, so nobody is writing it."""
    for entry in os.scandir(folder):
        left_over = entry.name.endswith(".tmp")
        orphan = entry.name.endswith(".pcm") and not Path(entry.path).with_suffix(".json").exists()
        if left_over or orphan:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
