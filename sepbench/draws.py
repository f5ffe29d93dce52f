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
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from itertools import count
from json.encoder import encode_basestring_ascii
from struct import Struct

__all__ = ["Draws", "Purpose", "draws_for", "standard_normal"]

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

    @property
    def split(self) -> str:
        """The split that the items are of."""
        return self._key[3]

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


_DECIMAL = Context(prec=40, rounding=ROUND_HALF_EVEN)


def standard_normal(word: int, bits: int) -> Decimal:
    """Turn a uniform integer of so many bits into a number of the standard normal distribution.

    In decimal arithmetic, whose roots and logarithms are correctly rounded on every platform: no library's `log` decides.

    References
    ----------
    Wichura (1988), "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37, PPND16: good to
    one part in 10^16.

    Examples
    --------
    >>> float(standard_normal((1 << 53) // 2, 53)) < 1e-15, round(standard_normal((1 << 53) * 975 // 1000, 53), 6)
    (True, Decimal('1.959964'))
    """
    p = _DECIMAL.divide(Decimal(2 * word + 1), Decimal(1 << (bits + 1)))
    q = p - Decimal("0.5")
    if abs(q) <= Decimal("0.425"):
        return _DECIMAL.multiply(q, _ratio(_CENTRE, Decimal("0.180625") - _DECIMAL.multiply(q, q)))
    r = _DECIMAL.sqrt(-_DECIMAL.ln(p if q < 0 else 1 - p))
    value = _ratio(_FLANK, r - Decimal("1.6")) if r <= 5 else _ratio(_TAIL, r - 5)
    return -value if q < 0 else value


def _ratio(coefficients: tuple[tuple[Decimal, ...], tuple[Decimal, ...]], r: Decimal) -> Decimal:
    """Evaluate a ratio of polynomials, highest power first."""
    over, under = Decimal(0), Decimal(0)
    for a, b in zip(*coefficients, strict=True):
        over, under = _DECIMAL.fma(over, r, a), _DECIMAL.fma(under, r, b)
    return _DECIMAL.divide(over, under)


def _decimals(numbers: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, numbers.split()))


_CENTRE = (
    _decimals(
        "2.5090809287301226727e+3 3.3430575583588128105e+4 6.7265770927008700853e+4 4.5921953931549871457e+4 "
        "1.3731693765509461125e+4 1.9715909503065514427e+3 1.3314166789178437745e+2 3.3871328727963666080e+0"
    ),
    _decimals(
        "5.2264952788528545610e+3 2.8729085735721942674e+4 3.9307895800092710610e+4 2.1213794301586595867e+4 "
        "5.3941960214247511077e+3 6.8718700749205790830e+2 4.2313330701600911252e+1 1"
    ),
)
_FLANK = (
    _decimals(
        "7.74545014278341407640e-4 2.27238449892691845833e-2 2.41780725177450611770e-1 1.27045825245236838258e+0 "
        "3.64784832476320460504e+0 5.76949722146069140550e+0 4.63033784615654529590e+0 1.42343711074968357734e+0"
    ),
    _decimals(
        "1.05075007164441684324e-9 5.47593808499534494600e-4 1.51986665636164571966e-2 1.48103976427480074590e-1 "
        "6.89767334985100004550e-1 1.67638483018380384940e+0 2.05319162663775882187e+0 1"
    ),
)
_TAIL = (
    _decimals(
        "2.01033439929228813265e-7 2.71155556874348757815e-5 1.24266094738807843860e-3 2.65321895265761230930e-2 "
        "2.96560571828504891230e-1 1.78482653991729133580e+0 5.46378491116411436990e+0 6.65790464350110377720e+0"
    ),
    _decimals(
        "2.04426310338993978564e-15 1.42151175831644588870e-7 1.84631831751005468180e-5 7.86869131145613259100e-4 "
        "1.48753612908506148525e-2 1.36929880922735805310e-1 5.99832206555887937690e-1 1"
    ),
)
