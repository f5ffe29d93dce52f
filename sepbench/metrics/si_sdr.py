"""Scale-invariant signal-to-distortion ratio."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sepbench.metrics.metric import Floats, Metric, Score, decibels, paired, score_channels

__all__ = ["SI_SDR", "si_sdr"]


def si_sdr(reference: Any, estimate: Any, *, zero_mean: bool = False) -> Floats:
    """Compute the scale-invariant signal-to-distortion ratio in dB.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    zero_mean : bool
        Whether to take the mean over time out of both first, as some toolkits do. The paper does not.

    Returns
    -------
    ndarray of float64, shape (...)
        +inf where the estimate is the reference times a gain (or some 300 dB, where the gain rounds), -inf where it is
        orthogonal to it, NaN where either is silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    References
    ----------
    Le Roux, Wisdom, Erdogan and Hershey, *SDR – half-baked or well done?*, ICASSP 2019, eq. 3 and 4.

    Examples
    --------
    >>> reference, noise = np.array([3.0, 4.0, 0.0]), np.array([0.0, 0.0, 0.5])
    >>> round(float(si_sdr(reference, reference + noise)), 6)
    20.0
    >>> round(float(si_sdr(reference, -7 * (reference + noise))), 6)
    20.0
    >>> float(si_sdr(reference, 2 * reference)), float(si_sdr(reference, noise))
    (inf, -inf)
    >>> float(si_sdr(reference, 0 * reference)), float(si_sdr(0 * reference, reference))
    (nan, nan)
    """
    s, s_hat = paired(reference, estimate, where="si_sdr")
    with np.errstate(all="ignore"):
        if zero_mean:
            s, s_hat = s - s.mean(axis=-1, keepdims=True), s_hat - s_hat.mean(axis=-1, keepdims=True)
        alpha = (s_hat * s).sum(axis=-1, keepdims=True) / np.square(s).sum(axis=-1, keepdims=True)  # eq. 4
        e_target = alpha * s
        e_res = e_target - s_hat
        ratio = np.square(e_target).sum(axis=-1) / np.square(e_res).sum(axis=-1)  # eq. 3
        decibel: Floats = 10 * np.log10(ratio)
    return decibel


def _measure(reference: Floats, estimate: Floats, sample_rate: int) -> Score:
    return decibels(float(si_sdr(reference, estimate)))


SI_SDR = Metric(
    name="si_sdr",
    ids=("si_sdr",),
    title="SI-SDR",
    unit="dB",
    reference="Le Roux, Wisdom, Erdogan and Hershey, SDR – half-baked or well done?, ICASSP 2019, eq. 3–4",
    definition="10 log10 of the energy of the estimate's projection on the reference over the energy of the rest, over "
    "the whole signal, without taking the mean out; each channel and the mean. Above 100 dB it counts as saturated.",
    version="sepbench 1",
    score=partial(score_channels, "si_sdr", _measure),
    lowest=-np.inf,
    highest=np.inf,
)
