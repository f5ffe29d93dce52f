"""Recordings as integers: decode, hash, encode.

Samples are promised on PCM, so a recording enters as integers and leaves as integers. Sources of up to 16 bits (and
ADPCM, µ-law, A-law) come as 16-bit values, all others as values on the 24-bit scale. A file library never
quantises for us: libsndfile floors when it writes floats as WAV and rounds when it writes them as FLAC.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sepbench import containers, stems
from sepbench.containers import Promise
from sepbench.errors import AudioError

__all__ = [
    "FULL_SCALE_BITS",
    "MAX_CHANNELS",
    "MAX_MAGNITUDE",
    "Pcm",
    "encoded",
    "file_of",
    "pcm_sha256",
    "quantised",
    "read_part",
    "read_pcm",
    "stamp",
    "write_pcm",
]

Ints = NDArray[np.int32]

FULL_SCALE_BITS = 24  # sources are mixed on this scale
MAX_MAGNITUDE = 1 << 25  # float files may overshoot full scale by 12 dB; beyond it products would leave 53 bits
MAX_SAMPLES = 1 << 29  # over all channels: 2 GiB decoded, three hours of mono at 48 kHz
MAX_CHANNELS = 64  # microphone arrays
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4000, 384000  # as in recipes
_BLOCK = 1 << 16
_REPLACE = "replace the file, or leave it out"
_SUFFIX_FORMAT = {".flac": "FLAC", ".wav": "WAV"}
_SIXTEEN_BITS = {"PCM_S8", "PCM_U8", "PCM_16", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"}
_TWENTY_FOUR_BITS = {"PCM_24"}
_LOSSY = {"VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}
_SUBTYPES = _SIXTEEN_BITS | _TWENTY_FOUR_BITS | _LOSSY | {"PCM_32", "FLOAT", "DOUBLE"}


@dataclass(frozen=True)
class Pcm:
    """A decoded recording.

    Attributes
    ----------
    samples : ndarray of int32, shape (channel, time)
        Integers on the scale of `bits`; float sources may exceed it by up to 12 dB.
    sample_rate : int
        In Hz.
    bits : int
        16 or 24.
    decoder : str
        Decoder and version of a lossy recording, which another version may decode differently; empty for what decodes
        exactly.
    """

    samples: Ints
    sample_rate: int
    bits: int
    decoder: str = ""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Length in samples per channel."""
        return int(self.samples.shape[1])

    def sha256(self) -> str:
        """Hash the samples; see `pcm_sha256`."""
        return pcm_sha256(self.samples, self.sample_rate, self.bits)

    def at_24_bits(self) -> Ints:
        """Give the samples on the 24-bit scale, shape (channel, time)."""
        return self.samples << (FULL_SCALE_BITS - self.bits)


def pcm_sha256(samples: Ints, sample_rate: int, bits: int) -> str:
    """Hash decoded audio, whatever file it came from.

    SHA-256 over a line ``sepbench-pcm-1 rate channels bits frames`` and the interleaved samples, little-endian:
    two bytes each at 16 bits, four bytes each (holding the 24-bit value) at 24 bits. **This never changes.**

    Parameters
    ----------
    samples : ndarray of int, shape (channel, time)
    sample_rate : int
        In Hz.
    bits : {16, 24}
    """
    channels, frames = samples.shape
    digest = hashlib.sha256(f"sepbench-pcm-1 {sample_rate} {channels} {bits} {frames}\n".encode())
    digest.update(np.ascontiguousarray(samples.T, dtype="<i2" if bits == 16 else "<i4").data)
    return digest.hexdigest()


def file_of(path: Path) -> tuple[Path, str]:
    """Part a path into the file on the disk and what is meant in it: ``song.stem.mp4/vocals``, ``clip.wav/channel2``.

    Sets hold several recordings in one file, as streams or as channels; a path that goes on behind a file names one of
    them. The second value is empty where the whole file is meant.

    Examples
    --------
    >>> file_of(Path("clips/1.wav"))[1]
    ''
    """
    if "." in path.parent.name and path.parent.is_file():
        return path.parent, path.name
    return path, ""


def _inside(file: Path, part: str) -> Pcm:
    """Decode a part of a file: a stream of a stem file, or one channel."""
    if part in stems.STREAMS and file.name.endswith(".stem.mp4"):
        samples, rate = stems.decode(file, part)
        if not len(samples):
            raise AudioError(f"{file}: holds no samples", _REPLACE)
        return Pcm(_rounded(samples.astype(np.float64), file).T, rate, FULL_SCALE_BITS, stems.decoder())
    return _channel(read_pcm(file), file, part)


def _channel(pcm: Pcm, file: Path, part: str) -> Pcm:
    number = part.removeprefix("channel")
    if not (part.startswith("channel") and number.isdecimal() and 1 <= int(number) <= pcm.channels):
        raise AudioError(
            f"{file}: has no part `{part}`, but `channel1` to `channel{pcm.channels}`", "index the set again"
        )
    return replace(pcm, samples=pcm.samples[int(number) - 1 : int(number)])


def read_pcm(path: Path) -> Pcm:
    """Decode a recording to integers.

    The path may lead into a file (see `file_of`).

    Raises
    ------
    AudioError
        If the file is missing, is no audio, is truncated, damaged or empty, changes while it is read, is beyond the
        limits of rate, channels or length, or holds values that are not finite or exceed full scale by more than
        12 dB.
    """
    import soundfile

    whole, part = file_of(path)
    if part:
        return _inside(whole, part)
    with _opened(path) as file:
        before = os.fstat(file.fileno())
        promise = containers.inspect(file, before.st_size, path)
        # libsndfile reads what was looked at, not what the name may stand for by now; a descriptor of one runtime
        # library of Windows is nothing to another
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        source = path if sys.platform == "win32" else file.fileno()
        try:
            with soundfile.SoundFile(source, closefd=False) as sound:
                _refuse_beyond_limits(sound, path)
                samples, bits = _decode(sound, path, promise.md5)
                frames, rate, subtype = sound.frames, sound.samplerate, sound.subtype
        except (soundfile.LibsndfileError, AssertionError, TypeError) as error:
            raise AudioError(f"{path}: can't be decoded ({_words(error)})", _REPLACE) from error
        except MemoryError as error:
            raise AudioError(f"{path}: does not fit into memory once decoded", "cut it into parts") from error
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise AudioError(f"{path}: changed while it was read", "run again when nothing writes to it any more")
    _refuse_gaps(path, samples.shape[1], frames, promise)
    return Pcm(samples, rate, bits, f"{subtype.lower()} {_libsndfile()}" if subtype in _LOSSY else "")


def read_part(path: Path, first: int, last: int) -> Pcm | None:
    """Decode the samples from `first` to `last` - 1 of a recording that `read_pcm` has read before.

    Nothing is held against the file's promises again: the caller knows that the file is the same (see `stamp`).

    Returns
    -------
    Pcm or None
        None where the format does not allow to begin anywhere and come to the same samples.

    Raises
    ------
    AudioError
        If it can't be opened or decoded.
    """
    import soundfile

    whole, inner = file_of(path)
    if inner:
        cut = None if inner in stems.STREAMS else read_part(whole, first, last)
        return cut and _channel(cut, whole, inner)
    with _opened(path) as file:
        source = path if sys.platform == "win32" else file.fileno()
        try:
            with soundfile.SoundFile(source, closefd=False) as sound:
                if sound.format not in ("WAV", "WAVEX", "RF64", "FLAC") or sound.subtype not in ("PCM_16", "PCM_24"):
                    return None
                sound.seek(first)
                narrow = sound.subtype == "PCM_16"
                part = sound.read(last - first, dtype="int16" if narrow else "int32", always_2d=True)
                rate = sound.samplerate
        except (soundfile.LibsndfileError, AssertionError, TypeError) as error:
            raise AudioError(f"{path}: can't be decoded ({_words(error)})", _REPLACE) from error
    if len(part) != last - first:
        raise AudioError(f"{path}: ends before sample {last}", _REPLACE)
    samples = part.T.astype(np.int32)
    return Pcm(samples, rate, 16) if narrow else Pcm(samples >> 8, rate, 24)


def stamp(path: Path) -> tuple[int, int, int]:
    """Tell a file from what takes its place: inode, size, and time of the last change."""
    status = os.stat(file_of(path)[0])
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file, without waiting for the other end of a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:  # a ValueError where a NUL hides in the name
        raise _unopened(path, error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise AudioError(f"{path}: is not a regular file", "only regular files are read")
    with open(handle, "rb") as file:
        try:
            yield file
        except OSError as error:
            if isinstance(error, AudioError):
                raise
            raise _unopened(path, error) from error


def _unopened(path: Path, error: Exception) -> AudioError:
    number = getattr(error, "errno", None)
    remedies = {errno.ENOENT: "is the path right, and of a set the root?", errno.EACCES: "is it readable for you?",
                errno.ELOOP: "the link leads to itself: copy the file", errno.ENXIO: "only regular files are read"}  # fmt: skip
    words = os.strerror(number) if number else str(error)
    return AudioError(f"{path}: {words}", remedies.get(number or 0, _REPLACE))


def _refuse_beyond_limits(sound: Any, path: Path) -> None:
    """Refuse by its header what no corpus needs, before anything is decoded or allocated."""
    if sound.subtype not in _SUBTYPES:
        raise AudioError(f"{path}: holds samples coded as {sound.subtype}", "convert it to WAV or FLAC")
    if not MIN_SAMPLE_RATE <= sound.samplerate <= MAX_SAMPLE_RATE:
        raise AudioError(f"{path}: its header claims a rate of {sound.samplerate} Hz",
                         f"from {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz are read: resample it, if that is true")  # fmt: skip
    if not 1 <= sound.channels <= MAX_CHANNELS:
        raise AudioError(f"{path}: its header claims {sound.channels} channels",
                         f"up to {MAX_CHANNELS} are read: split it, if that is true")  # fmt: skip
    if not 0 <= sound.frames * sound.channels <= MAX_SAMPLES:
        decoded = sound.frames * sound.channels * 4 / (1 << 30)
        raise AudioError(
            f"{path}: its header claims {sound.frames} frames of {sound.channels} channels, {decoded:.1f} GiB decoded, "
            f"more than the limit of {MAX_SAMPLES * 4 >> 30} GiB",
            "cut it into parts; if it is not that long, the file is damaged",
        )


def _refuse_gaps(path: Path, decoded: int, frames: int, promise: Promise) -> None:
    """Refuse a recording of which other samples were decoded than its file promises."""
    if decoded == 0:
        raise AudioError(f"{path}: holds no samples", _REPLACE)
    if promise.least is not None and promise.most is not None:
        if decoded < promise.least or decoded > promise.most:
            raise AudioError(
                f"{path}: holds about {promise.most} frames, of which {decoded} could be decoded",
                "convert it to FLAC: libsndfile can't tell the length of every MP3 without a Xing header",
            )
    elif decoded != frames:
        raise AudioError(
            f"{path}: its header promises {frames} frames, but {decoded} could be decoded",
            "the file is truncated or damaged: fetch it again",
        )


def _decode(sound: Any, path: Path, md5: bytes) -> tuple[Ints, int]:
    """Read all frames as (channel, time) integers with their bit class; hold them against their MD5, if there is one."""
    if sound.subtype in _SIXTEEN_BITS:
        narrow = sound.read(dtype="int16", always_2d=True)
        _refuse_other_samples(path, narrow, 8 if sound.subtype == "PCM_S8" else 16, md5)
        return narrow.T.astype(np.int32), 16
    if sound.subtype in _TWENTY_FOUR_BITS:
        wide = sound.read(dtype="int32", always_2d=True)
        _refuse_other_samples(path, wide, 24, md5)
        wide >>= 8
        return wide.T, 24
    return _decode_in_blocks(sound, path), 24


def _decode_in_blocks(sound: Any, path: Path) -> Ints:
    """Read what is wider than 24 bits, and round it; without a second copy of the whole in float64.

    A lossy decoder would have to find its place again after each block, so it is asked once.
    """
    whole = np.empty((sound.frames, sound.channels), np.int32)
    block = sound.frames if sound.subtype in _LOSSY else _BLOCK
    at = 0
    while at < sound.frames:
        values = sound.read(min(block, sound.frames - at), dtype="float64", always_2d=True)
        if not len(values):
            break
        for start in range(0, len(values), _BLOCK):
            part = values[start : start + _BLOCK]
            whole[at : at + len(part)] = _rounded(part, path)
            at += len(part)
    return whole[:at].T


def _rounded(values: NDArray[np.float64], path: Path) -> Ints:
    """Bring floats to the 24-bit scale."""
    scaled = values * 2.0 ** (FULL_SCALE_BITS - 1)
    lowest, highest = scaled.min(), scaled.max()
    if not (lowest > -MAX_MAGNITUDE and highest < MAX_MAGNITUDE):  # not true of NaN either
        if not np.isfinite(scaled).all():
            raise AudioError(f"{path}: holds samples that are not finite", "repair the file, or leave it out")
        peak = float(max(-lowest, highest)) / 2.0 ** (FULL_SCALE_BITS - 1)
        raise AudioError(
            f"{path}: its float samples reach {peak:.3g}, more than 12 dB above full scale",
            "samples are expected within [-1, 1]: scale the file down",
        )
    return np.rint(scaled, out=scaled).astype(np.int32)


def _refuse_other_samples(path: Path, decoded: NDArray[Any], bits: int, md5: bytes) -> None:
    """Hold samples against the MD5 of FLAC, which libsndfile never looks at.

    It covers the interleaved samples as they were coded, little-endian, in as few bytes as hold them; libsndfile hands
    them out shifted to the left.
    """
    if not md5:
        return
    digest = hashlib.md5(usedforsecurity=False)
    for start in range(0, len(decoded), _BLOCK):
        part = np.ascontiguousarray(decoded[start : start + _BLOCK], dtype=decoded.dtype.newbyteorder("<"))
        digest.update(_without_padding(part.view(np.uint8).reshape(-1, part.itemsize), bits // 8).data)
    if digest.digest() != md5:
        raise AudioError(
            f"{path}: its samples do not fit the MD5 in its header",
            "the file is damaged: fetch it again; `flac -t` says where",
        )


def _without_padding(samples: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Keep the last bytes of each sample, shape (sample, byte)."""
    if samples.shape[1] == width:
        return samples
    kept = np.empty((len(samples), width), np.uint8)
    for column in range(1, width + 1):  # six times as fast as one copy of all
        kept[:, -column] = samples[:, -column]
    return kept


def _libsndfile() -> str:
    import soundfile

    return f"libsndfile-{soundfile.__libsndfile_version__}"


def write_pcm(path: Path, samples: Ints, sample_rate: int, bits: int, *, container: str = "") -> None:
    """Encode integers as FLAC or WAV.

    Parameters
    ----------
    path : Path
        Written as it is named; callers that want all or nothing pass a temporary name.
    samples : ndarray of int, shape (channel, time)
        Within the range of `bits`.
    bits : {16, 24}
    container : str
        A suffix, ``.flac`` or ``.wav``; by default that of `path`.
    """
    import soundfile

    limit = 1 << (bits - 1)
    if samples.size and not (-limit <= samples.min() and samples.max() < limit):
        raise AudioError(f"{path}: samples do not fit into {bits} bits", "scale them down before writing")
    # left-justified int32 is what libsndfile stores without touching a bit, at any depth
    shifted = np.ascontiguousarray(samples.T.astype(np.int32) << (32 - bits))
    kind = _SUFFIX_FORMAT[container or path.suffix]
    try:
        soundfile.write(path, shifted, sample_rate, subtype=f"PCM_{bits}", format=kind)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path}: could not be written ({_words(error)}); is the disk full?") from error


def encoded(samples: NDArray[Any], sample_rate: int, bits: int, container: str) -> list[bytes | memoryview]:
    """Encode integers as the bytes of a FLAC or WAV file, in pieces.

    In memory, so that it is our own write that meets a full disk: libsndfile would leave a shorter, readable file.

    Parameters
    ----------
    samples : ndarray of int, shape (channel, time)
        Within the range of `bits`.
    sample_rate : int
        In Hz.
    bits : {16, 24}
    container : {"flac", "wav"}
    """
    if container == "wav":
        return _wav(samples, sample_rate, bits)
    import soundfile

    file = io.BytesIO()
    if bits == 16:
        content = np.ascontiguousarray(samples.T, np.int16)
    else:  # left-justified int32 is what libsndfile stores without touching a bit, at any depth
        content = np.ascontiguousarray(samples.T, np.int32) << (32 - bits)
    soundfile.write(file, content, sample_rate, subtype=f"PCM_{bits}", format="FLAC")
    return [file.getvalue()]


def _wav(samples: NDArray[Any], sample_rate: int, bits: int) -> list[bytes | memoryview]:
    """Write the 44 bytes that stand before the samples, and the samples.

    Raises
    ------
    AudioError
        Above 4 GiB, where the format ends.
    """
    channels, frames = samples.shape
    block = channels * bits // 8
    size = frames * block
    if size > 0xFFFFFFFF - 64:
        raise AudioError(f"a recording of {frames} frames does not fit into a WAV file", "choose --container flac")
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size + size % 2, b"WAVE", b"fmt ", 16, 1, channels, sample_rate,
        sample_rate * block, block, bits, b"data", size,
    )  # fmt: skip
    if bits == 16:
        content = np.ascontiguousarray(samples.T, "<i2")
    else:
        four = np.ascontiguousarray(samples.T, "<i4").reshape(-1, 1).view(np.uint8)
        content = np.ascontiguousarray(four[:, :3])
    return [head, content.data.cast("B"), bytes(size % 2)]


def quantised(signal: NDArray[np.floating[Any]], bits: int) -> Ints:
    """Bring floats within [-1, 1] into integers, for ears: what is too loud is clipped, what is not a number is silent.

    Corpora are never made this way.
    """
    full_scale = 1 << (bits - 1)
    steps = np.rint(np.nan_to_num(signal.astype(np.float64)) * full_scale)
    integers: Ints = np.clip(steps, -full_scale, full_scale - 1).astype(np.int32)
    return integers


def _words(error: BaseException) -> str:
    """One line of an error of libsndfile, without its repetition of the file name."""
    return str(error).split(": ", 1)[-1].strip().rstrip(".") or type(error).__name__
