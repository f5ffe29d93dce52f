"""The frames and critical bands that the measures of Loizou's book share.

*Speech Enhancement: Theory and Practice* came with MATLAB code, and the published numbers of segmental SNR, LLR, WSS and
what is composed of them are those of that code and of its translations. So its frames are kept: 30 ms, a hop of a
quarter, a Hann window that is nowhere 0; the last whole frame is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from sepbench.metrics.metric import Floats

__all__ = ["critical_bands", "frame_count", "frame_pairs", "power_spectra", "trimmed_mean"]

_FRAME_S = 0.030
_AT_ONCE = 256  # frames in memory
_KEPT = 0.95  # of the frames: the rest are outliers
# centre and bandwidth in Hz; the first seven bands are 70 Hz wide
_CENTRES = (
    50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72,
    1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
)  # fmt: skip
_WIDTHS = (
    70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823,
    168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
)  # fmt: skip


def _sizes(sample_rate: int) -> tuple[int, int]:
    length = round(_FRAME_S * sample_rate)
    return length, length // 4


def frame_count(samples: int, sample_rate: int) -> int:
    """Give the number of frames of a signal; 0 where it is too short."""
    length, hop = _sizes(sample_rate)
    return max((samples - length) // hop, 0)


def frame_pairs(reference: Floats, estimate: Floats, sample_rate: int) -> Iterator[tuple[Floats, Floats]]:
    """Give the windowed frames of two signals, shape (frame, time), some thousand at a time."""
    length, hop = _sizes(sample_rate)
    count = frame_count(len(reference), sample_rate)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1)))
    views = [
        np.lib.stride_tricks.sliding_window_view(signal, length)[::hop][:count] for signal in (reference, estimate)
    ]
    for first in range(0, count, _AT_ONCE):
        s, s_hat = (view[first : first + _AT_ONCE] * window for view in views)
        yield s, s_hat


@cache
def critical_bands(sample_rate: int) -> tuple[Floats, int]:
    """Give the filters of 25 critical bands up to 3.8 kHz, shape (band, bin), and the length of the transform."""
    length, _ = _sizes(sample_rate)
    points = 1 << (2 * length - 1).bit_length()
    bins = points // 2
    per_hz = bins / (sample_rate / 2)
    centres, widths = np.array(_CENTRES) * per_hz, np.array(_WIDTHS) * per_hz
    distance = (np.arange(bins) - np.floor(centres)[:, None]) / widths[:, None]
    gain = np.exp(-11 * distance**2) * (widths[0] / widths)[:, None]
    filters = np.where(gain > np.exp(-30 / (2 * 2.303)), gain, 0.0)  # cut at -30 dB
    filters.flags.writeable = False
    return filters, points


def power_spectra(frames: Floats, points: int) -> Floats:
    """Give the power spectra of frames up to, not with, the Nyquist frequency, shape (frame, bin)."""
    spectra = np.fft.rfft(frames, points)[:, : points // 2]
    power: Floats = np.square(spectra.real) + np.square(spectra.imag)
    return power


def trimmed_mean(distances: Floats) -> float:
    """Give the mean of the 95 % smallest; NaN where there are none."""
    kept = np.sort(distances)[: int(len(distances) * _KEPT + 0.5)]
    return float(kept.mean()) if len(kept) else float("nan")
