"""Levels and gains in exact arithmetic.

Energies are sums of squares of integers, as Python integers. A gain is a 28-bit mantissa and a shift,
``mantissa * 2**-shift``, so its product with a source sample (magnitude below 2^25) is exact in float64. Gains are
computed from energies and wanted levels in `decimal`, whose exp and ln are correctly rounded on every platform.
**The form of the gains defines corpora: it never changes.**
"""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SilentSignalError

__all__ = ["MAX_LEVEL_MDB", "Gain", "amplitude", "energy", "gain_for_snr", "ratio_db", "ratio_mdb"]

MAX_LEVEL_MDB = 300_000  # of a ratio or a level, either way: beyond it no sound is left, only arithmetic
_MANTISSA_BITS = 28
_BLOCK = 4096  # 2^12 squares of magnitude 2^50 stay below 2^63
_EXACT = 1 << 53
_DECIMAL = Context(prec=50, rounding=ROUND_HALF_EVEN)
_LN10 = _DECIMAL.ln(Decimal(10))


class Gain(NamedTuple):
    """A factor ``mantissa * 2**-shift`` with a mantissa from 2^27 to 2^28 - 1.

    Examples
    --------
    >>> Gain.of(Decimal("0.5"))
    Gain(mantissa=134217728, shift=28)
    >>> float(Gain.of(Decimal("0.5")))
    0.5
    """

    mantissa: int
    shift: int

    @classmethod
    def of(cls, value: Decimal, *, rounding: str = ROUND_HALF_EVEN) -> Gain:
        """Round a positive number to a gain."""
        if not value > 0:
            raise SilentSignalError(f"level: a gain must be positive, got {value}")
        shift = _MANTISSA_BITS - 1 - math.floor(math.log2(value))
        while True:  # log2 of a float may be off by one at a power of two
            scaled = _DECIMAL.multiply(value, _DECIMAL.power(Decimal(2), shift))
            mantissa = int(scaled.to_integral_value(rounding=rounding, context=_DECIMAL))
            if mantissa >= 1 << _MANTISSA_BITS:
                shift -= 1
            elif mantissa < 1 << (_MANTISSA_BITS - 1):
                shift += 1
            else:
                return cls(mantissa, shift)

    def decimal(self) -> Decimal:
        """Give the gain as a decimal number of 50 digits."""
        return _DECIMAL.multiply(Decimal(self.mantissa), _DECIMAL.power(Decimal(2), -self.shift))

    def __float__(self) -> float:
        return math.ldexp(self.mantissa, -self.shift)

    def __mul__(self, other: object) -> Gain:
        if not isinstance(other, Gain):
            return NotImplemented
        return Gain.of(_DECIMAL.multiply(self.decimal(), other.decimal()))


UNITY = Gain(1 << (_MANTISSA_BITS - 1), _MANTISSA_BITS - 1)


def energy(samples: NDArray[Any]) -> int:
    """Sum the squares of integer samples over all channels, exactly.

    Parameters
    ----------
    samples : ndarray of int, shape (channel, time)
        Magnitude up to 2^25.

    Examples
    --------
    >>> energy(np.array([[3, -4]]))
    25
    """
    if samples.dtype == np.int16:
        return energy_of_floats(samples.astype(np.float64), 1 << 15)
    flat = samples.reshape(-1).astype(np.int64)
    whole = len(flat) // _BLOCK * _BLOCK
    blocks = flat[:whole].reshape(-1, _BLOCK)
    tail = flat[whole:]
    squares: list[int] = np.einsum("ij,ij->i", blocks, blocks).tolist()
    return sum(squares) + int(np.dot(tail, tail))


def energy_of_floats(samples: NDArray[np.float64], peak: int) -> int:
    """Sum the squares of whole numbers that are held as floats, exactly.

    Parameters
    ----------
    samples : ndarray of float64
    peak : int
        No magnitude is above it.
    """
    flat = samples.reshape(-1)
    if peak * peak * flat.size < _EXACT:  # then every partial sum is exact, in any order
        return int(np.einsum("i,i->", flat, flat))  # not `dot`: some builds of BLAS compute wrong sums
    return energy(flat.astype(np.int64))


@lru_cache(maxsize=1 << 16)
def amplitude(level_mdb: int | Decimal) -> Decimal:
    """Turn a level in thousandths of a decibel into an amplitude ratio.

    Examples
    --------
    >>> round(amplitude(-6000), 6)
    Decimal('0.501187')
    """
    return _DECIMAL.exp(_DECIMAL.multiply(_LN10, _DECIMAL.divide(Decimal(level_mdb), Decimal(20000))))


def gain_for_snr(target_energy: int, other_energy: int, snr_mdb: int) -> Decimal:
    """Give the factor for the other signal that puts the target `snr_mdb` above it.

    Parameters
    ----------
    target_energy, other_energy : int
        From `energy`, over the whole mixture.
    snr_mdb : int
        Wanted ratio in thousandths of a decibel.

    Raises
    ------
    SilentSignalError
        If either energy is zero: no gain can reach the ratio.
    """
    if target_energy == 0 or other_energy == 0:
        raise SilentSignalError("level: a silent signal has no ratio to another", "choose another excerpt")
    root = _DECIMAL.sqrt(_DECIMAL.divide(Decimal(target_energy), Decimal(other_energy)))
    return _DECIMAL.multiply(root, amplitude(-snr_mdb))


def gain_for_level(own_energy: int, samples: int, level_mdbfs: int, bits: int) -> Decimal:
    """Give the factor that brings a signal to an RMS level below full scale.

    Parameters
    ----------
    own_energy : int
        From `energy`.
    samples : int
        How many samples it was summed over, all channels together.
    level_mdbfs : int
        Wanted RMS in thousandths of a decibel; 0 is a constant at full scale.
    bits : int
        The scale of the samples.
    """
    if own_energy == 0:
        raise SilentSignalError("level: a silent signal can't be brought to a level", "choose another excerpt")
    rms = _DECIMAL.sqrt(_DECIMAL.divide(Decimal(own_energy), Decimal(samples)))
    return _DECIMAL.divide(_DECIMAL.multiply(amplitude(level_mdbfs), Decimal(1 << (bits - 1))), rms)


def gain_for_peak(limit: int, peak: float) -> Gain:
    """Give the largest gain that brings a peak down to a limit."""
    return Gain.of(_DECIMAL.divide(Decimal(limit), Decimal(peak)), rounding=ROUND_DOWN)


def ratio_db(numerator: int, denominator: int) -> float:
    """Turn a ratio of energies into decibels; a zero gives an infinity, two zeros NaN.

    Examples
    --------
    >>> ratio_db(100, 1), ratio_db(1, 0)
    (20.0, inf)
    """
    if denominator == 0:
        return math.nan if numerator == 0 else math.inf
    if numerator == 0:
        return -math.inf
    return 10 * math.log10(numerator / denominator)


def ratio_mdb(numerator: int, denominator: int) -> Decimal:
    """Turn a ratio of energies, both positive, into thousandths of a decibel."""
    return _DECIMAL.multiply(Decimal(10000), _DECIMAL.log10(_DECIMAL.divide(Decimal(numerator), Decimal(denominator))))
