"""How loud an estimate is, and how much louder than its reference: what metrics blind to gain do not show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sepbench.loudness import integrated_loudness
from sepbench.metrics.channels import checked_alone, unusable
from sepbench.metrics.metric import Floats, Metric, Score, Scores, matched, paired, undefined, whole_rate

__all__ = ["LEVEL_DIFFERENCE", "LOUDNESS", "level_difference", "loudness"]

_SHORTEST_S, _MOST_CHANNELS = 0.4, 5


def level_difference(reference: Any, estimate: Any) -> Floats:
    """Compute by how many dB the estimate has more energy than the reference.

    A separator that only turns the volume down by 20 dB has its perfect SI-SDR and PESQ, and -20 dB here.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.

    Returns
    -------
    ndarray of float64, shape (...)
        ``10 log10(sum(ŝ**2) / sum(s**2))``; -inf for a silent estimate, +inf for a silent reference, NaN where both are.

    Raises
    ------
    SignalError
        If the shapes differ or there are no samples.

    Examples
    --------
    >>> reference = np.array([3.0, 4.0, 0.0])
    >>> float(level_difference(reference, -reference)), round(float(level_difference(reference, 0.1 * reference)), 6)
    (0.0, -20.0)
    >>> float(level_difference(reference, 0 * reference)), float(level_difference(0 * reference, reference))
    (-inf, inf)
    """
    s, s_hat = paired(reference, estimate, where="level_difference")
    with np.errstate(all="ignore"):
        decibel: Floats = 10 * np.log10(np.square(s_hat).sum(axis=-1) / np.square(s).sum(axis=-1))
    return decibel


def loudness(signal: Any, sample_rate: int) -> float:
    """Measure the integrated loudness in LUFS.

    Parameters
    ----------
    signal : array_like of shape (channel, time)
        Up to five channels; full scale is 1. Not modified.
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        NaN where it is not defined: below 0.4 s, with more than five channels, or below the gate of -70 LUFS.

    Raises
    ------
    SignalError
        If the shape is another, or there are no samples.

    References
    ----------
    ITU-R BS.1770-4 (2015).

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[None]
    >>> round(loudness(tone, 48000), 1), round(loudness(0.1 * tone, 48000), 1), loudness(0 * tone, 48000)
    (-3.1, -23.1, nan)
    """
    rate = whole_rate(sample_rate, where="loudness")
    found = integrated_loudness(checked_alone(signal, where="loudness"), rate)
    return math.nan if found is None else found


def _score_loudness(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    scores: Scores = {}
    for target, estimate in estimates.items():
        signal = checked_alone(estimate, where="loudness")
        scores[target] = {"loudness": unusable(signal) or _loudness(signal, sample_rate, "the estimate")}
    return scores


def _loudness(signal: Floats, sample_rate: int, which: str) -> Score:
    found = integrated_loudness(signal, sample_rate)
    if found is not None:
        return Score(found)
    if signal.shape[1] < _SHORTEST_S * sample_rate:
        return Score(None, "too_short", f"shorter than {_SHORTEST_S:g} s")
    if len(signal) > _MOST_CHANNELS:
        return Score(None, "out_of_range", f"{len(signal)} channels, more than {_MOST_CHANNELS}")
    return Score(None, "out_of_range", f"{which} is quieter than -70 LUFS")


def _score_difference(references: Mapping[str, Floats], estimates: Mapping[str, Floats], sample_rate: int) -> Scores:
    scores: Scores = {}
    for target in estimates:
        pair = matched(references, target, estimates[target], where="level_difference")
        missing = undefined(*pair)
        scores[target] = {
            "level_difference": missing or _level_difference(*pair),
            "loudness_difference": missing or _loudness_difference(*pair, sample_rate),
        }
    return scores


def _level_difference(reference: Floats, estimate: Floats) -> Score:
    value = float(level_difference(reference.reshape(-1), estimate.reshape(-1)))
    if math.isfinite(value):
        return Score(value)
    return Score(None, "out_of_range", "the energy of a signal is beyond what float64 holds")


def _loudness_difference(reference: Floats, estimate: Floats, sample_rate: int) -> Score:
    pair = [_loudness(reference, sample_rate, "the reference"), _loudness(estimate, sample_rate, "the estimate")]
    for score in pair:
        if score.value is None:
            return score
    before, after = (score.value or 0.0 for score in pair)
    return Score(after - before)


LOUDNESS = Metric(
    name="loudness",
    ids=("loudness",),
    title="Loudness",
    unit="LUFS",
    reference="ITU-R BS.1770-4 (2015)",
    definition="Integrated loudness of the estimate, over all channels together, from 0.4 s and up to five channels. There "
    "is no better and no worse.",
    version="sepbench 1",
    score=_score_loudness,
    lowest=-70.0,
    highest=np.inf,
    higher_is_better=None,
    per_channel=False,
    needs_reference=False,
)
LEVEL_DIFFERENCE = Metric(
    name="level_difference",
    ids=("level_difference", "loudness_difference"),
    title="Level difference",
    unit="dB",
    reference="ITU-R BS.1770-4 (2015), for the loudness",
    definition="By how much the estimate is louder than the reference: 10 log10 of the ratio of their energies over all "
    "channels together, and the difference of their integrated loudness. 0 is as loud as the reference; below it the "
    "volume was turned down, which SI-SDR, PESQ, STOI and BSS Eval do not hear.",
    version="sepbench 1",
    score=_score_difference,
    lowest=-np.inf,
    highest=np.inf,
    higher_is_better=None,
    per_channel=False,
    titles={"level_difference": "Level difference", "loudness_difference": "Loudness difference"},
)
