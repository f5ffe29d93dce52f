"""Recordings as integers: decode, hash, encode.

Samples are promised on PCM, so a recording enters as integers and leaves as integers. Sources of up to 16 bits (and
ADPCM, µ-law, A-law) come as 16-bit values, all others as values on the 24-bit scale. A file library never
quantises for us: libsndfile floors when it writes floats as WAV and rounds when it writes them as FLAC.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import AudioError

__all__ = ["FULL_SCALE_BITS", "MAX_MAGNITUDE", "Pcm", "encoded", "pcm_sha256", "quantised", "read_pcm", "write_pcm"]

Ints = NDArray[np.int32]

FULL_SCALE_BITS = 24  # sources are mixed on this scale
MAX_MAGNITUDE = 1 << 25  # float files may overshoot full scale by 12 dB; beyond it products would leave 53 bits
MAX_DECODED_BYTES = 4 << 30
_SUFFIX_FORMAT = {".flac": "FLAC", ".wav": "WAV"}
_SIXTEEN_BITS = {
    "PCM_S8", "PCM_U8", "PCM_16", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "G723_24", "G723_40",
    "NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32", "VOX_ADPCM", "DPCM_8", "DPCM_16", "DWVW_12", "DWVW_16", "ALAC_16",
}  # fmt: skip


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


def read_pcm(path: Path) -> Pcm:
    """Decode a recording to integers.

    Raises
    ------
    AudioError
        If the file is missing, is no audio, is truncated or empty, holds values that are not finite or exceed full
        scale by more than 12 dB, or would decode to more than 4 GiB.
    """
    import soundfile

    _refuse_what_is_no_audio(path)
    try:
        with soundfile.SoundFile(path) as file:
            decoded_bytes = file.frames * file.channels * 8
            if not 0 <= decoded_bytes <= MAX_DECODED_BYTES:
                raise AudioError(
                    f"{path}: its header claims {file.frames} frames of {file.channels} channels, more than the limit "
                    f"of {MAX_DECODED_BYTES >> 30} GiB decoded",
                    "the file is damaged, or should be cut into parts",
                )
            samples, bits = _decode(file, path)
            frames, rate = file.frames, file.samplerate
    except (soundfile.LibsndfileError, AssertionError, TypeError) as error:
        raise AudioError(f"{path}: can't be decoded ({_words(error)})", "replace the file, or leave it out") from error
    if samples.shape[1] == 0:
        raise AudioError(f"{path}: holds no samples", "replace the file, or leave it out")
    if samples.shape[1] != frames:
        raise AudioError(
            f"{path}: its header promises {frames} frames, but {samples.shape[1]} could be decoded",
            "the file is truncated or damaged: fetch it again",
        )
    return Pcm(samples, rate, bits)


def _decode(file: Any, path: Path) -> tuple[Ints, int]:
    """Read all frames as (channel, time) integers with their bit class."""
    if file.subtype in _SIXTEEN_BITS:
        return file.read(dtype="int16", always_2d=True).T.astype(np.int32), 16
    if file.subtype in ("PCM_24", "ALAC_20", "ALAC_24", "DWVW_24"):
        return file.read(dtype="int32", always_2d=True).T >> 8, 24
    if file.subtype in ("PCM_32", "ALAC_32"):
        wide = file.read(dtype="int32", always_2d=True).T
        return np.rint(wide * 2.0**-8).astype(np.int32), 24
    values = file.read(dtype="float64", always_2d=True).T * 2.0 ** (FULL_SCALE_BITS - 1)
    if not np.isfinite(values).all():
        raise AudioError(f"{path}: holds samples that are not finite", "repair the file, or leave it out")
    if values.size and np.abs(values).max() >= MAX_MAGNITUDE:
        peak = float(np.abs(values).max()) / 2.0 ** (FULL_SCALE_BITS - 1)
        raise AudioError(
            f"{path}: its float samples reach {peak:.3g}, more than 12 dB above full scale",
            "samples are expected within [-1, 1]: scale the file down",
        )
    return np.rint(values).astype(np.int32), 24


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


def encoded(samples: NDArray[Any], sample_rate: int, bits: int, container: str) -> bytes | bytearray:
    """Encode integers as the bytes of a FLAC or WAV file.

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
    return file.getvalue()


def _wav(samples: NDArray[Any], sample_rate: int, bits: int) -> bytearray:
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
    content = bytearray(head)
    if bits == 16:
        content += np.ascontiguousarray(samples.T, "<i2").data.cast("B")
    else:
        four = np.ascontiguousarray(samples.T, "<i4").reshape(-1, 1).view(np.uint8)
        content += np.ascontiguousarray(four[:, :3]).data.cast("B")
    content += bytes(size % 2)
    return content


def quantised(signal: NDArray[np.floating[Any]], bits: int) -> Ints:
    """Bring floats within [-1, 1] into integers, for ears: what is too loud is clipped, what is not a number is silent.

    Corpora are never made this way.
    """
    full_scale = 1 << (bits - 1)
    steps = np.rint(np.nan_to_num(signal.astype(np.float64)) * full_scale)
    integers: Ints = np.clip(steps, -full_scale, full_scale - 1).astype(np.int32)
    return integers


def _refuse_what_is_no_audio(path: Path) -> None:
    """Look before libsndfile does: it blocks on a pipe, and reads a cut WAV as a short one."""
    try:
        info = os.stat(path)
    except OSError as error:
        raise AudioError(f"{path}: {error.strerror or error}", "is the root of the set the right one?") from error
    if not stat.S_ISREG(info.st_mode):
        raise AudioError(f"{path}: is not a regular file", "only regular files are read")
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head.startswith(b"version https://git-lfs"):
                raise AudioError(f"{path}: is a Git LFS pointer, not audio", "run `git lfs pull`")
            if not head:
                raise AudioError(f"{path}: is empty", "fetch the file again, or leave it out")
            if head[:1] == b"<" or b"<html" in head.lower():
                raise AudioError(f"{path}: is a web page, not audio", "the download failed: fetch the file again")
            if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
                _refuse_cut_wav(path, file, info.st_size)
    except OSError as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"{path}: {error.strerror or error}", "is it readable for you?") from error


def _refuse_cut_wav(path: Path, file: Any, size: int) -> None:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        header = file.read(8)
        length = int.from_bytes(header[4:], "little")
        if header[:4] == b"data":
            streamed = length in (0, 0xFFFFFFFF, 0x7FFFFFFF)  # written to a pipe: the length was not known
            if not streamed and at + 8 + length > size:
                raise AudioError(
                    f"{path}: its header promises {length} bytes of samples, but {size - at - 8} are there",
                    "the file is truncated: fetch it again",
                )
            return
        at += 8 + length + (length & 1)


def _words(error: BaseException) -> str:
    """One line of an error of libsndfile, without its repetition of the file name."""
    return str(error).split(": ", 1)[-1].strip().rstrip(".") or type(error).__name__
