"""Signals through many short filters, piece by piece: what a projection looks like as a waveform."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from sepbench.metrics.arrays import padded, to_namespace, windows

__all__ = ["Pieces", "filtered", "pieces", "responses"]


class Pieces(NamedTuple):
    """Spectra of overlapping pieces of signals, shape (source, piece, frequency), and what they were made of."""

    spectra: Any
    length: int
    taps: int
    size: int


def pieces(signals: Any, taps: int, xp: Any) -> Pieces:
    """Cut signals of shape (source, time) into pieces that overlap by the length of a filter, and transform them."""
    length = signals.shape[-1] + taps - 1
    size = _size(length, taps)
    step = size - taps + 1
    count = -(-length // step)
    cut = windows(padded(signals, taps - 1, count * step - signals.shape[-1], xp), size, step, xp)
    return Pieces(xp.fft.rfft(cut, size), length, taps, size)


def responses(filters: Any, of: Pieces, like: Any, xp: Any) -> Any:
    """Transform filters of shape (source, output, tap), which lie on the host, for the pieces that they will meet."""
    return xp.fft.rfft(to_namespace(filters, like, xp), of.size)


def filtered(of: Pieces, response: Any, xp: Any) -> Any:
    """Sum the filtered sources up for every output, shape (output, time + taps - 1).

    Examples
    --------
    >>> import numpy as np
    >>> signals = np.array([[1.0, 2.0, 3.0]])
    >>> cut = pieces(signals, 2, np)
    >>> filtered(cut, responses(np.array([[[1.0, -1.0]]]), cut, signals, np), np).round(12).tolist()
    [[1.0, 1.0, 1.0, -3.0]]
    """
    spectra = xp.einsum("spf,srf->rpf", of.spectra, response)
    whole = xp.fft.irfft(spectra, of.size)[..., of.taps - 1 :]  # what wrapped round is left out
    return whole.reshape(len(whole), -1)[:, : of.length]


def _size(length: int, taps: int) -> int:
    """Give the FFT's size: some sixteen times the taps waste little and stay in the cache."""
    return 1 << math.ceil(math.log2(min(16 * taps, length + taps)))
