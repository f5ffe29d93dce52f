"""Short-time objective intelligibility, plain and extended, as the authors' own programs compute it, and `pystoi` with them.

Both hear the same: third-octave envelopes of the parts in which the reference speaks. Nothing is random and nothing has an
epsilon: an envelope that does not move is correlated with nothing.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.metrics.arrays import to_namespace, transforms, windows
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, in_namespace, score_channels
from sepbench.metrics.octave_resampling import resample

__all__ = ["ESTOI", "STOI", "estoi", "stoi"]

_RATE = 10000
_HOP, _FFT = 128, 512  # frames are two hops long
_BANDS, _LOWEST = 15, 150.0  # third-octave bands, the first one's centre in Hz
_SEGMENT = 30  # frames
_RANGE = 1e-4  # frames with less of the loudest one's energy (40 dB) are silence
_CLIP = 1 + 10 ** (15 / 20)  # at a signal-to-distortion ratio of -15 dB


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
    if sample_rate != int(sample_rate) or sample_rate <= 0:
        raise SignalError(f"{name}: expected a sample rate in Hz, got {sample_rate}", "pass a whole number above 0")
    values = each_signal(partial(_value, sample_rate=int(sample_rate), extended=extended, xp=xp), s, s_hat)
    return to_namespace(values, s, xp)


def _value(reference: Any, estimate: Any, *, sample_rate: int, extended: bool, xp: Any) -> float:
    both = xp.stack([reference, estimate])
    if not bool(xp.isfinite(both).all()) or not bool((both != 0).any(axis=-1).all()):
        return float("nan")
    bands = _envelopes(resample(both, sample_rate, _RATE, xp), xp)
    if bands.shape[-1] < _SEGMENT:
        return float("nan")
    x, y = windows(bands, _SEGMENT, 1, xp)  # each (band, segment, frame)
    return float((_extended if extended else _plain)(x, y, xp))


def _envelopes(signals: Any, xp: Any) -> Any:
    """Give the envelopes in third-octave bands of two signals where the first one speaks, shape (2, band, frame)."""
    frames = max(0, -(-(signals.shape[-1] - 2 * _HOP) // _HOP))
    if frames == 0:
        return signals[:, None, :0]
    hops = signals[:, : (frames + 1) * _HOP].reshape(2, frames + 1, _HOP)
    rise, fall = to_namespace(_window(), signals, xp)
    first, second = hops[:, :-1] * rise, hops[:, 1:] * fall
    energies = xp.square(first[0]).sum(axis=-1) + xp.square(second[0]).sum(axis=-1)
    speech = energies > energies.max() * _RANGE
    first, second = first[:, speech], second[:, speech]
    # what is left is put together again, overlapping by a hop, and cut anew
    overlapped = first[:, 1:] + second[:, :-1]
    joined = xp.concatenate([first[:, :1], overlapped], axis=1)
    again = xp.concatenate([joined[:, :-1] * rise, joined[:, 1:] * fall], axis=-1)
    spectra = transforms(xp).rfft(again, _FFT)
    bands = xp.matmul(xp.square(spectra.real) + xp.square(spectra.imag), to_namespace(_third_octaves(), signals, xp))
    return xp.sqrt(bands).swapaxes(1, 2)


@lru_cache(maxsize=1)
def _window() -> Floats:
    """Give the rising and the falling half of a Hann window without its zeros."""
    return np.hanning(2 * _HOP + 2)[1:-1].reshape(2, _HOP)


@lru_cache(maxsize=1)
def _third_octaves() -> Floats:
    """Say which bins of a spectrum make which band, shape (bin, band); edges lie on the nearest bin."""
    bins = np.linspace(0, _RATE / 2, _FFT // 2 + 1)
    sixths = _LOWEST * 2.0 ** ((2 * np.arange(_BANDS)[:, None] + [-1, 1]) / 6)
    edges = np.abs(bins - sixths[..., None]).argmin(axis=-1)
    place = np.arange(len(bins))[:, None]
    return ((place >= edges[:, 0]) & (place < edges[:, 1])).astype(np.float64)


def _plain(x: Any, y: Any, xp: Any) -> Any:
    """Correlate the envelopes of each segment, after scaling and clipping the estimate's (eq. 3 and 5 of the paper)."""
    energy_x, energy_y = xp.square(x).sum(axis=-1), xp.square(y).sum(axis=-1)
    alpha = xp.sqrt(_divided(energy_x, energy_y, xp))[..., None]
    x, y = _centred(x), _centred(xp.minimum(y * alpha, x * _CLIP))
    norms = xp.sqrt(xp.square(x).sum(axis=-1) * xp.square(y).sum(axis=-1))
    return _divided((x * y).sum(axis=-1), norms, xp).mean()


def _extended(x: Any, y: Any, xp: Any) -> Any:
    """Correlate the spectra within each segment, after normalising it over time, then over bands (eq. 4 and 6)."""
    x, y = (_unit(_unit(part, -1, xp), 0, xp) for part in (x, y))
    return (x * y).sum() / (x.shape[1] * _SEGMENT)


def _unit(part: Any, axis: int, xp: Any) -> Any:
    centred = _centred(part, axis)
    return centred * _divided(1.0, xp.sqrt(xp.square(centred).sum(axis=axis, keepdims=True)), xp)


def _centred(part: Any, axis: int = -1) -> Any:
    return part - part.mean(axis=axis, keepdims=True)


def _divided(a: Any, b: Any, xp: Any) -> Any:
    """Divide; what does not move has no share."""
    return xp.where(b > 0, a / xp.where(b > 0, b, 1.0), 0.0)


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
