"""Scale-invariant signal-to-distortion ratio, and its relative that hears the scale."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sepbench.metrics.channels import score_channels
from sepbench.metrics.metric import Floats, Metric, Score, decibels, in_namespace

__all__ = ["SD_SDR", "SI_SDR", "SI_SDR_ZERO_MEAN", "sd_sdr", "si_sdr"]

_ROUNDING = 1e-14


def si_sdr(reference: Any, estimate: Any, *, zero_mean: bool = False) -> Any:
    """Compute the scale-invariant signal-to-distortion ratio in dB.

    Parameters
    ----------
    reference, estimate : array_like or torch.Tensor of shape (..., time)
        Same shape. Neither is modified.
    zero_mean : bool
        Whether to take the mean over time out of both first, as some toolkits do. The paper does not.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
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
    s, s_hat, xp = in_namespace(reference, estimate, where="si_sdr")
    with np.errstate(all="ignore"):
        if zero_mean:
            s, s_hat = (_without_mean(x, xp) for x in (s, s_hat))
        alpha, energy = _scaling(s, s_hat, xp)
        e_res = _without(s_hat, alpha, s)
        return 10 * xp.log10(xp.square(alpha[..., 0]) * energy / xp.square(e_res).sum(axis=-1))  # eq. 3


def sd_sdr(reference: Any, estimate: Any) -> Any:
    """Compute the scale-dependent signal-to-distortion ratio in dB.

    Like the SNR it hears a wrong gain, upwards too; unlike it, a silent estimate has no value rather than 0 dB.

    Parameters
    ----------
    reference, estimate : array_like or torch.Tensor of shape (..., time)
        Same shape. Neither is modified.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
        +inf where the two are equal, -inf where they are orthogonal or the estimate is silent, NaN where the reference
        is silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    References
    ----------
    Le Roux, Wisdom, Erdogan and Hershey, *SDR – half-baked or well done?*, ICASSP 2019 (SD-SDR).

    Examples
    --------
    >>> reference = np.array([3.0, 4.0, 0.0])
    >>> round(float(sd_sdr(reference, reference + [0.0, 0.0, 0.5])), 6)
    20.0
    >>> round(float(sd_sdr(reference, 0.5 * reference)), 6), float(sd_sdr(reference, 2 * reference))
    (0.0, 6.020599913279624)
    >>> float(sd_sdr(reference, reference)), float(sd_sdr(reference, 0 * reference))
    (inf, -inf)
    """
    s, s_hat, xp = in_namespace(reference, estimate, where="sd_sdr")
    with np.errstate(all="ignore"):
        alpha, energy = _scaling(s, s_hat, xp)
        return 10 * xp.log10(xp.square(alpha[..., 0]) * energy / xp.square(s_hat - s).sum(axis=-1))


def _without_mean(x: Any, xp: Any) -> Any:
    """Take the mean over time out; what is left of a constant is rounding, and so nothing."""
    mean = x.mean(axis=-1, keepdims=True)
    centred = x - mean
    moves = xp.square(centred).mean(axis=-1, keepdims=True) > xp.square(_ROUNDING * mean)
    return xp.where(moves, centred, 0 * centred)


def _scaling(s: Any, s_hat: Any, xp: Any) -> tuple[Any, Any]:
    """Give the factor that brings the reference nearest to the estimate (eq. 4), and the reference's energy."""
    energy = xp.square(s).sum(axis=-1)
    return ((s_hat * s).sum(axis=-1) / energy)[..., None], energy


def _without(s_hat: Any, alpha: Any, s: Any) -> Any:
    """Take ``alpha s`` out of the estimate, in two steps.

    The leading 26 bits of alpha times a sample of up to 27 bits do not round, and neither does the difference of two
    numbers that are nearly equal. So at 60 dB the residual has its full 53 bits, not the 43 of ``s_hat - alpha * s``.
    """
    shifted = alpha * (2.0**27 + 1)  # Dekker's splitting
    leading = shifted - (shifted - alpha)
    return (s_hat - leading * s) - (alpha - leading) * s


def _measure(reference: Floats, estimate: Floats, sample_rate: int, *, measure: Any) -> Score:
    value = float(measure(reference, estimate))
    if np.isnan(value):  # without their mean
        which = "reference" if np.isnan(measure(reference, reference)) else "estimate"
        return Score(None, f"silent_{which}", f"the {which} is constant")
    return decibels(value)


_PAPER = "Le Roux, Wisdom, Erdogan and Hershey, SDR – half-baked or well done?, ICASSP 2019"


def _metric(name: str, title: str, equations: str, definition: str, measure: Any, version: str) -> Metric:
    return Metric(
        name=name,
        ids=(name,),
        title=title,
        unit="dB",
        reference=f"{_PAPER}, {equations}",
        definition=definition + "; each channel and the mean. Above 100 dB it counts as saturated.",
        version=version,
        score=partial(score_channels, name, partial(_measure, measure=measure)),
        lowest=-np.inf,
        highest=np.inf,
    )


SI_SDR = _metric(
    "si_sdr",
    "SI-SDR",
    "eq. 3–4",
    "10 log10 of the energy of the estimate's projection on the reference over the energy of the rest, over the whole "
    "signal, without taking the mean out",
    si_sdr,
    "sepbench 2",
)
SI_SDR_ZERO_MEAN = _metric(
    "si_sdr_zero_mean",
    "SI-SDR, zero mean",
    "eq. 3–4",
    "As SI-SDR, after the mean over time is taken out of reference and estimate, as some toolkits do it",
    partial(si_sdr, zero_mean=True),
    "sepbench 1",
)
SD_SDR = _metric(
    "sd_sdr",
    "SD-SDR",
    "SD-SDR",
    "10 log10 of the energy of the estimate's projection on the reference over the energy of estimate minus reference, "
    "over the whole signal: SI-SDR that hears a wrong gain",
    sd_sdr,
    "sepbench 1",
)
