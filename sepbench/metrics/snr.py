"""Signal-to-noise ratio: what an estimate differs from its reference by, gain errors included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sepbench.metrics.metric import Floats, Metric, Scores, decibels, matched, metric_id, paired, undefined

__all__ = ["SNR", "snr"]


def snr(reference: Any, estimate: Any) -> Floats:
    """Compute the signal-to-noise ratio in dB.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.

    Returns
    -------
    ndarray of float64, shape (...)
        ``10 log10(sum(s**2) / sum((ŝ - s)**2))``; +inf where the two are equal, NaN where both are silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    Examples
    --------
    >>> reference = np.array([3.0, 4.0, 0.0])
    >>> round(float(snr(reference, reference + [0.5, 0.0, 0.0])), 6)
    20.0
    >>> float(snr(reference, 2 * reference)), float(snr(reference, 0 * reference))
    (0.0, 0.0)
    >>> float(snr(reference, reference)), float(snr(0 * reference, reference))
    (inf, -inf)
    """
    s, s_hat = paired(reference, estimate, where="snr")
    with np.errstate(all="ignore"):
        ratio = np.square(s).sum(axis=-1) / np.square(s_hat - s).sum(axis=-1)
        decibel: Floats = 10 * np.log10(ratio)
    return decibel


def _score(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    scores: Scores = {}
    for target in estimates:
        reference, estimate = matched(references, target, estimates[target], where="snr")
        missing = undefined(reference, estimate, silence_is_defined=True)
        pooled = (reference.reshape(-1), estimate.reshape(-1))  # the energy of all channels, so no channel is averaged
        scores[target] = {metric_id("snr"): missing or decibels(float(snr(*pooled)))}
    return scores


SNR = Metric(
    name="snr",
    ids=("snr",),
    title="SNR",
    unit="dB",
    reference="Le Roux, Wisdom, Erdogan and Hershey, SDR – half-baked or well done?, ICASSP 2019, eq. 1",
    definition="10 log10 of the reference's energy over the energy of estimate minus reference, over the whole signal "
    "and all channels together. A silent estimate has 0 dB; above 100 dB it counts as saturated.",
    version="sepbench 1",
    score=_score,
    lowest=-np.inf,
    highest=np.inf,
    per_channel=False,
)
