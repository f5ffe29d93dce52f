"""What the file of a recording promises, held against what is there, before a decoder sees it.

libsndfile reads a cut WAV as a short one, believes any header, ignores the checksums of Ogg and the MD5 of FLAC, and
guesses the length of an MP3. So each container that is read is looked through here first: its chunks, pages or frames
must be whole, and their number must fit the header. Nothing is decoded, and no length from a header is ever allocated.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn

from sepbench.containers.chunks import aiff, wave
from sepbench.containers.headers import au, flac, sphere
from sepbench.containers.mpeg import frame_at, mpeg
from sepbench.containers.ogg import ogg
from sepbench.containers.source import CUT, Promise, Source

__all__ = ["Promise", "inspect"]

_CONTAINERS: dict[bytes, Callable[[Source, int], Promise]] = {
    b"RIFF": wave,
    b"RIFX": wave,
    b"RF64": wave,
    b"FORM": aiff,
    b".snd": au,
    b"dns.": au,
    b"NIST_1A": sphere,
    b"fLaC": flac,
    b"OggS": ogg,
}


def inspect(file: BinaryIO, size: int, path: Path) -> Promise:
    """Look through a file.

    Parameters
    ----------
    file : binary file
        Is read from and left anywhere.
    size : int
        Of the file, in bytes.
    path : Path
        For the errors' words.

    Raises
    ------
    AudioError
        If it is none of the containers that are read, is cut, or contradicts itself.
    """
    start = _after_id3(file)
    file.seek(start)
    head = file.read(64)
    for magic, look in _CONTAINERS.items():
        if head.startswith(magic):
            return look(Source(file, size, path), start)
    if frame_at(head) is not None:
        return mpeg(Source(file, size, path), start)
    _refuse_what_is_no_audio(Source(file, size, path), head, tagged=start > 0)


def _after_id3(file: BinaryIO) -> int:
    """Say where an ID3 tag at the beginning ends; it may stand in front of any MP3, and of many a FLAC."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 127
    return 10 + length + 10 * bool(head[5] & 16)


def _refuse_what_is_no_audio(source: Source, head: bytes, *, tagged: bool) -> NoReturn:
    if tagged:
        source.refuse("holds a tag and nothing after it" if not head else "holds no recording after its tag")
    if not head:
        source.refuse("is empty")
    if head.startswith(b"version https://git-lfs"):
        source.refuse("is a Git LFS pointer, not audio", "run `git lfs pull`")
    if head.lstrip()[:1] == b"<":
        source.refuse("is a web page, not audio", "the download failed: fetch the file again")
    if head[:4] == b"PK\x03\x04" or head[:2] == b"\x1f\x8b":
        source.refuse("is an archive, not audio", "unpack it")
    if not head.strip(b"\0"):
        source.refuse("begins with zeros, not with a header", "its copying was cut off: fetch the file again")
    if len(head) < 12 and (b"RIFF".startswith(head[:4]) or b"FORM".startswith(head[:4]) or b"fLaC".startswith(head)):
        source.refuse("ends within its header", CUT)
    source.refuse(f"is no recording that is read (it begins with {head[:8]!r})",
                  "WAV, AIFF, AU, SPHERE, FLAC, Ogg and MP3 are read: convert it, or leave it out")  # fmt: skip
