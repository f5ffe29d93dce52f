"""Where the samples of sources come from: a pack of resampled PCM, or the recordings themselves.

A row names its recordings by the hash of their decoded samples, and what decodes differently is not used. An excerpt
is a cut of the whole recording, resampled exactly, so it does not matter which of the two it comes from, nor whether the
whole is read or just the samples that the excerpt needs. A recording is held against its hash when a process first reads
it; it is read in part as long as the file has not changed since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.audio import FULL_SCALE_BITS, Pcm, file_of, read_part, read_pcm, stamp
from sepbench.errors import AudioError, UsageError
from sepbench.mixing.roots import inside
from sepbench.resample import needed_input, resample, resample_part, resampled_frames

__all__ = ["Recordings", "UnusableSourceError", "Version", "load", "prepare", "version_of"]

_CACHE_BYTES = 256 << 20
Samples = NDArray[Any]


class UnusableSourceError(Exception):
    """A recording that can't be used: its status for the proof, and the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Version(NamedTuple):
    """A recording as a corpus needs it: which one, and its channels and rate there.

    Attributes
    ----------
    source_pcm_sha256 : str
        Hash of the whole decoded recording.
    downmix : str
        From its channels to the corpus's.
    channels, sample_rate : int
        Of the corpus.
    """

    source_pcm_sha256: str
    downmix: str
    channels: int
    sample_rate: int


def version_of(source: Mapping[str, Any], channels: int, sample_rate: int) -> Version:
    """Say which version of which recording a source of a row needs."""
    return Version(source["source_pcm_sha256"], source["downmix"], channels, sample_rate)


class Recordings:
    """Gives excerpts of recordings, from packs where they are, else from the files.

    Parameters
    ----------
    roots : mapping of str to Path
        The folder of each public set.
    pack : Pack, optional
        Resampled recordings; see `sepbench.mixing.packing`.
    unusable : mapping of str to (str, str), optional
        Status and reason of recordings that are known to be unusable, by hash: they are not opened again.

    Notes
    -----
    It may be pickled and sent to other processes; what it has read stays behind.
    """

    def __init__(
        self,
        roots: Mapping[str, Path],
        pack: Any = None,
        unusable: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.roots = dict(roots)
        self.pack = pack
        self.unusable = dict(unusable or {})
        self._whole: OrderedDict[Version, tuple[Samples, int]] = OrderedDict()
        self._bytes = 0
        self._decoders: dict[str, str] = {}
        self._known: dict[str, _Known] = {}

    def __getstate__(self) -> tuple[Any, ...]:
        return self.roots, self.pack, self.unusable

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def excerpt(self, source: Mapping[str, Any], channels: int, sample_rate: int) -> tuple[Samples, int]:
        """Cut a source's excerpt.

        Returns
        -------
        ndarray of int16 or int32, shape (channel, time)
            Read-only. On the scale of the second value, 16 or 24 bits.

        Raises
        ------
        UnusableSourceError
            If the recording is missing, unreadable, or not the one that was indexed.
        """
        version = version_of(source, channels, sample_rate)
        packed = self.pack.get(version) if self.pack is not None else None
        if packed is None and version not in self._whole:
            part = self._read_part(source, version)
            if part is not None:
                return part
        whole, bits = packed or self._read(source, version)
        if whole.shape[1] < (source["start"] + (1 if source["loop"] else source["frames"])):
            raise UnusableSourceError(
                "source_too_short", f"{source['path']}: the excerpt goes beyond the end of the recording"
            )
        if source["loop"]:
            return np.take(
                whole, np.arange(source["start"], source["start"] + source["frames"]), axis=1, mode="wrap"
            ), bits
        return whole[:, source["start"] : source["start"] + source["frames"]], bits

    def whole(self, named: Mapping[str, str], channels: int, sample_rate: int) -> tuple[Samples, int]:
        """Give all of a recording that is no source but a parameter, an impulse response.

        Parameters
        ----------
        named : mapping
            Its ``set``, ``path`` and ``pcm_sha256``.
        channels, sample_rate : int
            Of the mixture: of one channel the first is taken, else they stay.

        Raises
        ------
        UnusableSourceError
            As `excerpt` does.
        """
        if named["set"] not in self.roots:
            raise UnusableSourceError(
                "source_missing", f"{named['path']}: the set `{named['set']}` is not in the recipe"
            )
        version = Version(named["pcm_sha256"], "first" if channels == 1 else "none", channels, sample_rate)
        packed = self.pack.get(version) if self.pack is not None else None
        return packed or self._read(named, version)

    def decoder(self, source: Mapping[str, Any]) -> str:
        """Name the decoder of a lossy recording whose excerpt was given; empty for what decodes exactly."""
        name = source["source_pcm_sha256"]
        if name not in self._decoders and self.pack is not None:
            return str(self.pack.decoder(name))
        return self._decoders.get(name, "")

    def _read(self, source: Mapping[str, Any], version: Version) -> tuple[Samples, int]:
        if version in self._whole:
            self._whole.move_to_end(version)
            return self._whole[version]
        if version.source_pcm_sha256 in self.unusable:
            raise UnusableSourceError(*self.unusable[version.source_pcm_sha256])
        before = _stamp_of(self.roots[source["set"]], source["path"])
        pcm = load(self.roots[source["set"]], source["path"], version.source_pcm_sha256)
        self._decoders[version.source_pcm_sha256] = pcm.decoder
        self._known[version.source_pcm_sha256] = _Known(before, pcm.frames, pcm.sample_rate)
        whole = self._whole[version] = prepare(pcm, version)
        self._bytes += whole[0].nbytes
        while self._bytes > _CACHE_BYTES and len(self._whole) > 1:
            self._bytes -= self._whole.popitem(last=False)[1][0].nbytes
        return whole

    def _read_part(self, source: Mapping[str, Any], version: Version) -> tuple[Samples, int] | None:
        """Read just the excerpt, where the recording was read and held against its hash before, and is much longer."""
        known = self._known.get(version.source_pcm_sha256)
        start, stop = source["start"], source["start"] + source["frames"]
        if known is None or source["loop"] or known.stamp != _stamp_of(self.roots[source["set"]], source["path"]):
            return None
        whole = resampled_frames(known.frames, known.sample_rate, version.sample_rate)
        if not 2 * source["frames"] < whole or stop > whole:
            return None
        first, last = needed_input(start, stop, known.sample_rate, version.sample_rate, known.frames)
        try:
            pcm = read_part(inside(self.roots[source["set"]], source["path"]), first, last)
        except AudioError:
            return None  # reading the whole says why
        if pcm is None:
            return None
        if _stays_narrow(pcm, version):
            return _downmixed(pcm.samples.astype(np.int16), version), 16
        samples = _downmixed(pcm.at_24_bits(), version)
        part = resample_part(
            samples, known.sample_rate, version.sample_rate, start=start, stop=stop, frames=known.frames
        )
        return part, FULL_SCALE_BITS


class _Known(NamedTuple):
    """A file whose samples were held against their hash: how it looked then, and what it holds."""

    stamp: tuple[int, int, int] | None
    frames: int
    sample_rate: int


def _stamp_of(root: Path, relative: str) -> tuple[int, int, int] | None:
    try:
        return stamp(root / relative)
    except OSError:
        return None


def _stays_narrow(pcm: Pcm, version: Version) -> bool:
    return pcm.bits == 16 and pcm.sample_rate == version.sample_rate and version.downmix != "mean"


def prepare(pcm: Pcm, version: Version) -> tuple[Samples, int]:
    """Bring a recording to the channels and the rate of a corpus, exactly.

    Returns
    -------
    ndarray of int16 or int32, shape (channel, time)
        int16 where the samples are still those of a 16-bit recording.
    bits : int
        Their scale, 16 or 24.
    """
    if _stays_narrow(pcm, version):
        return _downmixed(pcm.samples.astype(np.int16), version), 16
    return resample(_downmixed(pcm.at_24_bits(), version), pcm.sample_rate, version.sample_rate), FULL_SCALE_BITS


def load(root: Path, relative: str, wanted: str) -> Pcm:
    """Decode a recording and hold it against its hash.

    Raises
    ------
    UnusableSourceError
        If it is missing, unreadable, or not the one that was indexed.
    """
    try:
        path = inside(root, relative)
        if not file_of(path)[0].exists():
            raise UnusableSourceError("source_missing", f"{path}: is not there")
        pcm = read_pcm(path)
    except (AudioError, UsageError) as error:
        raise UnusableSourceError("source_unreadable", error.message) from error
    except MemoryError as error:
        raise UnusableSourceError("source_unreadable", f"{path}: does not fit into memory") from error
    if pcm.sha256() != wanted:
        made_by = f" ({pcm.decoder})" if pcm.decoder else ""
        raise UnusableSourceError(
            "source_changed", f"{path}: decodes to other samples{made_by} than when it was indexed"
        )
    return pcm


def _downmixed(samples: Samples, version: Version) -> Samples:
    if version.downmix == "first":
        return samples[:1]
    if version.downmix == "mean":
        mean: Samples = np.rint(samples.sum(axis=0, keepdims=True, dtype=np.int64) / len(samples)).astype(np.int32)
        return mean
    if version.downmix == "copy":
        return np.repeat(samples, version.channels, axis=0)
    return samples
