"""Virtual speech quality objective listener, for speech and for any audio, as the `visqol-python` package computes it."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Any

from sepbench.errors import MissingExtraError, SignalError
from sepbench.metrics.channels import at_rate, score_channels
from sepbench.metrics.extras import installed, version_of
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, paired, undefined

__all__ = ["VISQOL_AUDIO", "VISQOL_SPEECH", "visqol_audio", "visqol_speech"]

_RATES = {"speech": 16000, "audio": 48000}
_SHORTEST_S = 1.0


def visqol_speech(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute ViSQOL's opinion score for speech, with the polynomial mapping.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified.
    sample_rate : int
        16000.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where either signal is silent or not finite, below 1 s, or where the package finds nothing to compare.

    Raises
    ------
    MissingExtraError
        If the `visqol-python` package is not installed.
    SignalError
        If the shapes differ, there are no samples, or the rate is another.

    References
    ----------
    Chinen, Lim, Skoglund, Gureev, O'Gorman and Hines, *ViSQOL v3: an open source production ready objective speech and
    audio metric*, QoMEX 2020.
    """
    return _over_signals("speech", reference, estimate, sample_rate)


def visqol_audio(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute ViSQOL's opinion score for music and any audio.

    Parameters
    ----------
    reference, estimate
        As for `visqol_speech`.
    sample_rate : int
        48000.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN as for `visqol_speech`.

    Raises
    ------
    MissingExtraError, SignalError
        As for `visqol_speech`.

    References
    ----------
    As for `visqol_speech`.
    """
    return _over_signals("audio", reference, estimate, sample_rate)


def _over_signals(mode: str, reference: Any, estimate: Any, sample_rate: int) -> Floats:
    name = f"visqol_{mode}"
    reference, estimate = paired(reference, estimate, where=name)
    if sample_rate != _RATES[mode]:
        raise SignalError(
            f"{name}: expected a sample rate of {_RATES[mode]}, got {sample_rate!r}",
            "resample both signals first; the scorer does so and says it in the id",
        )
    if not installed("visqol"):
        raise MissingExtraError(f"{name}: the package `visqol` is not installed", 'pip install "sepbench[visqol]"')

    def value(s: Floats, s_hat: Floats) -> float:
        found = (undefined(s, s_hat) or _measure(s, s_hat, sample_rate, mode=mode)).value
        return math.nan if found is None else found

    return each_signal(value, reference, estimate)


def _measure(reference: Floats, estimate: Floats, sample_rate: int, *, mode: str) -> Score:
    if not installed("visqol"):
        return Score(None, "not_installed", f"visqol_{mode}: not installed")
    if len(reference) < _SHORTEST_S * sample_rate:
        return Score(None, "too_short", f"shorter than {_SHORTEST_S:g} s")
    rate = _RATES[mode]
    pair = (at_rate(signal, sample_rate, (rate,))[0] for signal in (reference, estimate))
    try:
        return Score(float(_listener(mode).measure_from_arrays(*pair, rate).moslqo))
    except (ValueError, RuntimeError) as error:  # such as a reference in which no patch is loud enough
        return Score(None, "metric_failed", f"visqol: {error}")


@cache
def _listener(mode: str) -> Any:
    from visqol import VisqolApi

    listener = VisqolApi()
    listener.create(mode=mode, use_lattice_model=False)
    return listener


def _metric(mode: str, words: str) -> Metric:
    name = f"visqol_{mode}"
    return Metric(
        name=name,
        ids=(name,),
        title=f"ViSQOL ({mode})",
        unit="MOS-LQO",
        reference="Chinen, Lim, Skoglund, Gureev, O'Gorman and Hines, ViSQOL v3, QoMEX 2020",
        definition=f"{words}, at {_RATES[mode]} Hz, other rates resampled (soxr VHQ). By a translation of Google's program "
        "into Python, which is within 0.002 of it by its own account. It hears neither level nor polarity. Each channel and the mean.",
        version=version_of("visqol-python"),
        score=partial(score_channels, name, partial(_measure, mode=mode), native_rates=(_RATES[mode],)),
        lowest=1.0,
        highest=5.0,
        rates=(_RATES[mode],),
    )


VISQOL_SPEECH = _metric(
    "speech", "Similarity of spectrograms, mapped to an opinion of speech by the polynomial of version 3"
)
VISQOL_AUDIO = _metric(
    "audio", "Similarity of spectrograms, mapped to an opinion of audio by the support vector regression"
)
