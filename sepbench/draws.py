"""Keyed draws: integers that depend on what they are for, and on nothing else.

A draw is a function of (recipe, version, seed, split, item, purpose, epoch). There is no stream to advance, so neither
the order of the work, nor the number of workers, nor a library's generator can change it.

The bytes are BLAKE2b in counter mode: block *i* of the stream of a key is ``blake2b(key || i)``, with the key as the
canonical JSON of its seven fields and *i* as eight bytes, little-endian; a block is eight 64-bit words,
little-endian. Bounded integers come by rejection, so they are exactly uniform. **This defines corpora: it never
changes.**
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import count
from json.encoder import encode_basestring_ascii
from struct import Struct

__all__ = ["Draws", "Purpose", "draws_for"]

_PERSON = b"sepbench-draws-1"  # BLAKE2b's personalisation: 16 bytes
_WORD = 1 << 64
_WORDS = Struct("<8Q")


def draws_for(recipe: str, version: int, seed: int, split: str, item: str, purpose: str, epoch: int = 0) -> Draws:
    """Give the draws of one purpose of one item.

    Parameters
    ----------
    recipe, version, seed, split, item, purpose, epoch
        What the draws are for. Any two keys that differ in one field are independent.

    Examples
    --------
    >>> draws_for("demo", 1, 0, "train", "train-000017", "snr").between(-5000, 15000)
    8377
    """
    key = json.dumps([recipe, version, seed, split, item, purpose, epoch], separators=(",", ":"))
    return Draws(key.encode("ascii"))


class Purpose:
    """The draws of one purpose for many items: the same as `draws_for`, with what their keys share hashed once.

    Parameters
    ----------
    recipe, version, seed, split, purpose, epoch
        As in `draws_for`.

    Examples
    --------
    >>> snr = Purpose("demo", 1, 0, "train", "snr")
    >>> snr.draws("train-000017").between(-5000, 15000), snr.between("train-000017", -5000, 15000)
    (8377, 8377)
    """

    def __init__(self, recipe: str, version: int, seed: int, split: str, purpose: str, epoch: int = 0) -> None:
        self._key = recipe, version, seed, split, purpose, epoch
        self._before = json.dumps([recipe, version, seed, split], separators=(",", ":"))[:-1] + ","
        self._after = "," + json.dumps([purpose, epoch], separators=(",", ":"))[1:]
        self._hashed = blake2b(self._before.encode("ascii"), person=_PERSON)
        self._ending = self._after.encode("ascii") + bytes(8)  # the first block's number is 0

    def __reduce__(self) -> tuple[type[Purpose], tuple[str, int, int, str, str, int]]:
        return type(self), self._key  # a hash in progress can't be pickled

    def draws(self, item: str) -> Draws:
        """Give the draws of an item."""
        return Draws(f"{self._before}{encode_basestring_ascii(item)}{self._after}".encode("ascii"))

    def between(self, item: str, low: int, high: int) -> int:
        """Draw an item's first integer from `low` to `high`, both included: ``draws(item).between(low, high)``."""
        block = self._hashed.copy()
        block.update(encode_basestring_ascii(item).encode("ascii") + self._ending)
        word, n = int.from_bytes(block.digest()[:8], "little"), high - low + 1
        if 0 < n <= _WORD and word < _WORD - _WORD % n:
            return low + word % n
        return self.draws(item).between(low, high)


class Draws:
    """A stream of exactly uniform integers under one key.

    Parameters
    ----------
    key : bytes
        What the draws are for; see `draws_for`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._words = self._stream()

    def _stream(self) -> Iterator[int]:
        for block in count():
            yield from _WORDS.unpack(blake2b(self._key + block.to_bytes(8, "little"), person=_PERSON).digest())

    def below(self, n: int) -> int:
        """Draw an integer from 0 to `n` - 1."""
        if not 0 < n <= _WORD:
            raise ValueError(f"draws: expected a bound from 1 to 2**64, got {n}")
        limit = _WORD - _WORD % n  # above it the last, incomplete run of n words would bias the draw
        while (word := next(self._words)) >= limit:
            pass
        return word % n

    def between(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def choice(self, options: Sequence[str]) -> str:
        """Draw one of the options."""
        return options[self.below(len(options))]

    def shuffled(self, names: Sequence[str]) -> list[str]:
        """Put names into an order of their own: each name's place depends on this key and the name alone.

        One more name leaves the order of the others as it was.
        """
        key = blake2b(self._key, person=_PERSON).digest()
        return sorted(names, key=lambda name: blake2b(name.encode(), key=key, person=_PERSON).digest())
