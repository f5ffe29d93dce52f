"""AU, SPHERE and FLAC: a header, then samples."""

from __future__ import annotations

import struct

from sepbench.containers.source import CONVERT, CUT, Promise, Source

__all__ = ["au", "flac", "sphere"]

_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}


def au(source: Source, start: int) -> Promise:
    """Hold the length in the header of an AU file against the file's."""
    head = source.read(start, 24)
    if len(head) < 24:
        source.refuse("ends within its header", CUT)
    offset, length, codec, _, channels = struct.unpack((">" if head[:1] == b"." else "<") + "5I", head[4:])
    if codec not in _AU_BYTES:
        source.refuse(f"holds samples coded as number {codec} of AU", CONVERT)
    there = source.size - start - offset
    if length != 0xFFFFFFFF and length > there:
        source.refuse(f"its header promises {length} bytes of samples, but {max(0, there)} are there", CUT)
    if there % max(1, channels * _AU_BYTES[codec]) and length == 0xFFFFFFFF:
        source.refuse("was written to a pipe and ends within a sample", CUT)
    return Promise()


def sphere(source: Source, start: int) -> Promise:
    """Look at the text in front of a NIST SPHERE file."""
    lines = source.read(start, 1024).split(b"\n")
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    try:
        head = int(lines[1])
        needed = int(fields[b"sample_count"]) * int(fields[b"channel_count"]) * int(fields[b"sample_n_bytes"])
    except (IndexError, KeyError, ValueError):
        source.refuse("its SPHERE header lacks a count of samples, channels or bytes")
    if needed > source.size - head:
        source.refuse(f"its header promises {needed} bytes of samples, but {source.size - head} are there", CUT)
    return Promise()


def flac(source: Source, start: int) -> Promise:
    """Read the MD5 of the samples out of STREAMINFO; frames have checksums that the decoder looks at."""
    head = source.read(start, 42)
    if len(head) < 42 or head[4] & 127 or head[5:8] != b"\0\0\x22":
        source.refuse("ends within its header, or begins with another block than STREAMINFO", CUT)
    total = int.from_bytes(head[18:26], "big") & ((1 << 36) - 1)
    if total == 0:
        source.refuse(
            "its header does not say how long it is: its writing was cut off, or it came out of a pipe",
            "write it again with `flac` from its source; `flac -t` says whether it is whole",
        )
    return Promise(md5=head[26:42].strip(b"\0") and head[26:42])
