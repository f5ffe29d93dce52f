"""Distances of short-time spectra: of their linear predictions (LLR), and of their slopes (WSS)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sepbench.metrics.frames import critical_bands, frame_pairs, power_spectra, trimmed_mean
from sepbench.metrics.metric import Floats, each_signal, paired, whole_rate

__all__ = ["llr", "wss"]

_ORDER, _NARROWBAND_ORDER, _WIDEBAND_FROM = 16, 10, 10000
_LOWEST_RATE = 8000  # the critical bands end below half of it
_NEAR_MAX_DB, _NEAR_PEAK_DB = 20.0, 1.0  # Klatt's constants


def llr(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the log-likelihood ratio of two linear predictions, as CSIG and COVL take it.

    The mean over the 95 % smallest of the frames of 30 ms, with order 16 (10 below 10 kHz). A single frame is not
    limited to 2, as it is where the LLR stands alone. A silent frame of the estimate predicts nothing; frames of a
    silent reference are left out.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        In Hz, at least 8000.

    Returns
    -------
    ndarray of float64, shape (...)
        0 where the spectral envelopes are the same; NaN below two frames or where the reference is silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    References
    ----------
    Quackenbush, Barnwell and Clements, *Objective Measures of Speech Quality*, 1988.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal(16000)
    >>> abs(float(llr(noise, -3 * noise, 16000))) < 1e-12
    True
    >>> bool(llr(noise, np.cumsum(noise), 16000) > 0.5)
    True
    """
    reference, estimate = paired(reference, estimate, where="llr")
    order = _ORDER if sample_rate >= _WIDEBAND_FROM else _NARROWBAND_ORDER
    return _over_frames("llr", lambda s, s_hat: _frame_llr(s, s_hat, order), reference, estimate, sample_rate)


def wss(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute Klatt's weighted distance of spectral slopes.

    The mean over the 95 % smallest of the frames of 30 ms, over 25 critical bands up to 3.8 kHz. A silent frame of the
    estimate has no slopes; frames of a silent reference are left out. Where a slope rises, the nearest peak is taken one
    band too low, as the published code does.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        In Hz, at least 8000.

    Returns
    -------
    ndarray of float64, shape (...)
        0 where the slopes are the same; NaN below two frames or where the reference is silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    References
    ----------
    Klatt, *Prediction of perceived phonetic distance from critical-band spectra: a first step*, ICASSP 1982.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal(16000)
    >>> abs(float(wss(noise, -3 * noise, 16000))) < 1e-12
    True
    >>> bool(wss(noise, np.cumsum(noise), 16000) > 10)
    True
    """
    reference, estimate = paired(reference, estimate, where="wss")
    return _over_frames(
        "wss", lambda s, s_hat: _frame_wss(s, s_hat, int(sample_rate)), reference, estimate, sample_rate
    )


def _over_frames(
    name: str, distance: Callable[[Floats, Floats], Floats], reference: Floats, estimate: Floats, sample_rate: int
) -> Floats:
    rate = whole_rate(sample_rate, where=name, lowest=_LOWEST_RATE)

    def mean(s: Floats, s_hat: Floats) -> float:
        with np.errstate(all="ignore"):
            parts = [distance(*pair) for pair in frame_pairs(s, s_hat, rate)]
        distances = np.concatenate(parts) if parts else np.empty(0)
        return trimmed_mean(distances)

    return each_signal(mean, reference, estimate)


def _frame_llr(s: Floats, s_hat: Floats, order: int) -> Floats:
    """Give the LLR of each frame with a reference."""
    heard = s.any(axis=1)
    correlation, correlation_hat = (_autocorrelation(x[heard], order) for x in (s, s_hat))
    apart = np.abs(np.subtract.outer(np.arange(order + 1), np.arange(order + 1)))
    matrix = correlation[:, apart]
    error, error_hat = (
        np.einsum("fi,fij,fj->f", a, matrix, a) for a in map(_predictor, (correlation, correlation_hat))
    )
    ratio: Floats = np.log(error_hat / error)
    return ratio


def _autocorrelation(frames: Floats, order: int) -> Floats:
    length = frames.shape[1]
    lags = [np.einsum("ft,ft->f", frames[:, : length - k], frames[:, k:]) for k in range(order + 1)]
    return np.stack(lags, axis=1)


def _predictor(correlation: Floats) -> Floats:
    """Solve for the prediction error filters by Levinson's recursion, shape (frame, order + 1); 1, 0, 0 … for silence."""
    filters = np.zeros_like(correlation)
    filters[:, 0] = 1
    error = np.where(correlation[:, 0] > 0, correlation[:, 0], 1.0)
    for order in range(1, correlation.shape[1]):
        reflection = -(filters[:, :order] * correlation[:, order:0:-1]).sum(axis=1) / error
        filters[:, 1 : order + 1] += reflection[:, None] * filters[:, order - 1 :: -1][:, :order]
        error = error * (1 - reflection**2)
    return filters


def _frame_wss(s: Floats, s_hat: Floats, sample_rate: int) -> Floats:
    """Give the weighted spectral slope distance of each frame with a reference."""
    heard = s.any(axis=1)
    levels, levels_hat = (_band_levels(x[heard], sample_rate) for x in (s, s_hat))
    weights = (_slope_weights(levels) + _slope_weights(levels_hat)) / 2
    squares = np.square(np.diff(levels) - np.diff(levels_hat))
    distance: Floats = (weights * squares).sum(axis=1) / weights.sum(axis=1)
    return distance


def _band_levels(frames: Floats, sample_rate: int) -> Floats:
    """Give the level of each critical band in dB, shape (frame, band); 0 where a frame is silent."""
    filters, points = critical_bands(sample_rate)
    energies = power_spectra(frames, points) @ filters.T
    return 10 * np.log10(np.where(frames.any(axis=1, keepdims=True), energies, 1.0))


def _slope_weights(levels: Floats) -> Floats:
    """Weight a slope by how near its band is to the loudest one, and to the nearest peak."""
    below_max = levels.max(axis=1, keepdims=True) - levels[:, :-1]
    below_peak = _nearest_peaks(levels) - levels[:, :-1]
    weights: Floats = _NEAR_MAX_DB / (_NEAR_MAX_DB + below_max) * (_NEAR_PEAK_DB / (_NEAR_PEAK_DB + below_peak))
    return weights


def _nearest_peaks(levels: Floats) -> Floats:
    """Give the level of the peak that each slope leads to: upwards where it rises, else downwards."""
    rises = np.diff(levels) > 0
    peaks = np.empty(rises.shape)
    last = rises.shape[1] - 1
    up = levels[:, last]  # the peak of a rise that goes on to the end, one band too low
    for band in range(last, -1, -1):
        up = np.where(rises[:, band], up, levels[:, band - 1])
        peaks[:, band] = up
    down = levels[:, 0]
    for band in range(last + 1):
        down = np.where(rises[:, band], levels[:, band + 1], down)
        peaks[:, band] = np.where(rises[:, band], peaks[:, band], down)
    return peaks
