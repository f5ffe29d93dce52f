"""WAV, RF64 and AIFF: files of chunks, each with a name and a length."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

from sepbench.containers.source import CONVERT, CUT, Promise, Source

__all__ = ["aiff", "wave"]

_MAX_CHUNKS = 4096  # a file may be nothing but empty chunks, and look like work for hours
_STRAY = 4096  # bytes after the end of a RIFF that are padding or a tag; more is audio that the header forgot
_STREAMED = 0x7FFFF000  # from here on a length is a placeholder of a program that wrote to a pipe


def _chunks(source: Source, start: int, end: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Walk through chunks: (name, where its content begins, its length as the header says)."""
    for count in itertools.count():
        head = source.read(start, 8)
        if start + 8 > end or len(head) < 8:
            return
        if count == _MAX_CHUNKS:
            source.refuse(f"has more than {_MAX_CHUNKS} chunks")
        name, length = struct.unpack(order + "4sI", head)
        yield name, start + 8, length
        start += 8 + length
        # chunks are padded to even places; some programs forget it
        start += length & 1 and not _is_name(source.read(start, 4))


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


_WAVE_BITS = {1: (8, 16, 24, 32), 2: (4,), 3: (32, 64), 6: (8,), 7: (8,), 0x11: (4,)}
_WAVE_NAMES = {0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3", 0x161: "WMA", 0x2000: "AC-3", 0x2001: "DTS"}
_EXTENSIBLE = 0xFFFE


def wave(source: Source, start: int) -> Promise:
    """Look through WAV and RF64."""
    order = ">" if source.read(start, 4) == b"RIFX" else "<"
    head = source.read(start, 12)
    if len(head) < 12:
        source.refuse("ends within its header", CUT)
    if head[8:] != b"WAVE":
        source.refuse(f"is a RIFF file of the kind {head[8:]!r}, not WAVE", CONVERT)
    end = start + 8 + int(struct.unpack(order + "I", head[4:8])[0])
    block, long_length, data_end = 0, None, None
    for name, at, length in _chunks(source, start + 12, source.size, order):
        if data_end is not None and at > max(end, data_end):
            break  # what stands behind the RIFF is another matter
        if name == b"ds64":
            (long_length,) = struct.unpack("<Q", source.read(at + 8, 8).ljust(8, b"\0"))
        elif name == b"fmt ":
            block = _wave_block(source, source.read(at, min(length, 64)), order)
        elif name == b"data":
            if not block:
                source.refuse("has no `fmt ` chunk before its samples")
            if data_end is not None:
                source.refuse("has two `data` chunks")
            streamed = length >= _STREAMED and (long_length is None or length != 0xFFFFFFFF)
            length = long_length if long_length is not None and length == 0xFFFFFFFF else length
            data_end = _data_end(source, at, length, block, streamed=streamed and at + length > source.size)
            if data_end == source.size:
                return Promise()
        elif at + length > source.size:
            _refuse_cut_chunk(source, name, at, length, after_data=data_end is not None)
    if data_end is None:
        source.refuse("has no `data` chunk")
    _refuse_forgotten(source, data_end, min(end, source.size), order)
    return Promise()


def _data_end(source: Source, at: int, length: int, block: int, *, streamed: bool) -> int:
    """Say where the samples end; a file cut off within them is refused."""
    there = source.size - at
    if streamed:
        if there % block:
            source.refuse(f"was written to a pipe and ends within a block of {block} bytes", CUT)
        return source.size
    if length == 0 and there > _STRAY:
        source.refuse(f"promises no samples, but {there} bytes follow", "its writing was cut off: make the file again")
    if length > there:
        source.refuse(f"its header promises {length} bytes of samples, but {there} are there", CUT)
    return at + length


def _refuse_cut_chunk(source: Source, name: bytes, at: int, length: int, *, after_data: bool) -> None:
    if not after_data:
        source.refuse(f"its chunk {name!r} claims {length} bytes, but {source.size - at} are there")
    if _is_name(name):
        source.refuse(f"ends within its chunk {name!r}", CUT)


def _refuse_forgotten(source: Source, data_end: int, riff_end: int, order: str) -> None:
    """Refuse a file with more behind its samples than chunks: its header counts too few samples."""
    at = data_end
    for name, content, length in _chunks(source, data_end, source.size, order):
        if not _is_name(name) or content + length > source.size:
            break
        at = content + length
    # inside of the RIFF all must be chunks, behind it may be a tag or padding
    tolerated = 1 + 8 if at < riff_end else _STRAY
    left = source.size - at
    if left > tolerated and source.read(at, min(left, 1 << 16)).strip(b"\0"):
        source.refuse(f"has {left} bytes behind its samples that belong to no chunk",
                      "its header counts too few samples: repair it, or fetch the file again")  # fmt: skip


def _wave_block(source: Source, fmt: bytes, order: str) -> int:
    """Hold the parts of a `fmt ` chunk against each other, and give the bytes of a block of samples."""
    if len(fmt) < 16:
        source.refuse("its `fmt ` chunk is too short")
    tag, channels, _, _, block, bits = struct.unpack(order + "HHIIHH", fmt[:16])
    if tag == _EXTENSIBLE and len(fmt) >= 40:
        tag = struct.unpack(order + "I", fmt[24:28])[0]
    if tag not in _WAVE_BITS:
        source.refuse(f"holds samples coded as {_WAVE_NAMES.get(tag, 'an unknown format')} (tag {tag:#06x})", CONVERT)
    if bits not in _WAVE_BITS[tag]:
        source.refuse(f"has {bits} bits per sample", CONVERT)
    if tag in (2, 0x11):
        _refuse_odd_adpcm(source, fmt, order, tag, channels, block)
    elif channels == 0 or block != channels * bits // 8:
        source.refuse(f"contradicts itself: {channels} channels of {bits} bits in blocks of {block} bytes")
    return int(block)


def _refuse_odd_adpcm(source: Source, fmt: bytes, order: str, tag: int, channels: int, block: int) -> None:
    """A decoder writes as many samples per block as the header says, wherever they end."""
    claimed = struct.unpack(order + "H", fmt[18:20].ljust(2, b"\0"))[0]
    head, first = (4, 1) if tag == 0x11 else (7, 2)
    room = block - head * channels
    if channels == 0 or room <= 0 or claimed != room * 2 // channels + first:
        source.refuse(f"contradicts itself: {claimed} ADPCM samples in blocks of {block} bytes")


_AIFF_BYTES = {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8, b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1}
_AIFF_PCM = (b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32")


def aiff(source: Source, start: int) -> Promise:
    """Look through AIFF and AIFF-C."""
    if source.read(start + 8, 4) not in (b"AIFF", b"AIFC"):
        source.refuse("is an IFF file of another kind than AIFF", CONVERT)
    needed, seen = None, False
    for name, at, length in _chunks(source, start + 12, source.size, ">"):
        if name == b"SSND":
            seen = True
            if at + length > source.size:
                source.refuse(f"its header promises {length - 8} bytes of samples, but {source.size - at - 8} are there", CUT)  # fmt: skip
            if needed is not None and length - 8 < needed:
                source.refuse(f"its header promises {needed} bytes of samples, but {length - 8} are there", CUT)
        elif name == b"COMM":
            needed = _aiff_bytes(source, source.read(at, 22))
        elif at + length > source.size:
            _refuse_cut_chunk(source, name, at, length, after_data=seen)
    if needed is None or (needed and not seen):
        source.refuse("has no samples, or no header to them", CUT)
    return Promise()


def _aiff_bytes(source: Source, common: bytes) -> int:
    """Give how many bytes of samples a `COMM` chunk promises."""
    if len(common) < 18:
        source.refuse("ends within its header", CUT)
    channels, frames, bits = struct.unpack(">HIH", common[:8])
    codec = common[18:22] if source.read(8, 4) == b"AIFC" else b"NONE"
    if codec == b"ima4":
        return int(frames * channels * 34)  # packets, not frames, are counted
    if codec not in _AIFF_BYTES and codec not in _AIFF_PCM:
        source.refuse(f"holds samples coded as {codec!r}", CONVERT)
    return int(frames * channels * _AIFF_BYTES.get(codec, -(-bits // 8)))
