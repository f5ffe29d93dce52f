"""Signal-to-noise ratio, of one source or of all together: what estimates differ from their references by, gain included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.metrics.metric import Floats, Metric, Scores, decibels, in_namespace, matched, metric_id, undefined

__all__ = ["SA_SDR", "SNR", "sa_sdr", "snr"]


def snr(reference: Any, estimate: Any) -> Any:
    """Compute the signal-to-noise ratio in dB.

    Parameters
    ----------
    reference, estimate : array_like or torch.Tensor of shape (..., time)
        Same shape. Neither is modified.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
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
    s, s_hat, xp = in_namespace(reference, estimate, where="snr")
    with np.errstate(all="ignore"):
        return 10 * xp.log10(xp.square(s).sum(axis=-1) / xp.square(s_hat - s).sum(axis=-1))


def sa_sdr(references: Any, estimates: Any) -> Any:
    """Compute the source-aggregated signal-to-distortion ratio in dB: the SNR of all sources of a mixture together.

    A source that is silent for its whole length counts with what the estimate puts into it, instead of having no value.

    Parameters
    ----------
    references, estimates : array_like or torch.Tensor of shape (..., source, time)
        Same shape. Neither is modified.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
        +inf where all are equal, NaN where everything is silent.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    References
    ----------
    von Neumann, Kinoshita, Boeddeker, Delcroix and Haeb-Umbach, *SA-SDR: a novel loss function for separation of
    meeting style data*, ICASSP 2022.

    Examples
    --------
    >>> references = np.array([[3.0, 4.0], [0.0, 0.0]])
    >>> round(float(sa_sdr(references, references + [[0.0, 0.0], [0.5, 0.0]])), 6)
    20.0
    >>> snr(references, references + [[0.0, 0.0], [0.5, 0.0]]).tolist()
    [inf, -inf]
    """
    s, s_hat, xp = in_namespace(references, estimates, where="sa_sdr")
    if s.ndim < 2:
        raise SignalError(f"sa_sdr: expected shape (…, source, time), got {tuple(s.shape)}", "one source has an `snr`")
    with np.errstate(all="ignore"):
        energies = (xp.square(x).sum(axis=-1).sum(axis=-1) for x in (s, s_hat - s))
        return 10 * xp.log10(next(energies) / next(energies))


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


def _score_aggregated(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    """Give every target the one value of all of them."""
    pairs = [matched(references, target, estimate, where="sa_sdr") for target, estimate in estimates.items()]
    if not pairs:
        return {}
    pooled = [np.concatenate([signal.reshape(-1) for signal in side]) for side in zip(*pairs, strict=True)]
    score = undefined(pooled[0], pooled[1], silence_is_defined=True) or decibels(float(snr(*pooled)))
    return {target: {metric_id("sa_sdr"): score} for target in estimates}


SA_SDR = Metric(
    name="sa_sdr",
    ids=("sa_sdr",),
    title="SA-SDR",
    unit="dB",
    reference="von Neumann, Kinoshita, Boeddeker, Delcroix and Haeb-Umbach, SA-SDR: a novel loss function for "
    "separation of meeting style data, ICASSP 2022",
    definition="10 log10 of the energy of all references over the energy of all estimates minus their references, over "
    "the whole signal, all channels and all targets that the separator returns: one value per mixture, in the row of "
    "each target. Above 100 dB it counts as saturated.",
    version="sepbench 1",
    score=_score_aggregated,
    lowest=-np.inf,
    highest=np.inf,
    per_channel=False,
)
