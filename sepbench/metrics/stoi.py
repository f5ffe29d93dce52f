"""Short-time objective intelligibility, plain and extended, as `pystoi` computes it."""

from __future__ import annotations

import math
import warnings
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, paired, score_channels

__all__ = ["ESTOI", "STOI", "estoi", "stoi"]

_RATE, _FRAME = 10000, 256  # of the definition; with no more than one frame pystoi breaks


def stoi(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the short-time objective intelligibility.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape. Neither is modified. Both are resampled to 10 kHz, as the definition has it.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where either signal is silent or not finite, or fewer than 30 frames (0.4 s) hold speech.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or the rate is no whole number.

    References
    ----------
    Taal, Hendriks, Heusdens and Jensen, *An algorithm for intelligibility prediction of time-frequency weighted noisy
    speech*, IEEE TASLP 19(7), 2011.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((2, 10000))
    >>> round(float(stoi(noise[0], noise[0], 10000)), 6)
    1.0
    >>> float(stoi(noise[0], noise[0] + noise[1], 10000)) < 0.9
    True
    >>> float(stoi(noise[0, :3000], noise[0, :3000], 10000)), float(stoi(noise[0], 0 * noise[0], 10000))
    (nan, nan)
    """
    return _over_signals("stoi", reference, estimate, sample_rate, extended=False)


def estoi(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the extended short-time objective intelligibility.

    `pystoi` adds random numbers at the last digit and takes them from numpy's global generator. Here they are the same
    in every call, and the generator is left as it was.

    Parameters
    ----------
    reference, estimate, sample_rate
        As for `stoi`.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where `stoi` has no value.

    References
    ----------
    Jensen and Taal, *An algorithm for predicting the intelligibility of speech masked by modulated noise maskers*,
    IEEE TASLP 24(11), 2016.

    Examples
    --------
    >>> noise = np.random.default_rng(1).standard_normal((2, 10000))
    >>> round(float(estoi(noise[0], noise[0], 10000)), 6)
    1.0
    >>> float(estoi(*noise, 10000)) == float(estoi(*noise, 10000))
    True
    """
    return _over_signals("estoi", reference, estimate, sample_rate, extended=True)


def _over_signals(name: str, reference: Any, estimate: Any, sample_rate: int, *, extended: bool) -> Floats:
    reference, estimate = paired(reference, estimate, where=name)
    if sample_rate != int(sample_rate) or sample_rate <= 0:
        raise SignalError(f"{name}: expected a sample rate in Hz, got {sample_rate}", "pass a whole number above 0")
    return each_signal(
        lambda s, s_hat: _value(s, s_hat, int(sample_rate), extended=extended),
        reference,
        estimate,
    )


def _value(reference: Floats, estimate: Floats, sample_rate: int, *, extended: bool) -> float:
    from pystoi import stoi as implementation

    finite = np.isfinite(reference).all() and np.isfinite(estimate).all()
    if not (finite and reference.any() and estimate.any()) or len(reference) * _RATE <= _FRAME * sample_rate:
        return math.nan
    state = np.random.get_state()  # noqa: NPY002 - what pystoi draws from
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Not enough STFT frames")  # else 1e-5 comes back as if it were a value
        try:
            np.random.seed(0)  # noqa: NPY002
            return float(implementation(reference, estimate, sample_rate, extended=extended))
        except RuntimeWarning:
            return math.nan
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _measure(reference: Floats, estimate: Floats, sample_rate: int, *, extended: bool) -> Score:
    value = _value(reference, estimate, sample_rate, extended=extended)
    if math.isnan(value):
        return Score(None, "too_short", "fewer than 30 frames of 25.6 ms hold speech")
    return Score(value)


STOI = Metric(
    name="stoi",
    ids=("stoi",),
    title="STOI",
    unit="",
    reference="Taal, Hendriks, Heusdens and Jensen, An algorithm for intelligibility prediction of time-frequency "
    "weighted noisy speech, IEEE TASLP 19(7), 2011",
    definition="Mean correlation of short-time envelopes in one-third octave bands at 10 kHz, frames 40 dB below the "
    "loudest of the reference left out; each channel and the mean.",
    version=f"pystoi {version('pystoi')}",
    score=partial(score_channels, "stoi", partial(_measure, extended=False)),
    lowest=-1.0,
    highest=1.0,
)
ESTOI = Metric(
    name="estoi",
    ids=("estoi",),
    title="ESTOI",
    unit="",
    reference="Jensen and Taal, An algorithm for predicting the intelligibility of speech masked by modulated noise "
    "maskers, IEEE TASLP 24(11), 2016",
    definition="As STOI, with the spectrogram segments normalised over time and frequency; each channel and the mean.",
    version=f"pystoi {version('pystoi')}",
    score=partial(score_channels, "estoi", partial(_measure, extended=True)),
    lowest=-1.0,
    highest=1.0,
)
