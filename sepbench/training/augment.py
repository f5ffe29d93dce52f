"""Variety for little data: what is drawn for a segment before it is mixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepbench.draws import Draws

__all__ = ["coloured", "played"]

Floats = NDArray[np.float32]


def coloured(signal: Floats, draws: Draws, strength: float) -> Floats:
    """Filter with three random taps: another microphone, another room's colour.

    Parameters
    ----------
    signal : ndarray of shape (time,)
        Not modified.
    strength : float
        The second and third tap are drawn from ±strength, the first is 1; 0 leaves the signal as it is.

    References
    ----------
    Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", MMSP 2018, eq. 7, its
    numerator.
    """
    taps = [_uniform(draws, strength) for _ in range(2)]
    filtered = signal.copy()
    filtered[1:] += np.float32(taps[0]) * signal[:-1]
    filtered[2:] += np.float32(taps[1]) * signal[:-2]
    return filtered


def played(signal: NDArray[np.float32], length: int, draws: Draws, strength: float) -> Floats:
    """Play a signal faster or slower, by linear interpolation: another voice, another engine.

    Parameters
    ----------
    signal : ndarray of shape (time,)
        At least ``length * (1 + strength)`` samples are read where it has them; zeros follow where it ends before.
    length : int
        Of what comes back.
    strength : float
        The speed is drawn from 1 ± strength.
    """
    if not strength:
        return signal[:length].copy()
    speed = 1 + _uniform(draws, strength)
    played: Floats = np.interp(np.arange(length) * speed, np.arange(len(signal)), signal, right=0.0).astype(np.float32)
    return played


def _uniform(draws: Draws, limit: float) -> float:
    """Draw from ±limit, in thousandths of it."""
    return limit * draws.between(-1000, 1000) / 1000
