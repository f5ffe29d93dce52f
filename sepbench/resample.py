"""An exact resampler: integers in, integers out, the same on every machine.

The filter is a Kaiser-windowed sinc with 36 zero crossings on each side (beta 11), its corner at the lower of the
two Nyquist frequencies: flat within 0.0001 dB up to 0.9 of it, at least 107 dB down from 1.1 of it. Its coefficients
are the real values times 2^24, rounded half-even to integers. Every product and partial sum is then an integer below
2^53, so float64 arithmetic never rounds, in whatever order, with or without FMA or SIMD. **The coefficients define
corpora: they never change.**

Since the order is free, the sums are made as products of matrices: successive outputs see nearly the same inputs, and
the pattern repeats after a period of outputs. That is three to seven times as fast as a polyphase loop.

A coefficient is computed in float64; where that lies so near to a rounding boundary that an error of the platform's
`sin` could decide, it is computed again with 40 decimal digits.
"""

from __future__ import annotations

import itertools
import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sepbench.audio import MAX_MAGNITUDE, Ints
from sepbench.errors import AudioError, ExactnessError, SignalError, UsageError

__all__ = ["needed_input", "resample", "resample_part", "resampled_frames"]

COEFFICIENT_BITS = 24
_ZERO_CROSSINGS = 36
_BETA = 11
_MAX_RATIO = 4096  # 44,100 → 48,000 is 160 : 147
_BLOCK = 48
_MATRIX_VALUES = 1 << 20  # bounds the matrices of ratios such as 1 : 4096
_WINDOW_VALUES = 1 << 17  # what is multiplied at once: a megabyte, which a processor keeps close
_DOUBT = 1e-4  # of one coefficient step; float64 errs by less than 1e-7 of it


def resampled_frames(frames: int, from_rate: int, to_rate: int) -> int:
    """Give the length of a recording at another rate.

    Examples
    --------
    >>> resampled_frames(44100, 44100, 16000)
    16000
    """
    return -(-frames * to_rate // from_rate)


def needed_input(start: int, stop: int, from_rate: int, to_rate: int, frames: int) -> tuple[int, int]:
    """Say which input samples the outputs from `start` to `stop` - 1 depend on.

    Parameters
    ----------
    start, stop : int
        Places in the resampled recording, up to its `resampled_frames`.
    from_rate, to_rate : int
        In Hz.
    frames : int
        Length of the whole recording.

    Returns
    -------
    first, last : int
        A half-open span of the recording.

    Examples
    --------
    >>> needed_input(16000, 32000, 48000, 16000, 480000)
    (47892, 96106)
    """
    if not 0 <= start <= stop <= resampled_frames(frames, from_rate, to_rate):
        raise UsageError(f"resample: the recording has no samples from {start} to {stop} at {to_rate} Hz")
    if from_rate == to_rate:
        return start, stop
    if start == stop:
        return 0, 0
    first, last = _support(start, stop, *_ratio(from_rate, to_rate))
    return max(0, first), min(frames, last)


def resample_part(samples: Ints, from_rate: int, to_rate: int, *, start: int, stop: int, frames: int) -> Ints:
    """Resample a part of a recording: ``resample(whole, …)[:, start:stop]`` from the samples that it needs.

    Parameters
    ----------
    samples : ndarray of int32, shape (channel, last - first)
        The recording from `first` to `last`, as `needed_input` says.
    from_rate, to_rate : int
        In Hz.
    start, stop : int
        The part, in samples of the resampled recording.
    frames : int
        Length of the whole recording.

    Returns
    -------
    ndarray of int32, shape (channel, stop - start)
    """
    first, last = needed_input(start, stop, from_rate, to_rate, frames)
    if samples.shape[1] != last - first:
        raise SignalError(f"resample: expected the samples from {first} to {last}, got {samples.shape[1]} of them")
    if from_rate == to_rate:
        return samples
    return _outputs(samples, first, start, stop, *_ratio(from_rate, to_rate))


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
    frames = samples.shape[1]
    stop = resampled_frames(frames, from_rate, to_rate)
    return resample_part(samples, from_rate, to_rate, start=0, stop=stop, frames=frames)


def _support(start: int, stop: int, up: int, down: int) -> tuple[int, int]:
    """Give the span of inputs under the filter for the outputs from `start` to `stop` - 1, edges not minded.

    Output k is the sum of x[n] · h[k · down - n · up] over n, where h reaches 36 · max(up, down) to both sides.
    """
    half = _ZERO_CROSSINGS * max(up, down)
    return -((half - start * down) // up), ((stop - 1) * down + half) // up + 1


class _Block(NamedTuple):
    """A few successive outputs of a period as a matrix product: the outputs from `at` on see inputs from `lead` on."""

    at: int
    lead: int
    matrix: NDArray[np.float64]  # (input, output)
    row_sums: NDArray[np.int64]


class _Plan(NamedTuple):
    """How to make a period: ``outputs`` samples from every ``inputs``, the same for each period."""

    inputs: int
    outputs: int
    blocks: list[_Block]


@lru_cache(maxsize=16)
def _plan(up: int, down: int) -> _Plan:
    """Cut a period into blocks of some 48 outputs: a matrix that is wide enough for speed, and not mostly zeros."""
    repeats = max(1, min(_BLOCK // up, _MATRIX_VALUES // (2 * _ZERO_CROSSINGS * max(up, down))))
    outputs = repeats * up
    count = max(1, outputs // _BLOCK)
    edges = [outputs * k // count for k in range(count + 1)]
    taps = coefficients(up, down)
    return _Plan(repeats * down, outputs, [_block(taps, *span, up, down) for span in itertools.pairwise(edges)])


def _block(taps: NDArray[np.float64], start: int, stop: int, up: int, down: int) -> _Block:
    first, last = _support(start, stop, up, down)
    place = np.arange(start, stop) * down - np.arange(first, last)[:, None] * up + len(taps) // 2
    inside = (place >= 0) & (place < len(taps))
    matrix = np.where(inside, taps[np.where(inside, place, 0)], 0.0)
    return _Block(start, first, matrix, matrix.astype(np.int64).sum(axis=1))


def _outputs(samples: Ints, first: int, start: int, stop: int, up: int, down: int) -> Ints:
    """Make the outputs from `start` to `stop` - 1 of a recording that is `samples` from `first` on and else zero.

    Periods are made whole, some hundred at a time, so that long recordings need no more memory than short ones.
    """
    plan = _plan(up, down)
    result: Ints = np.empty((samples.shape[0], stop - start), np.int32)
    widest = max(len(block.matrix) for block in plan.blocks)
    step = max(1, _WINDOW_VALUES // widest)
    for period in range(start // plan.outputs, -(-stop // plan.outputs), step):
        periods = min(step, -(-stop // plan.outputs) - period)
        begin, end = max(start, period * plan.outputs), min(stop, (period + periods) * plan.outputs)
        for channel, out in zip(samples, result, strict=True):
            exact = _periods(channel, first - period * plan.inputs, periods, plan).reshape(-1)
            out[begin - start : end - start] = exact[begin - period * plan.outputs : end - period * plan.outputs]
    if max(result.max(initial=0), -result.min(initial=0)) >= MAX_MAGNITUDE:
        raise AudioError("resample: the signal overshoots full scale by more than 12 dB", "scale the source down")
    return result


def _periods(channel: NDArray[np.int32], first: int, periods: int, plan: _Plan) -> NDArray[np.float64]:
    """Make whole periods of one channel whose samples begin `first` inputs after the first period does."""
    lead = plan.blocks[0].lead
    span = (periods - 1) * plan.inputs + plan.blocks[-1].lead + len(plan.blocks[-1].matrix) - lead
    signal = _zero_extended(channel, lead - first, span)
    sums = np.empty((periods, plan.outputs))
    for block in plan.blocks:
        width, outputs = block.matrix.shape
        windows = sliding_window_view(signal[block.lead - lead :], width)[:: plan.inputs][:periods]
        sums[:, block.at : block.at + outputs] = _product(np.ascontiguousarray(windows), block)
    return np.rint(sums * 2.0**-COEFFICIENT_BITS)


def _zero_extended(channel: NDArray[np.int32], start: int, length: int) -> NDArray[np.float64]:
    """Cut a span out of a channel that is zero before its beginning and after its end."""
    signal = np.zeros(length)
    part = channel[max(0, start) : max(0, start + length)]
    before = max(0, -start)
    signal[before : before + len(part)] = part
    return signal


def _product(windows: NDArray[np.float64], block: _Block) -> NDArray[np.float64]:
    """Multiply matrices of integers, and hold the product's sum against the sum of the product.

    No rounding happens, so every linear algebra library must give the same. Some releases have computed nonsense on
    processors that were newer than they; the check costs a few per cent and would show it. It counts modulo 2^64.
    """
    product = windows @ block.matrix
    found = product.astype(np.int64).sum()
    wanted = np.dot(windows.sum(axis=0).astype(np.int64), block.row_sums)
    if found != wanted:
        raise ExactnessError(
            "resample: the linear algebra library that numpy calls computes wrong sums on this processor",
            "install a current numpy",
        )
    return product


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
