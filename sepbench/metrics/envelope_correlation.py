"""The correlations of STOI and ESTOI, between short stretches of two signals' envelopes: one text, compiled or not.

Envelopes have shape (band, frame), float64. A segment of `SEGMENT` frames begins in each frame, and everything is a sum over the
frames of a segment: so the loops run over the places in a segment, with all segments side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import compiled, either

__all__ = ["SEGMENT", "extended", "plain"]

Floats = NDArray[np.float64]
SEGMENT = 30
_CLIP = 1 + 10 ** (15 / 20)  # at a signal-to-distortion ratio of -15 dB
_ROUNDING = 1e-13


def _square_by_numpy(x: Floats, y: Floats, at: int, x_sum: Floats, x_squares: Floats, y_squares: Floats) -> None:
    x, y = x[at : at + len(x_sum)], y[at : at + len(x_sum)]
    x_sum += x
    x_squares += x * x
    y_squares += y * y


def _square_by_loop(x: Floats, y: Floats, at: int, x_sum: Floats, x_squares: Floats, y_squares: Floats) -> None:
    start = np.uint64(at)
    for k in range(np.uint64(len(x_sum))):
        x_sum[k] += x[start + k]
        x_squares[k] += x[start + k] * x[start + k]
        y_squares[k] += y[start + k] * y[start + k]


def _clip_by_numpy(
    x: Floats, y: Floats, alpha: Floats, at: int, y_sum: Floats, y_squares: Floats, products: Floats
) -> None:
    x, y = x[at : at + len(alpha)], y[at : at + len(alpha)]
    clipped = np.minimum(y * alpha, x * _CLIP)
    y_sum += clipped
    y_squares += clipped * clipped
    products += clipped * x


def _clip_by_loop(
    x: Floats, y: Floats, alpha: Floats, at: int, y_sum: Floats, y_squares: Floats, products: Floats
) -> None:
    start = np.uint64(at)
    for k in range(np.uint64(len(alpha))):
        clipped = min(y[start + k] * alpha[k], x[start + k] * _CLIP)
        y_sum[k] += clipped
        y_squares[k] += clipped * clipped
        products[k] += clipped * x[start + k]


def _normal_by_numpy(
    x: Floats, y: Floats, at: int, x_scale: Floats, x_mean: Floats, y_scale: Floats, y_mean: Floats, sums: Floats
) -> None:
    p = x[at : at + len(x_scale)] * x_scale - x_mean
    q = y[at : at + len(x_scale)] * y_scale - y_mean
    sums[0] += p
    sums[1] += q
    sums[2] += p * p
    sums[3] += q * q
    sums[4] += p * q


def _normal_by_loop(
    x: Floats, y: Floats, at: int, x_scale: Floats, x_mean: Floats, y_scale: Floats, y_mean: Floats, sums: Floats
) -> None:
    start = np.uint64(at)
    for k in range(np.uint64(len(x_scale))):
        p = x[start + k] * x_scale[k] - x_mean[k]
        q = y[start + k] * y_scale[k] - y_mean[k]
        sums[0, k] += p
        sums[1, k] += q
        sums[2, k] += p * p
        sums[3, k] += q * q
        sums[4, k] += p * q


_square = either(_square_by_loop, _square_by_numpy)
_clip = either(_clip_by_loop, _clip_by_numpy)
_normal = either(_normal_by_loop, _normal_by_numpy)


@compiled
def _moving(squares: Floats, total: Floats, count: int) -> Floats:
    """Give the energy around the mean, and zero where that is rounding: such an envelope does not move."""
    energy = squares - total * total / count
    return np.where(energy > _ROUNDING * squares, energy, 0.0)


@compiled
def _divided(a: Floats, b: Floats) -> Floats:
    """Divide; what does not move has no share."""
    return np.where(b > 0, a / np.where(b > 0, b, 1.0), 0.0)


@compiled
def plain(x: Floats, y: Floats) -> float:
    """Correlate the envelopes of each segment, after scaling and clipping the estimate's (eq. 3 and 5 of STOI's paper)."""
    bands, frames = x.shape
    count = frames - SEGMENT + 1
    total = 0.0
    for band in range(bands):
        x_sum, x_squares, y_squares = np.zeros(count), np.zeros(count), np.zeros(count)
        for place in range(SEGMENT):
            _square(x[band], y[band], place, x_sum, x_squares, y_squares)
        alpha = np.sqrt(_divided(x_squares, y_squares))
        y_sum, y_squares, products = np.zeros(count), np.zeros(count), np.zeros(count)
        for place in range(SEGMENT):
            _clip(x[band], y[band], alpha, place, y_sum, y_squares, products)
        moves = _moving(x_squares, x_sum, SEGMENT) * _moving(y_squares, y_sum, SEGMENT)
        total += _divided(products - x_sum * y_sum / SEGMENT, np.sqrt(moves)).sum()
    return float(total / (bands * count))


@compiled
def extended(x: Floats, y: Floats) -> float:
    """Correlate the spectra within each segment, after normalising it over time, then over bands (eq. 4 and 6 of ESTOI's paper)."""
    bands, frames = x.shape
    count = frames - SEGMENT + 1
    scales, means = np.zeros((2, bands, count)), np.zeros((2, bands, count))
    for band in range(bands):
        for which in range(2):
            part = x[band] if which == 0 else y[band]
            part_sum, squares, unused = np.zeros(count), np.zeros(count), np.zeros(count)
            for place in range(SEGMENT):
                _square(part, part, place, part_sum, squares, unused)
            scales[which, band] = _divided(np.ones(count), np.sqrt(_moving(squares, part_sum, SEGMENT)))
            means[which, band] = scales[which, band] * part_sum / SEGMENT
    total = 0.0
    for place in range(SEGMENT):
        sums = np.zeros((5, count))
        for band in range(bands):
            _normal(x[band], y[band], place, scales[0, band], means[0, band], scales[1, band], means[1, band], sums)
        moves = _moving(sums[2], sums[0], bands) * _moving(sums[3], sums[1], bands)
        total += _divided(sums[4] - sums[0] * sums[1] / bands, np.sqrt(moves)).sum()
    return float(total / (count * SEGMENT))
