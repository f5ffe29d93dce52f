"""What an estimate holds where its reference is silent, and what it lacks where it is silent itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sepbench.metrics.metric import Floats, Metric, Score, Scores, matched, paired, whole_rate

__all__ = ["SILENCE", "Silence", "silence"]

_FRAME_S = 1.0
_FLOOR = 1e-12  # of the definition: a frame without energy has -120 dB


class Silence(NamedTuple):
    """Energies in dB, shape (...): predicted at silence, and of the reference at predicted silence."""

    pes: Floats
    eps: Floats


def silence(reference: Any, estimate: Any, sample_rate: int) -> Silence:
    """Compute the predicted energy at silence (PES) and the energy at predicted silence (EPS).

    PES is the mean over the frames of 1 s in which the reference is silent of ``10 log10(sum(ŝ**2) + 1e-12)``; EPS the
    mean over those in which the estimate is silent of ``10 log10(sum(s**2) + 1e-12)``. Lower is better, and -120 dB the
    best. Silent means zero: a frame with one sample that is not is not silent. The last frame counts if it is whole.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape; full scale is 1. Neither is modified.
    sample_rate : int
        In Hz.

    Returns
    -------
    Silence
        NaN where no frame is silent.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the rate is no whole number.

    References
    ----------
    Schulze-Forster, Doire, Richard and Badeau, *Weakly informed audio source separation*, WASPAA 2019.

    Examples
    --------
    >>> reference, estimate = np.zeros(20), np.full(20, 0.1)
    >>> found = silence(reference, estimate, 10)
    >>> round(float(found.pes), 6), float(found.eps)
    (-10.0, nan)
    >>> found = silence(estimate, reference, 10)
    >>> float(found.pes), round(float(found.eps), 6), round(float(silence(reference, reference, 10).pes), 6)
    (nan, -10.0, -120.0)
    """
    reference, estimate = paired(reference, estimate, where="silence")
    sample_rate = whole_rate(sample_rate, where="silence", lowest=10)
    energies = [_frame_energies(signal, sample_rate) for signal in (reference, estimate)]
    return Silence(_at_silence(*energies), _at_silence(*energies[::-1]))


def _frame_energies(signal: Floats, sample_rate: int) -> Floats:
    length = round(_FRAME_S * sample_rate)
    frames = signal[..., : signal.shape[-1] // length * length].reshape(*signal.shape[:-1], -1, length)
    energies: Floats = np.square(frames).sum(axis=-1)
    # squares of what is very quiet may vanish; silence is a matter of samples
    return np.where(frames.any(axis=-1) & (energies == 0), np.finfo(np.float64).tiny, energies)


def _at_silence(silent: Floats, other: Floats) -> Floats:
    """Give the mean level of the one in the frames in which the other is silent; NaN where it never is."""
    here = silent == 0
    levels = np.where(here, 10 * np.log10(other + _FLOOR), 0.0)
    with np.errstate(invalid="ignore"):
        mean: Floats = levels.sum(axis=-1) / here.sum(axis=-1)
    return mean


def _score(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    return {
        target: dict(
            zip(SILENCE.ids, _pooled(*matched(references, target, estimate, where="silence"), sample_rate), strict=True)
        )
        for target, estimate in estimates.items()
    }


def _pooled(reference: Floats, estimate: Floats, sample_rate: int) -> tuple[Score, Score]:
    """Score all channels together: a frame is silent where all are."""
    missing = _not_finite(reference, estimate)
    if missing:
        return missing, missing
    if reference.shape[1] < _FRAME_S * sample_rate:
        short = Score(None, "too_short", f"shorter than a frame of {_FRAME_S:g} s")
        return short, short
    energies = [_frame_energies(signal, sample_rate).sum(axis=0) for signal in (reference, estimate)]
    values = float(_at_silence(*energies)), float(_at_silence(*energies[::-1]))
    return _defined(values[0], "reference"), _defined(values[1], "estimate")


def _not_finite(reference: Floats, estimate: Floats) -> Score | None:
    """Silence is what is measured here: only what is no number has no score."""
    if not np.isfinite(reference).all():
        return Score(None, "metric_failed", "the reference holds NaN or infinity")
    if not np.isfinite(estimate).all():
        broken = estimate.size - int(np.isfinite(estimate).sum())
        return Score(None, "nonfinite_estimate", f"{broken} of {estimate.size} samples are NaN or infinity")
    return None


def _defined(value: float, which: str) -> Score:
    if math.isnan(value):
        return Score(None, "no_silence", f"the {which} is silent for no whole second")
    return Score(value)


SILENCE = Metric(
    name="silence",
    ids=("pes", "eps"),
    title="PES, EPS",
    unit="dB",
    reference="Schulze-Forster, Doire, Richard and Badeau, Weakly informed audio source separation, WASPAA 2019",
    definition="Predicted energy at silence: the mean of 10 log10 of the estimate's energy plus 1e-12 over the frames of "
    "1 s, one after the other, in which the reference is zero; energy at predicted silence: the same of the reference, "
    "where the estimate is zero. Over all channels together. Of all metrics the ones for a silent reference.",
    version="sepbench 1",
    score=_score,
    lowest=-120.0,
    highest=np.inf,
    higher_is_better=False,
    per_channel=False,
    titles={"pes": "Predicted energy at silence", "eps": "Energy at predicted silence"},
)
