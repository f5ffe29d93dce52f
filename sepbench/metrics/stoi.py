"""Short-time objective intelligibility, plain and extended, as the authors' own programs compute it, and `pystoi` with them.

Both hear the same: third-octave envelopes of the parts in which the reference speaks. Nothing is random and nothing has an
epsilon: an envelope that does not move is correlated with nothing.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.metrics.arrays import to_host, to_namespace, zeros
from sepbench.metrics.channels import score_channels
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, in_namespace, whole_rate
from sepbench.metrics.octave_resampling import resample

__all__ = ["ESTOI", "STOI", "estoi", "stoi"]

_RATE = 10000
_HOP, _FFT = 128, 512  # frames are two hops long
_BANDS, _LOWEST = 15, 150.0  # third-octave bands, the first one's centre in Hz
_AT_ONCE = 32  # frames: their spectra stay in the cache
_SQUARABLE = 1e-70, 1e70
_RANGE = 1e-4  # frames with less of the loudest one's energy (40 dB) are silence


def stoi(reference: Any, estimate: Any, sample_rate: int) -> Any:
    """Compute the short-time objective intelligibility.

    Parameters
    ----------
    reference, estimate : array_like or torch.Tensor of shape (..., time)
        Same shape. Neither is modified. Both are resampled to 10 kHz, as the definition has it.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
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


def estoi(reference: Any, estimate: Any, sample_rate: int) -> Any:
    """Compute the extended short-time objective intelligibility.

    `pystoi` adds random numbers at the last digit and takes them from numpy's global generator. Here nothing is random: a
    segment of the estimate that does not move counts as 0.

    Parameters
    ----------
    reference, estimate, sample_rate
        As for `stoi`.

    Returns
    -------
    ndarray (or tensor) of float64, shape (...)
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


def _over_signals(name: str, reference: Any, estimate: Any, sample_rate: int, *, extended: bool) -> Any:
    s, s_hat, xp = in_namespace(reference, estimate, where=name)
    rate = whole_rate(sample_rate, where=name, lowest=1)
    values = each_signal(partial(_value, sample_rate=rate, extended=extended, xp=xp), s, s_hat)
    return to_namespace(values, s, xp)


def _value(reference: Any, estimate: Any, *, sample_rate: int, extended: bool, xp: Any) -> float:
    from sepbench.metrics import envelope_correlation  # on the host: envelopes are small

    peaks = [max(float(signal.max()), -float(signal.min())) for signal in (reference, estimate)]
    if not all(0 < peak < math.inf for peak in peaks):
        return float("nan")
    # squares of what is very small or large would be none; the level of either means nothing
    both = [
        signal if _SQUARABLE[0] < peak < _SQUARABLE[1] else signal / peak
        for signal, peak in zip((reference, estimate), peaks, strict=True)
    ]
    bands = to_host(_envelopes(resample(both, sample_rate, _RATE, xp), xp), xp)
    if bands.shape[-1] < envelope_correlation.SEGMENT:
        return float("nan")
    return float((envelope_correlation.extended if extended else envelope_correlation.plain)(*bands))


def _envelopes(signals: Any, xp: Any) -> Any:
    """Give the envelopes in third-octave bands of two signals where the first one speaks, shape (2, band, frame)."""
    from sepbench.metrics.spectral_sums import band_energies

    count = -(-(signals.shape[-1] - 2 * _HOP) // _HOP)
    if count < 1:
        return signals[:, None, :0]
    rise, fall = (to_namespace(half, signals, xp) for half in _window())
    hops = signals[:, : (count + 1) * _HOP].reshape(2, -1, _HOP)
    squares = xp.square(hops[0])
    energies = xp.matmul(squares[:-1], xp.square(rise)) + xp.matmul(squares[1:], xp.square(fall))
    speaks = energies > energies.max() * _RANGE
    # what speaks is put together again, overlapping by a hop, and cut anew; the last half frame is never heard
    again = hops[:, :-1][:, speaks] * rise
    again[:, 1:] += hops[:, 1:][:, speaks][:, :-1] * fall
    bands = zeros((2, _BANDS, max(again.shape[1] - 1, 0)), signals, xp)
    at_once = _AT_ONCE if xp is np else max(bands.shape[-1], 1)
    place = zeros((2, at_once, _FFT), signals, xp)
    for first in range(0, bands.shape[-1], at_once):
        ends = again[:, first + 1 : first + 1 + at_once]
        frames = place[:, : ends.shape[1]]
        xp.multiply(again[:, first : first + ends.shape[1]], rise, out=frames[..., :_HOP])
        xp.multiply(ends, fall, out=frames[..., _HOP : 2 * _HOP])
        band_energies(xp.fft.rfft(frames), _third_octaves(), bands[..., first : first + ends.shape[1]], xp)
    return xp.sqrt(bands)


@lru_cache(maxsize=1)
def _window() -> Floats:
    """Give the halves of a Hann window without its zeros, shape (2, hop)."""
    return np.hanning(2 * _HOP + 2)[1:-1].reshape(2, _HOP)


@lru_cache(maxsize=1)
def _third_octaves() -> NDArray[np.int64]:
    """Give the bins that third-octave bands begin with, and that the last one ends before: those nearest to their edges in Hz."""
    bins = np.linspace(0, _RATE / 2, _FFT // 2 + 1)
    edges = _LOWEST * 2.0 ** ((2 * np.arange(_BANDS + 1) - 1) / 6)
    nearest: NDArray[np.int64] = np.abs(bins - edges[:, None]).argmin(axis=-1)
    return nearest


def _measure(reference: Floats, estimate: Floats, sample_rate: int, *, extended: bool) -> Score:
    value = _value(reference, estimate, sample_rate=sample_rate, extended=extended, xp=np)
    if np.isnan(value):
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
    version="sepbench 1",
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
    version="sepbench 1",
    score=partial(score_channels, "estoi", partial(_measure, extended=True)),
    lowest=-1.0,
    highest=1.0,
)
