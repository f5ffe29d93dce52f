"""Scoring channel by channel: what has one value, several values, or no reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.metrics.metric import Floats, Score, Scores, matched, metric_id, one_recording, together, undefined

__all__ = ["at_rate", "checked_alone", "score_alone", "score_channels", "score_several", "unusable"]

Row = tuple[Score, ...]  # of one channel: a score for each name


def score_channels(
    name: str,
    measure: Callable[[Floats, Floats, int], Score],
    references: Mapping[str, Floats],
    estimates: Mapping[str, Floats],
    sample_rate: int,
    *,
    native_rates: Sequence[int] | None = None,
) -> Scores:
    """Score every target channel by channel, with the mean over channels; `measure` gives the one score of a channel.

    See `score_several`, of which it is the common case.
    """

    def row(reference: Floats, estimate: Floats, rate: int) -> Row:
        return (measure(reference, estimate, rate),)

    return score_several((name,), row, references, estimates, sample_rate, native_rates=native_rates)


def score_several(
    names: Sequence[str],
    measure: Callable[[Floats, Floats, int], Row],
    references: Mapping[str, Floats],
    estimates: Mapping[str, Floats],
    sample_rate: int,
    *,
    native_rates: Sequence[int] | None = None,
) -> Scores:
    """Score every target channel by channel, with the mean over channels.

    Parameters
    ----------
    names : sequence of str
        `Metric.ids`.
    measure : callable
        Gives a score for each name, of one channel; it never sees a pair that is `undefined`.
    native_rates : sequence of int, optional
        Rates that the metric takes; at any other `measure` resamples, and the id says so.
    """

    def row(pair: tuple[Floats, Floats]) -> Row:
        missing = undefined(*pair)
        return (missing,) * len(names) if missing else measure(*pair, sample_rate)

    return {
        target: _joined(
            names,
            map(row, zip(*matched(references, target, estimate, where=names[0]), strict=True)),
            _foreign(sample_rate, native_rates),
        )
        for target, estimate in estimates.items()
    }


def score_alone(
    names: Sequence[str],
    measure: Callable[[Floats, int], Row],
    references: Mapping[str, Floats],
    estimates: Mapping[str, Floats],
    sample_rate: int,
    *,
    native_rates: Sequence[int] | None = None,
) -> Scores:
    """Score the estimates channel by channel, whatever the references are; else as `score_several`."""

    def row(channel: Floats) -> Row:
        missing = unusable(channel)
        return (missing,) * len(names) if missing else measure(channel, sample_rate)

    return {
        target: _joined(names, map(row, checked_alone(estimate, where=names[0])), _foreign(sample_rate, native_rates))
        for target, estimate in estimates.items()
    }


def checked_alone(estimate: Any, *, where: str) -> Floats:
    """Bring an estimate that has no reference into float64, shape (channel, time).

    Raises
    ------
    SignalError
        If it has another shape, no samples, or the numbers are not real.
    """
    estimate = np.asarray(estimate)
    if estimate.dtype.kind not in "fiu":
        raise SignalError(f"{where}: the estimate is an array of {estimate.dtype}", "pass real numbers")
    if estimate.size == 0:
        raise SignalError(f"{where}: there are no samples", "pass arrays of shape (channel, time)")
    double: Floats = estimate.astype(np.float64, order="C", copy=False)
    return one_recording(double, f"{where}: the estimate")


def unusable(estimate: Floats) -> Score | None:
    """Say why an estimate that has no reference has no score, or None where it may have one."""
    return undefined(np.ones(1), estimate)


def at_rate(signal: Floats, sample_rate: int, rates: Sequence[int]) -> tuple[Floats, int]:
    """Resample to the first of the rates that a metric takes (soxr, VHQ), unless the signal has one of them."""
    if sample_rate in rates:
        return signal, sample_rate
    import soxr

    return soxr.resample(signal, sample_rate, rates[0], "VHQ"), rates[0]


def _foreign(sample_rate: int, native_rates: Sequence[int] | None) -> int | None:
    return None if native_rates is None or sample_rate in native_rates else sample_rate


def _joined(names: Sequence[str], rows: Iterable[Row], resampled_from: int | None) -> dict[str, Score]:
    table = list(rows)
    keys = [metric_id(name, channels=len(table), resampled_from=resampled_from) for name in names]
    return {key: together(column) for key, column in zip(keys, zip(*table, strict=True), strict=True)}
