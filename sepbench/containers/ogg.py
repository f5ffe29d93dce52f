"""Ogg: pages with checksums."""

from __future__ import annotations

import zlib

from sepbench.containers.source import CUT, Promise, Source

__all__ = ["ogg"]

# the CRC-32 of Ogg begins at the other end of each byte than zlib's does, and is not inverted
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_LAST_PAGE = 4


def ogg(source: Source, start: int) -> Promise:
    """Look through the pages: each whole and with its checksum, the last marked as such."""
    data = source.whole()
    at = start
    open_streams: set[bytes] = set()
    while data[at : at + 4] == b"OggS":
        segments = data[at + 26] if at + 27 <= len(data) else 0
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if end > len(data):
            source.refuse("ends within a page", CUT)
        if not _page_is_sound(data[at:end]):
            source.refuse(f"is damaged: the page at byte {at} does not fit its checksum")
        stream = data[at + 14 : at + 18]
        (open_streams.discard if data[at + 5] & _LAST_PAGE else open_streams.add)(stream)
        at = end
    if at < len(data) and data[at:].strip(b"\0"):
        source.refuse(f"has {len(data) - at} bytes from byte {at} on that belong to no page")
    if open_streams:
        source.refuse("has no last page", CUT)
    return Promise()


def _page_is_sound(page: bytes) -> bool:
    blank = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(blank.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED) == page[22:26]
