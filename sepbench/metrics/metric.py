"""What a metric is: a registered description and a function from references and estimates to scores.

The rules for what can't be scored live here, once: `undefined` for the signals, `decibels` for the values, `together`
for channels and `metric_id` for what the name has to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.audio import MAX_CHANNELS
from sepbench.errors import SignalError, did_you_mean
from sepbench.metrics.arrays import double, namespace, same_shape

__all__ = [
    "SATURATED_DB",
    "Framed",
    "Metric",
    "Score",
    "Scores",
    "decibels",
    "each_signal",
    "framed",
    "in_namespace",
    "matched",
    "metric_id",
    "one_recording",
    "paired",
    "together",
    "undefined",
    "whole_rate",
]

_SATURATED = {"saturated_high": math.inf, "saturated_low": -math.inf}
Floats = NDArray[np.float64]
SATURATED_DB = 100.0  # above it a decibel value is the rounding noise of float32 estimates and of the arithmetic


class Score(NamedTuple):
    """A value, or why there is none: `sepbench.scores.STATUSES` lists the statuses."""

    value: float | None
    status: str = "ok"
    reason: str | None = None


class Framed(Score):
    """The score of a recording that was scored in frames; see `framed`.

    Attributes
    ----------
    frames : tuple of Score
        One for each, in their order.
    """

    frames: tuple[Score, ...] = ()


Scores = dict[str, dict[str, Score]]  # target -> metric id -> score


@dataclass(frozen=True)
class Metric:
    """A metric as the runner sees it.

    Attributes
    ----------
    name : str
        As ``--metric`` takes it.
    ids : tuple of str
        What it gives: the names in the score table, with the definition in them. `metric_id` may add qualifiers.
    title, unit, reference, definition : str
        For tables and docs; `reference` is the paper, `definition` one or two sentences that leave nothing open.
    version : str
        Implementation and its version; a published number never changes under it.
    score : callable
        ``score(references, estimates, sample_rate)`` takes two mappings of name to float64 arrays of shape
        (channel, time), read-only; *all* sources of the mixture as references and the estimates that there are, and
        gives `Scores`. It never raises for what the samples are, only for shapes and names that do not fit together.
    lowest, highest : float
        Range: a value outside is no value of this metric.
    higher_is_better : bool or None
        Which way a ranking goes; None where there is no better and no worse, and so no improvement.
    per_channel : bool
        Whether channels are scored one by one and averaged; else they are scored together.
    rates : tuple of int, optional
        The sample rates in Hz that it takes; from any other it resamples. None takes all.
    titles : mapping of str to str
        A title for each id, where there are several.
    needs_reference : bool
        Without it only the estimates are looked at, and `references` may be empty.
    """

    name: str
    ids: tuple[str, ...]
    title: str
    unit: str
    reference: str
    definition: str
    version: str
    score: Callable[[Mapping[str, Floats], Mapping[str, Floats], int], Scores]
    lowest: float
    highest: float
    higher_is_better: bool | None = True
    per_channel: bool = True
    rates: tuple[int, ...] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    needs_reference: bool = True

    def ids_for(self, channels: int, sample_rate: int) -> tuple[str, ...]:
        """Give its ids for a corpus, with what the names have to say beyond the definition.

        Parameters
        ----------
        channels : int
            Of the references.
        sample_rate : int
            Of the corpus, in Hz.
        """
        resampled = self.rates is not None and sample_rate not in self.rates
        return tuple(
            metric_id(
                name,
                channels=channels if self.per_channel else 1,
                resampled_from=sample_rate if resampled else None,
            )
            for name in self.ids
        )


def paired(reference: Any, estimate: Any, *, where: str) -> tuple[Floats, Floats]:
    """Bring two signals into float64 arrays of NumPy and make sure that they fit together.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the type is not a real number.
    """
    s, s_hat, _ = in_namespace(np.asarray(reference), np.asarray(estimate), where=where)
    return s, s_hat


def in_namespace(reference: Any, estimate: Any, *, where: str) -> tuple[Any, Any, Any]:
    """Bring two signals into float64, as arrays of NumPy or tensors of torch, and give the module to compute with.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, the type is not a real number, or only one is a tensor.
    """
    xp = namespace(reference, estimate, where=where)
    s, s_hat = (double(x, name, xp, where=where) for x, name in ((reference, "reference"), (estimate, "estimate")))
    same_shape(s, s_hat, where=where)
    return s, s_hat, xp


def each_signal(measure: Callable[[Floats, Floats], float], reference: Floats, estimate: Floats) -> Floats:
    """Apply a measure of one-dimensional signals over all leading axes."""
    length = reference.shape[-1]
    pairs = zip(reference.reshape(-1, length), estimate.reshape(-1, length), strict=True)
    values = np.array([measure(*pair) for pair in pairs], dtype=np.float64)
    shaped: Floats = values.reshape(reference.shape[:-1])[()]  # a scalar for one signal, as numpy's reductions give
    return shaped


def metric_id(name: str, *, channels: int = 1, resampled_from: int | None = None) -> str:
    """Write a metric's name as the score table holds it: what was done beyond its definition stands behind a colon.

    Parameters
    ----------
    name : str
        One of `Metric.ids`.
    channels : int
        How many channels were scored one by one and averaged.
    resampled_from : int, optional
        Rate of the corpus in Hz, where the metric does not take it.

    Examples
    --------
    >>> metric_id("si_sdr"), metric_id("si_sdr", channels=2)
    ('si_sdr', 'si_sdr:channel-mean')
    >>> metric_id("pesq_wb", channels=2, resampled_from=44100)
    'pesq_wb:channel-mean,from-44100'
    """
    qualifiers = ["channel-mean"] if channels > 1 else []
    qualifiers += [f"from-{resampled_from}"] if resampled_from else []
    return f"{name}:{','.join(qualifiers)}" if qualifiers else name


def matched(references: Mapping[str, Any], target: str, estimate: Any, *, where: str) -> tuple[Floats, Floats]:
    """Find the reference of an estimate, both of shape (channel, time).

    Raises
    ------
    SignalError
        If there is no reference of this name, or the two do not fit together.
    """
    if target not in references:
        raise SignalError(
            f"{where}: there is no reference for the estimate `{target}`",
            did_you_mean(target, references, kind="references"),
        )
    reference, estimate = paired(references[target], estimate, where=f"{where}: `{target}`")
    return one_recording(reference, f"{where}: `{target}`"), estimate


def whole_rate(sample_rate: Any, *, where: str, lowest: int = 1000) -> int:
    """Take a sample rate in Hz.

    Raises
    ------
    SignalError
        If it is no whole number, or below the lowest that the metric is defined for.

    Examples
    --------
    >>> whole_rate(16000.0, where="stoi")
    16000
    """
    try:
        rate = int(sample_rate)
    except (TypeError, ValueError, OverflowError):
        rate = 0
    if rate != sample_rate or rate < lowest:
        raise SignalError(
            f"{where}: expected a sample rate of at least {lowest} Hz, got {sample_rate!r}", "pass a whole number"
        )
    return rate


def one_recording(signal: Floats, where: str) -> Floats:
    """Make sure that an array is of shape (channel, time): with the axes swapped it would be a thousand short channels.

    Raises
    ------
    SignalError
        If it is not.
    """
    if signal.ndim != 2 or len(signal) > MAX_CHANNELS:
        raise SignalError(f"{where} has shape {signal.shape}", "the scorer takes arrays of shape (channel, time)")
    return signal


def undefined(reference: Floats, estimate: Floats, *, silence_is_defined: bool = False) -> Score | None:
    """Say why a pair of signals has no score, or None where it may have one.

    What the corpus is comes before what the separator did, so a mixture that can't be scored is the same one for all.

    Parameters
    ----------
    silence_is_defined : bool
        Whether a silent estimate has a value: it has for SNR, 0 dB.
    """
    if not np.isfinite(reference).all():
        return Score(None, "metric_failed", "the reference holds NaN or infinity")
    if not reference.any():
        return Score(None, "silent_reference")
    if not np.isfinite(estimate).all():
        broken = estimate.size - int(np.isfinite(estimate).sum())
        return Score(None, "nonfinite_estimate", f"{broken} of {estimate.size} samples are NaN or infinity")
    if not (silence_is_defined or estimate.any()):
        return Score(None, "silent_estimate")
    return None


def decibels(value: float) -> Score:
    """Turn a level ratio of two defined signals into a score.

    Examples
    --------
    >>> decibels(9.5).value, decibels(9.5).status
    (9.5, 'ok')
    >>> decibels(math.inf).status, decibels(math.nan).status
    ('saturated_high', 'metric_failed')
    """
    if math.isnan(value):
        return Score(None, "metric_failed", "the value is not a number")
    if value > SATURATED_DB:
        return Score(None, "saturated_high")
    if value == -math.inf:
        return Score(None, "saturated_low")
    return Score(float(value))


def framed(frames: Sequence[Score]) -> Framed:
    """Take the median over the frames that have a value, as `museval` does it for a track.

    A saturated frame counts as what it is, above or below all others.

    Examples
    --------
    >>> framed([Score(1.0), Score(None, "silent_reference"), Score(4.0)]).value
    2.5
    >>> framed([Score(1.0), Score(None, "saturated_high"), Score(None, "saturated_high")]).status
    'saturated_high'
    >>> framed([Score(None, "silent_reference")]).status
    'silent_reference'
    """
    values = [_SATURATED.get(frame.status, frame.value) for frame in frames]
    known = [value for value in values if value is not None]
    score = Framed(*(_median(known) if known else frames[0]))
    score.frames = tuple(frames)
    return score


def _median(values: Sequence[float]) -> Score:
    with np.errstate(invalid="ignore"):  # of both infinities there is none: the lower one
        median = float(np.median(values))
    return Score(median) if math.isfinite(median) else Score(None, "saturated_high" if median > 0 else "saturated_low")


def together(channels: Sequence[Score]) -> Score:
    """Take the mean over channels; one that is undefined leaves the whole undefined.

    Of several it is the one whose fault weighs most, whatever the order: the corpus's, then the separator's, then a
    value that is lower, then one that is higher than any number.

    Examples
    --------
    >>> together([Score(None, "saturated_high"), Score(None, "silent_estimate")]).status
    'silent_estimate'
    """
    lost = [(number, score) for number, score in enumerate(channels, 1) if score.value is None]
    if lost:
        number, score = min(lost, key=lambda one: (_weight(one[1].status), one[1].status, one[0]))
        where = f"channel {number} of {len(channels)}"
        reason = f"{where}: {score.reason}" if score.reason else where
        return score if len(channels) == 1 else score._replace(reason=reason)
    return Score(math.fsum(score.value or 0.0 for score in channels) / len(channels))


def _weight(status: str) -> int:
    lightest = ("silent_estimate", "nonfinite_estimate", "saturated_low", "saturated_high")
    return lightest.index(status) if status in lightest else -1
