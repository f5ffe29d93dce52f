"""Correlations of long signals at short lags, by blocks of FFTs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from sepbench.metrics.arrays import padded, to_host, zeros

__all__ = ["correlations"]

_AT_ONCE = 8  # blocks: their spectra stay in the cache
_AT_ONCE_OF_TENSORS = 256  # a device has more to do at a time


def correlations(sources: Any, others: Any, lags: int, xp: Any) -> tuple[Any, Any]:
    """Correlate signals with each other, and with others: ``sum_t sources[i, t] others[j, t + lag]`` for lags from 0.

    Blocks follow on each other without overlap. Within one, an FFT gives the correlations at lags of either sign, but for
    what wraps round: there the end of a block meets the beginning of the same block, and not of the next one. What that
    makes at such a seam is a correlation of two short pieces: the end, and the difference of the two beginnings. Both are
    summed as spectra over all blocks, so one inverse FFT per pair is left.

    Parameters
    ----------
    sources, others : arrays of shape (source, time) and (other, time)
        float64.
    lags : int
        How many.
    xp : module
        The namespace of both.

    Returns
    -------
    among, with_others : ndarray of float64, shape (source, source, lags) and (source, other, lags)
        On the host: they are small.

    Examples
    --------
    >>> import numpy as np
    >>> among, with_others = correlations(np.array([[1.0, 2.0, 0.0]]), np.array([[0.0, 1.0, 5.0]]), 2, np)
    >>> among.round(12).tolist(), with_others.round(12).tolist()
    ([[[5.0, 2.0]]], [[[2.0, 11.0]]])
    """
    from sepbench.metrics.spectral_sums import add_products

    size, short = _sizes(lags, sources.shape[-1])
    edge, count, every = lags - 1, len(sources), len(sources) + len(others)
    within = zeros((count, every, size // 2 + 1), sources, xp) * 1j
    at_seams = zeros((count, every, short // 2 + 1), sources, xp) * 1j
    step = size * (_AT_ONCE if xp is np else _AT_ONCE_OF_TENSORS)
    for first in range(0, sources.shape[-1], step):
        blocks, jumps = _blocks(sources, first, step, size, edge, xp)
        mine, ends = xp.fft.rfft(blocks), xp.fft.rfft(blocks[..., size - edge :], short)
        beginnings = xp.fft.rfft(jumps, short)
        for row in range(count):
            add_products(mine[row], mine[row:], within[row, row:count], xp)
            add_products(ends[row], beginnings, at_seams[row, :count], xp)
        blocks, jumps = _blocks(others, first, step, size, edge, xp)
        theirs, beginnings = xp.fft.rfft(blocks), xp.fft.rfft(jumps, short)
        for row in range(count):
            add_products(mine[row], theirs, within[row, count:], xp)
            add_products(ends[row], beginnings, at_seams[row, count:], xp)
    circular, seams = (to_host(xp.fft.irfft(*sums), xp) for sums in ((within, size), (at_seams, short)))
    found = circular[..., :lags] + seams[..., np.arange(lags) - edge]
    for earlier, later in itertools.combinations(range(count), 2):  # the same pair at lags of the other sign
        found[later, earlier] += circular[earlier, later, -np.arange(lags)]
    return found[:, :count], found[:, count:]


def _blocks(signals: Any, first: int, step: int, size: int, edge: int, xp: Any) -> tuple[Any, Any]:
    """Cut the next blocks, and give what the beginning of the block after each has more than its own; zeros follow on the signals."""
    count = -(-min(step, signals.shape[-1] - first) // size)
    stop = first + count * size
    piece = signals[:, first : stop + edge]
    missing = stop + edge - first - piece.shape[-1]
    piece = padded(piece, 0, missing, xp) if missing else piece
    blocks = piece[:, : count * size].reshape(len(piece), count, size)
    after = xp.concatenate([blocks[:, 1:, :edge], piece[:, None, count * size :]], axis=1)
    return blocks, after - blocks[..., :edge]


def _sizes(lags: int, length: int) -> tuple[int, int]:
    """Give the FFT's sizes for a block and for a seam: with eight times the lags seams cost little, and a block stays in the cache."""
    short, whole = (1 << math.ceil(math.log2(count)) for count in (2 * lags, length + lags))
    return min(4 * short, whole), short
