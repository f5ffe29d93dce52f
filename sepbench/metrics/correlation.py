"""Correlations of long signals at short lags, by blocks of FFTs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sepbench.metrics.arrays import padded, to_host, windows, zeros

__all__ = ["blocks_of", "correlations"]

_AT_ONCE = 5  # blocks: their spectra stay in the cache


def correlations(left: Any, right: Sequence[Any], lags: int, xp: Any) -> Any:
    """Correlate every signal with every other: ``sum_t left[i, t] right[j, t + lag]`` for lags from 0.

    A block of the left signals meets the stretch of the right ones that its lags reach, so a block's FFT has no lag that
    wraps round. Sums over blocks are made of spectra; one inverse FFT per pair is left.

    Parameters
    ----------
    left : array of shape (left, time)
        float64.
    right : sequence of arrays of shape (some, time)
        Taken one after the other; they may be the same as `left`.
    lags : int
        How many.
    xp : module
        The namespace of both.

    Returns
    -------
    ndarray of float64, shape (left, right, lags)
        On the host: it is small.

    Examples
    --------
    >>> import numpy as np
    >>> correlations(np.array([[1.0, 2.0, 0.0]]), [np.array([[0.0, 1.0, 5.0]])], 2, np).round(12).tolist()
    [[[2.0, 11.0]]]
    """
    from sepbench.metrics.spectral_sums import add_products

    size = _size(lags, left.shape[-1])
    step = size - lags + 1
    count = -(-left.shape[-1] // step)
    right = list(right)
    total = zeros((len(left), sum(map(len, right)), size // 2 + 1), left, xp) * 1j
    for first in range(0, count, _AT_ONCE):
        blocks = range(first, min(first + _AT_ONCE, count))
        short = xp.fft.rfft(blocks_of(left, blocks, step, step, xp), size)
        long = (spectra for part in right for spectra in xp.fft.rfft(blocks_of(part, blocks, step, size, xp), size))
        for place, other in enumerate(long):
            for one, sums in zip(short, total[:, place], strict=True):
                add_products(one, other, sums, xp)
    return to_host(xp.fft.irfft(total, size)[..., :lags], xp)


def _size(lags: int, length: int) -> int:
    """Give the FFT's size: with some ten times the lags little is computed twice, and a block stays in the cache."""
    some, whole = (1 << math.ceil(math.log2(count)) for count in (2 * lags, length + lags))
    return min(5 * some, whole)


def blocks_of(signals: Any, blocks: range, step: int, length: int, xp: Any) -> Any:
    """Cut pieces of a length, each a step after the one before, with zeros where the signals have ended."""
    start, stop = blocks.start * step, (blocks.stop - 1) * step + length
    piece = signals[:, start:stop]
    missing = stop - start - piece.shape[-1]
    return windows(padded(piece, 0, missing, xp) if missing else piece, length, step, xp)
