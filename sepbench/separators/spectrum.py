"""The short-time Fourier transform that the masks of this package live in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sepbench.separators.protocol import Signal

__all__ = ["Spectrum", "signal_of", "spectrum_of", "window_length"]

Spectrum = NDArray[np.complex64]

_WINDOW_S = 0.032


def window_length(sample_rate: int) -> int:
    """Give the usual window's length in samples: 32 ms, rounded up to a power of two.

    Examples
    --------
    >>> window_length(16000), window_length(44100)
    (512, 2048)
    """
    return max(8, 1 << (math.ceil(_WINDOW_S * sample_rate) - 1).bit_length())


def spectrum_of(signal: Signal, length: int, *, overlap: int = 4) -> Spectrum:
    """Transform a signal of any length, with periodic Hann windows.

    Parameters
    ----------
    signal : ndarray of float32, shape (channel, time)
    length : int
        Of the window, in samples.
    overlap : int
        How many windows lie over each sample.

    Returns
    -------
    ndarray of complex64, shape (channel, frequency, frame)
    """
    from scipy.signal import stft

    missing = max(0, length - signal.shape[-1])  # scipy would take a shorter window instead
    padded = np.pad(signal, ((0, 0), (0, missing)))
    _, _, spectrum = stft(padded, nperseg=length, noverlap=length - length // overlap)
    return np.asarray(spectrum, dtype=np.complex64)


def signal_of(spectrum: Spectrum, frames: int, *, overlap: int = 4) -> Signal:
    """Transform back, to the signal's length in samples."""
    from scipy.signal import istft

    length = 2 * (spectrum.shape[-2] - 1)
    _, signal = istft(spectrum, nperseg=length, noverlap=length - length // overlap)
    return np.ascontiguousarray(signal[:, :frames], dtype=np.float32)
