"""Segmental signal-to-noise ratio, plain and weighted by frequency, as in Hu and Loizou's evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sepbench.metrics.channels import score_channels
from sepbench.metrics.frames import critical_bands, frame_count, frame_pairs, power_spectra
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, paired, whole_rate

__all__ = ["FW_SEG_SNR", "SEG_SNR", "fw_seg_snr", "seg_snr"]

_LOWEST_DB, _HIGHEST_DB = -10.0, 35.0  # of a frame
_WEIGHT = 0.2  # the exponent that weights bands by the reference's magnitude
_LOWEST_RATE = 8000  # below it there is nothing in the upper bands
Frames = Callable[[Floats, Floats, int], Floats]


def seg_snr(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the segmental signal-to-noise ratio in dB.

    The mean over frames of 30 ms, each limited to -10 to 35 dB. Frames in which reference and estimate are both silent
    are left out; Loizou's code, which adds an epsilon, gives them -10 dB. The figures in circulation for one and the
    same data range from 1.7 to 6.1 dB, since some leave out the limits, or scale the signals first: compare only what
    was computed alike.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN below two frames (0.0375 s), or where both are silent.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the rate is no whole number.

    References
    ----------
    Hansen and Pellom, *An effective quality evaluation protocol for speech enhancement algorithms*, ICSLP 1998.
    Hu and Loizou, *Evaluation of objective quality measures for speech enhancement*, IEEE TASLP 16(1), 2008.

    Examples
    --------
    >>> reference = np.random.default_rng(1).standard_normal(8000)
    >>> round(float(seg_snr(reference, 0.9 * reference, 8000)), 6)
    20.0
    >>> float(seg_snr(reference, reference, 8000)), float(seg_snr(reference, 9 * reference, 8000))
    (35.0, -10.0)
    >>> float(seg_snr(reference, 0 * reference, 8000)), float(seg_snr(reference[:299], reference[:299], 8000))
    (0.0, nan)
    """
    return _over_signals("seg_snr", _frame_snr, reference, estimate, sample_rate)


def fw_seg_snr(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the frequency-weighted segmental signal-to-noise ratio in dB.

    The magnitude spectra of each frame are brought to unit area, so it does not hear gain, and summed in 25 critical
    bands up to 3.8 kHz. The mean over bands is weighted by the reference's magnitude to the power 0.2 and limited to
    -10 to 35 dB. A silent estimate has 0 dB in its frame; frames of a silent reference are left out.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        At least 8000 Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN below two frames (0.0375 s), or where the reference is silent.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the rate is no whole number or too low.

    References
    ----------
    Hu and Loizou, *Evaluation of objective quality measures for speech enhancement*, IEEE TASLP 16(1), 2008, eq. 6.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((2, 8000))
    >>> float(fw_seg_snr(noise[0], 0.5 * noise[0], 8000))
    35.0
    >>> bool(fw_seg_snr(*noise, 8000) < fw_seg_snr(noise[0], noise[0] + 0.1 * noise[1], 8000))
    True
    """
    sample_rate = whole_rate(sample_rate, where="fw_seg_snr", lowest=_LOWEST_RATE)  # its bands go up to 3.8 kHz
    return _over_signals("fw_seg_snr", _frame_weighted_snr, reference, estimate, sample_rate)


def _over_signals(name: str, frames: Frames, reference: Any, estimate: Any, sample_rate: int) -> Floats:
    reference, estimate = paired(reference, estimate, where=name)
    rate = whole_rate(sample_rate, where=name)
    return each_signal(lambda s, s_hat: _mean(frames, s, s_hat, rate), reference, estimate)


def _mean(frames: Frames, reference: Floats, estimate: Floats, sample_rate: int) -> float:
    if frame_count(len(reference), sample_rate) == 0:
        return math.nan
    with np.errstate(all="ignore"):
        parts = [frames(*pair, sample_rate) for pair in frame_pairs(reference, estimate, sample_rate)]
    values = np.concatenate(parts)
    values = values[~np.isnan(values)] if np.isfinite(reference).all() and np.isfinite(estimate).all() else values
    return float(np.clip(values, _LOWEST_DB, _HIGHEST_DB).mean()) if len(values) else math.nan


def _frame_snr(s: Floats, s_hat: Floats, sample_rate: int) -> Floats:
    """Give the SNR of each frame; NaN where both are silent."""
    ratio: Floats = np.square(s).sum(axis=1) / np.square(s_hat - s).sum(axis=1)
    return 10 * np.log10(ratio)


def _frame_weighted_snr(s: Floats, s_hat: Floats, sample_rate: int) -> Floats:
    """Give the weighted SNR of each frame; NaN where the reference is silent."""
    filters, points = critical_bands(sample_rate)
    bands, bands_hat = (_unit_area(x, points) @ filters.T for x in (s, s_hat))
    weights = bands**_WEIGHT
    snr_db = 10 * np.log10(np.square(bands) / np.square(bands_hat - bands))
    weighted: Floats = (weights * snr_db).sum(axis=1) / weights.sum(axis=1)
    return weighted


def _unit_area(frames: Floats, points: int) -> Floats:
    """Give magnitude spectra that sum up to 1, or to 0 where there is nothing."""
    magnitudes = np.sqrt(power_spectra(frames, points))
    area = magnitudes.sum(axis=1, keepdims=True)
    return magnitudes / np.where(area > 0, area, 1.0)


def _measure(reference: Floats, estimate: Floats, sample_rate: int, *, frames: Frames, lowest_rate: int = 0) -> Score:
    if sample_rate < lowest_rate:
        return Score(None, "out_of_range", f"{sample_rate} Hz, less than {lowest_rate}")
    value = _mean(frames, reference, estimate, sample_rate)
    if math.isnan(value):
        return Score(None, "too_short", "no frame of 30 ms holds anything of the reference")
    return Score(value)


_PAPER = "Hu and Loizou, Evaluation of objective quality measures for speech enhancement, IEEE TASLP 16(1), 2008"
_FRAMES = (
    "Mean over frames of 30 ms (Hann window, hop of a quarter, the last whole frame left out, as in Loizou's code), each "
    "limited to -10 to 35 dB"
)
SEG_SNR = Metric(
    name="seg_snr",
    ids=("seg_snr",),
    title="Segmental SNR",
    unit="dB",
    reference=_PAPER,
    definition=f"{_FRAMES}, of 10 log10 of the reference's energy over the energy of estimate minus reference. Frames in "
    "which both are silent are left out. Figures without the limits, or of signals that were scaled first, circulate "
    "under the same name. Each channel and the mean.",
    version="sepbench 1",
    score=partial(score_channels, "seg_snr", partial(_measure, frames=_frame_snr)),
    lowest=_LOWEST_DB,
    highest=_HIGHEST_DB,
)
FW_SEG_SNR = Metric(
    name="fw_seg_snr",
    ids=("fw_seg_snr",),
    title="Frequency-weighted segmental SNR",
    unit="dB",
    reference=_PAPER + ", eq. 6",
    definition=f"{_FRAMES}, of the mean over 25 critical bands up to 3.8 kHz of 10 log10 of X²/(X - Y)², weighted by X to "
    "the power 0.2; X and Y are the magnitudes of reference and estimate in a band, both spectra of unit area, so gain is "
    "not heard. Frames of a silent reference are left out. From 8000 Hz on; each channel and the mean.",
    version="sepbench 1",
    score=partial(
        score_channels, "fw_seg_snr", partial(_measure, frames=_frame_weighted_snr, lowest_rate=_LOWEST_RATE)
    ),
    lowest=_LOWEST_DB,
    highest=_HIGHEST_DB,
)
