"""Log-spectral distance, within the range of levels that is heard."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from sepbench.metrics.channels import score_channels
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, paired, whole_rate

__all__ = ["LSD", "lsd"]

_FRAME_S = 0.032
_RANGE_DB = 50.0
_AT_ONCE = 2048  # frames in memory


def lsd(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the log-spectral distance in dB.

    ::

        L(X) = max(20 log10 |X|, max 20 log10 |S| - 50)
        LSD  = mean over frames of sqrt(mean over bins of (L(S) - L(Ŝ))**2)

    What lies 50 dB below the reference's loudest bin counts as that, so silence is no pole of the logarithm and no
    epsilon is needed. The LSD of super-resolution papers, log10 of powers without a range, is another number.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        0 where the magnitudes are the same; NaN below one frame (0.032 s) or where the reference is silent in all frames.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the rate is no whole number.

    References
    ----------
    Cohen and Gannot, *Spectral enhancement methods*, Springer Handbook of Speech Processing, 2008.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal(16000)
    >>> float(lsd(noise, -noise, 16000)), round(float(lsd(noise, 2 * noise, 16000)), 2)
    (0.0, 6.02)
    >>> 20 < float(lsd(noise, 0 * noise, 16000)) < 50, float(lsd(0 * noise, noise, 16000))
    (True, nan)
    """
    reference, estimate = paired(reference, estimate, where="lsd")
    rate = whole_rate(sample_rate, where="lsd")
    return each_signal(lambda s, s_hat: _value(s, s_hat, rate), reference, estimate)


def _value(reference: Floats, estimate: Floats, sample_rate: int) -> float:
    length = 2 * round(_FRAME_S / 2 * sample_rate)
    if len(reference) < length or not reference.any():
        return math.nan
    frames = [np.lib.stride_tricks.sliding_window_view(x, length)[:: length // 2] for x in (reference, estimate)]
    pieces = range(0, len(frames[0]), _AT_ONCE)
    floor = max(_levels(frames[0][first : first + _AT_ONCE]).max() for first in pieces) - _RANGE_DB
    if not math.isfinite(floor):  # what there is lies behind the last whole frame
        return math.nan
    distances = []
    for first in pieces:
        levels, levels_hat = (np.maximum(_levels(part[first : first + _AT_ONCE]), floor) for part in frames)
        distances.append(np.sqrt(np.square(levels - levels_hat).mean(axis=1)))
    return float(np.concatenate(distances).mean())


def _levels(frames: Floats) -> Floats:
    """Give the levels of all bins in dB, shape (frame, bin)."""
    length = frames.shape[1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels: Floats = 20 * np.log10(np.abs(np.fft.rfft(frames * window)))
    return levels


def _measure(reference: Floats, estimate: Floats, sample_rate: int) -> Score:
    value = _value(reference, estimate, sample_rate)
    if math.isnan(value):
        return Score(None, "too_short", "no whole frame of 32 ms holds anything of the reference")
    return Score(value)


LSD = Metric(
    name="lsd",
    ids=("lsd",),
    title="LSD",
    unit="dB",
    reference="Cohen and Gannot, Spectral enhancement methods, Springer Handbook of Speech Processing, 2008",
    definition="Mean over frames (32 ms, Hann window, half overlapping) of the root mean square over bins of the difference "
    "of the levels in dB; levels more than 50 dB below the reference's loudest bin count as that. It hears gain. The LSD "
    "of papers on super-resolution (log10 of powers, no limit) is another number. Each channel and the mean.",
    version="sepbench 1",
    score=partial(score_channels, "lsd", _measure),
    lowest=0.0,
    highest=np.inf,
    higher_is_better=False,
)
