"""Octave's resampler, which the published values of STOI were made with, as one matrix product.

A block of outputs depends on a stretch of inputs, and the next block on the next stretch in the same way. So the filter is
written once into a matrix (input, output), and all blocks go through it together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.metrics.arrays import to_host, to_namespace, zeros

__all__ = ["resample"]

_OUTPUTS = 40  # of a block, at least: fewer repeat much input, more multiply by many zeros
_AT_ONCE = 250  # blocks: so small a product takes no copies in BLAS
_LARGEST = 4_000_000  # numbers in a matrix; ratios of unwieldy rates would need more


def resample(signals: Sequence[Any], from_rate: int, to_rate: int, xp: Any) -> Any:
    """Resample signals of one length, and put them into one array of shape (signal, time).

    Parameters
    ----------
    signals : sequence of arrays of shape (time,)
        float64, of the namespace `xp`.
    from_rate, to_rate : int
        In Hz.

    Examples
    --------
    >>> constant = resample(np.ones((1, 1600)), 16000, 10000, np)
    >>> constant.shape, bool(abs(constant[0, 400:600] - 1).max() < 1e-3)
    ((1, 1000), True)
    """
    if from_rate == to_rate:
        return xp.stack(list(signals))
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    repeats = max(1, _OUTPUTS // up)
    half = (len(_low_pass(up, down)) - 1) // 2
    if (repeats * down + 2 * (half // up) + 1) * repeats * up > _LARGEST:
        resampled = _by_scipy(np.stack([to_host(signal, xp) for signal in signals]), up, down)
        return to_namespace(resampled, signals[0], xp)
    parts, before = _matrix(up, down, repeats)
    length, step = -(-len(signals[0]) * up // down), repeats * down
    blocks = -(-length // (repeats * up))
    inputs = zeros((len(signals), blocks + len(parts) - 1, step), signals[0], xp)
    for row, signal in zip(inputs.reshape(len(signals), -1), signals, strict=True):
        piece = signal[: len(row) - before]
        row[before : before + len(piece)] = piece
    outputs = zeros((len(signals), blocks, repeats * up), signals[0], xp)
    matrices = to_namespace(parts, signals[0], xp)
    at_once = _AT_ONCE if xp is np else blocks
    for first in range(0, blocks, at_once):
        some = outputs[:, first : first + at_once]
        for shift, matrix in enumerate(matrices, start=first):
            some += xp.matmul(inputs[:, shift : shift + some.shape[1]], matrix)
    return outputs.reshape(len(signals), -1)[:, :length]


@lru_cache(maxsize=32)
def _low_pass(up: int, down: int) -> NDArray[np.float64]:
    """Design the filter of Octave's `resample`: a sinc in a Kaiser window, 60 dB down, a tenth of its cutoff wide."""
    rejection_db = 60.0
    cutoff = 1 / (2 * max(up, down))
    half = math.ceil((rejection_db - 8) / (28.714 * cutoff / 10))
    time = np.arange(-half, half + 1)
    taps = np.kaiser(2 * half + 1, 0.1102 * (rejection_db - 8.7)) * np.sinc(2 * cutoff * time)
    scaled: NDArray[np.float64] = up * taps / taps.sum()
    return scaled


@lru_cache(maxsize=32)
def _matrix(up: int, down: int, repeats: int) -> tuple[NDArray[np.float64], int]:
    """Write the filter as a matrix (input, output), and say how many inputs lie before a block's first output.

    The matrix comes in parts of as many inputs as a block goes on by, shape (part, input, output): so each part meets whole
    rows of the signal, and no stretch is ever copied.
    """
    taps = _low_pass(up, down)
    half = (len(taps) - 1) // 2
    before = half // up
    inputs = np.arange(-before, repeats * down + half // up + 1)
    lag = half + np.arange(repeats * up) * down - inputs[:, None] * up
    inside = (lag >= 0) & (lag < len(taps))
    matrix = np.where(inside, taps[np.clip(lag, 0, len(taps) - 1)], 0.0)
    parts = np.zeros((-(-len(matrix) // (repeats * down)), repeats * down, repeats * up))
    parts.reshape(-1, repeats * up)[: len(matrix)] = matrix
    return parts, before


def _by_scipy(signals: NDArray[np.float64], up: int, down: int) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    resampled: NDArray[np.float64] = resample_poly(signals, up, down, axis=-1, window=_low_pass(up, down) / up)
    return resampled
