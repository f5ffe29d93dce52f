"""A file under inspection, and what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from sepbench.errors import AudioError

__all__ = ["CONVERT", "CUT", "FETCH", "Promise", "Source"]

FETCH = "fetch the file again, or leave it out"
CUT = "the file is truncated: fetch it again"
CONVERT = "convert it to WAV or FLAC, or leave it out"
_MAX_COMPRESSED = 512 << 20  # looked through in memory; more would decode beyond any limit


@dataclass(frozen=True)
class Promise:
    """What a file promises of its samples.

    Attributes
    ----------
    least, most : int or None
        Bounds of the number of frames, where the file tells it otherwise than libsndfile does.
    md5 : bytes
        MD5 of the samples as FLAC counts it; empty where the file has none.
    """

    least: int | None = None
    most: int | None = None
    md5: bytes = b""


class Source:
    """A file with its size and its name."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self.file, self.size, self.path = file, size, path

    def read(self, at: int, length: int) -> bytes:
        """Read a piece; less, where the file ends."""
        self.file.seek(at)
        return self.file.read(length)

    def whole(self) -> bytes:
        """Read everything: compressed files only, which are small where they are sound."""
        if self.size > _MAX_COMPRESSED:
            self.refuse(f"is {self.size >> 20} MiB of compressed audio, more than the limit of {_MAX_COMPRESSED >> 20}",
                        "cut it into parts")  # fmt: skip
        return self.read(0, self.size)

    def refuse(self, words: str, hint: str = FETCH) -> NoReturn:
        """End with an error that names the file."""
        raise AudioError(f"{self.path}: {words}", hint)
