"""An exact resampler: integers in, integers out, the same on every machine.

The filter is a Kaiser-windowed sinc with 36 zero crossings on each side (beta 11), its corner at the lower of the
two Nyquist frequencies: flat within 0.0001 dB up to 0.9 of it, at least 107 dB down from 1.1 of it. Its coefficients
are the real values times 2^24, rounded half-even to integers. Every product and partial sum is then an integer below
2^53, so float64 arithmetic never rounds, in whatever order, with or without FMA or SIMD. **The coefficients define
corpora: they never change.**

A coefficient is computed in float64; where that lies so near to a rounding boundary that an error of the platform's
`sin` could decide, it is computed again with 40 decimal digits.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sepbench.audio import MAX_MAGNITUDE, Ints
from sepbench.errors import AudioError, UsageError

__all__ = ["resample", "resampled_frames"]

COEFFICIENT_BITS = 24
_ZERO_CROSSINGS = 36
_BETA = 11
_MAX_RATIO = 4096  # 44,100 → 48,000 is 160 : 147
_DOUBT = 1e-4  # of one coefficient step; float64 errs by less than 1e-7 of it


def resampled_frames(frames: int, from_rate: int, to_rate: int) -> int:
    """Give the length of a recording at another rate.

    Examples
    --------
    >>> resampled_frames(44100, 44100, 16000)
    16000
    """
    return -(-frames * to_rate // from_rate)


def resample(samples: Ints, from_rate: int, to_rate: int) -> Ints:
    """Resample integer audio exactly.

    Output sample *k* lies at the time of input sample ``k * from_rate / to_rate``: no delay.

    Parameters
    ----------
    samples : ndarray of int32, shape (channel, time)
        On the 24-bit scale, magnitude below 2^25.
    from_rate, to_rate : int
        In Hz.

    Returns
    -------
    ndarray of int32, shape (channel, `resampled_frames`)
        Rounded once, half-even.
    """
    from scipy.signal import upfirdn

    if from_rate == to_rate:
        return samples
    up, down = _ratio(from_rate, to_rate)
    taps = coefficients(up, down)
    half = len(taps) // 2
    # put the centre of the filter on an output sample: pad the filter, then drop what comes before
    lead = -half % down
    frames = resampled_frames(samples.shape[1], from_rate, to_rate)
    padded = np.concatenate([np.zeros(lead), taps])
    exact = upfirdn(padded, samples.astype(np.float64), up, down, axis=1)
    first = (half + lead) // down
    result = np.rint(exact[:, first : first + frames] * 2.0**-COEFFICIENT_BITS)
    if result.shape[1] < frames:  # the last outputs see the end of the signal only
        result = np.pad(result, ((0, 0), (0, frames - result.shape[1])))
    if np.abs(result).max(initial=0) >= MAX_MAGNITUDE:
        raise AudioError("resample: the signal overshoots full scale by more than 12 dB", "scale the source down")
    exact_steps: Ints = result.astype(np.int32)
    return exact_steps


def _ratio(from_rate: int, to_rate: int) -> tuple[int, int]:
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    if max(up, down) > _MAX_RATIO:
        raise UsageError(
            f"resample: {from_rate} Hz to {to_rate} Hz is a ratio of {up} : {down}, beyond {_MAX_RATIO}",
            "resample the recording to a standard rate first",
        )
    return up, down


@lru_cache(maxsize=16)
def coefficients(up: int, down: int) -> NDArray[np.float64]:
    """Give the integer coefficients of the filter for a ratio in lowest terms.

    Parameters
    ----------
    up, down : int
        Output rate and input rate, divided by their greatest common divisor.

    Returns
    -------
    ndarray of float64, shape (72 · max(up, down) + 1,)
        Integers, symmetric about the middle, at ``up`` times the input rate.
    """
    slow = max(up, down)
    half = _ZERO_CROSSINGS * slow
    n = np.arange(half + 1)
    scale = 2.0**COEFFICIENT_BITS * up / slow
    values = scale * np.sinc(n / slow) * np.i0(_BETA * np.sqrt(1 - (n / half) ** 2)) / np.i0(_BETA)
    rounded = np.rint(values)
    doubtful = np.flatnonzero(np.abs(np.abs(values - np.floor(values)) - 0.5) < _DOUBT)
    for k in doubtful:
        rounded[k] = _exact_coefficient(int(k), up, slow)
    taps = np.concatenate([rounded[:0:-1], rounded])
    worst_phase = max(float(np.abs(taps[phase::up]).sum()) for phase in range(up))
    assert worst_phase * MAX_MAGNITUDE < 2**53, "the sums would no longer be exact"
    taps.flags.writeable = False
    return taps


def _exact_coefficient(k: int, up: int, slow: int) -> int:
    """One coefficient with 40 digits: 2^24 · up/slow · sinc(k/slow) · I0(β√(1 − (k/half)²)) / I0(β)."""
    with localcontext() as context:
        context.prec, context.rounding = 50, ROUND_HALF_EVEN
        half = _ZERO_CROSSINGS * slow
        x = Decimal(k) / slow
        sinc = _sin_pi(k, slow) / (_PI * x) if k else Decimal(1)
        window = _bessel_i0(Decimal(_BETA * _BETA) / 4 * (1 - (Decimal(k) / half) ** 2))
        value = 2**COEFFICIENT_BITS * Decimal(up) / slow * sinc * window / _bessel_i0(Decimal(_BETA * _BETA) / 4)
        return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def _sin_pi(numerator: int, denominator: int) -> Decimal:
    """sin(π · numerator / denominator) by its series, after exact reduction to [0, 2)."""
    x = _PI * (numerator % (2 * denominator)) / denominator
    total = term = x
    k = 1
    while abs(term) > Decimal(10) ** -48:
        term *= -x * x / ((k + 1) * (k + 2))
        total += term
        k += 2
    return total


def _bessel_i0(quarter_square: Decimal) -> Decimal:
    """I0(x) = Σ (x²/4)^k / (k!)², from x²/4."""
    total = term = Decimal(1)
    k = 1
    while term > Decimal(10) ** -48:
        term *= quarter_square / (k * k)
        total += term
        k += 1
    return total
