"""Spectrograms as pictures: all signals of a mixture on one scale."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.audio import read_pcm

__all__ = ["Spectrogram", "spectrograms", "spectrograms_of"]

FLOOR_DB = -80.0
MAX_COLUMNS, MAX_ROWS = 640, 256
Signal = NDArray[np.floating[Any]]


class Spectrogram(NamedTuple):
    """A picture of a signal.

    Attributes
    ----------
    png : bytes
    duration_s, highest_hz : float
        What its right and its upper edge stand for; time starts at 0 s, frequency at 0 Hz.
    """

    png: bytes
    duration_s: float
    highest_hz: float


def spectrograms(paths: Mapping[str, Path]) -> dict[str, Spectrogram]:
    """Picture recordings; see `spectrograms_of`.

    Parameters
    ----------
    paths : mapping of str to Path
        By part; one of them is ``mixture``.

    Raises
    ------
    AudioError
        If one can't be decoded.
    """
    recordings = {part: read_pcm(path) for part, path in paths.items()}
    return spectrograms_of(
        {part: (pcm.samples / float(1 << (pcm.bits - 1)), pcm.sample_rate) for part, pcm in recordings.items()}
    )


def spectrograms_of(signals: Mapping[str, tuple[Signal, int]]) -> dict[str, Spectrogram]:
    """Picture signals that belong together on one scale: 0 dB is the loudest point of the mixture.

    Parameters
    ----------
    signals : mapping of str to (ndarray of float, shape (channel, time), int)
        By part, with the sample rate in Hz; one of them is ``mixture``.
    """
    powers = {part: _power(*signal) for part, signal in signals.items()}
    loudest = float(powers["mixture"][0].max()) or 1.0
    pictures = {}
    for part, (power, duration_s, highest_hz) in powers.items():
        with np.errstate(divide="ignore"):
            level_db = 10 * np.log10(power / loudest)
        pictures[part] = Spectrogram(_png(np.clip(level_db, FLOOR_DB, 0.0)), duration_s, highest_hz)
    return pictures


def _power(signal: Signal, sample_rate: int) -> tuple[NDArray[np.float64], float, float]:
    """Give the power in time and frequency, mean over channels, at most as fine as a picture can show."""
    length = signal.shape[1]
    taps = 1 << round(np.log2(0.032 * sample_rate))
    hop = max(taps // 4, length // MAX_COLUMNS)
    signal = np.pad(signal, ((0, 0), (0, max(0, taps - length))))
    frames = np.lib.stride_tricks.sliding_window_view(signal, taps, axis=1)[:, ::hop]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(taps))) ** 2, axis=0).T
    thinning = -(-power.shape[0] // MAX_ROWS)
    power = np.maximum.reduceat(power, np.arange(0, power.shape[0], thinning), axis=0)  # a peak must stay a peak
    return power, length / sample_rate, sample_rate / 2


def _png(level_db: NDArray[np.float64]) -> bytes:
    """Write levels as a picture of 256 colours, low frequencies at the bottom."""
    from matplotlib import colormaps
    from PIL import Image

    steps = np.rint((level_db[::-1] / -FLOOR_DB + 1) * 255).astype(np.uint8)
    colours = np.rint(colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    picture = Image.fromarray(steps)
    picture.putpalette(colours.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
