"""Short-time objective intelligibility, plain and extended, as the authors' own programs compute it, and `pystoi` with them.

Both hear the same: third-octave envelopes of the parts in which the reference speaks. Nothing is random and nothing has an
epsilon: an envelope that does not move is correlated with nothing.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from sepbench.errors import SignalError
from sepbench.metrics.arrays import to_namespace, windows
from sepbench.metrics.channels import score_channels
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, in_namespace
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
    return float((_extended if extended else _plain)(bands[0], bands[1], xp))


def _envelopes(signals: Any, xp: Any) -> Any:
    """Give the envelopes in third-octave bands of two signals where the first one speaks, shape (2, band, frame)."""
    count = max(0, -(-(signals.shape[-1] - 2 * _HOP) // _HOP))
    if count == 0:
        return signals[:, None, :0]
    window = to_namespace(_window(), signals, xp)
    frames = windows(signals, 2 * _HOP, _HOP, xp)[:, :count] * window
    energies = xp.square(frames[0]).sum(axis=-1)
    frames = frames[:, energies > energies.max() * _RANGE]
    # what speaks is put together again, overlapping by a hop, and cut anew; the last half frame is never heard
    hops = xp.concatenate([frames[:, :1, :_HOP], frames[:, 1:, :_HOP] + frames[:, :-1, _HOP:]], axis=1)
    if hops.shape[1] < 2:
        return signals[:, None, :0]
    again = windows(hops.reshape(2, -1), 2 * _HOP, _HOP, xp) * window
    octaves, heard = _third_octaves()
    spectra = xp.fft.rfft(again, _FFT)[..., heard]
    power = xp.square(spectra.real) + xp.square(spectra.imag)
    return xp.sqrt(xp.matmul(to_namespace(octaves, signals, xp), power.swapaxes(1, 2)))


@lru_cache(maxsize=1)
def _window() -> Floats:
    """Give a Hann window without its zeros."""
    return np.hanning(2 * _HOP + 2)[1:-1]


@lru_cache(maxsize=1)
def _third_octaves() -> tuple[Floats, slice]:
    """Say which bins of a spectrum make which band, shape (band, bin), and which are in any; edges lie on the nearest bin."""
    bins = np.linspace(0, _RATE / 2, _FFT // 2 + 1)
    sixths = _LOWEST * 2.0 ** ((2 * np.arange(_BANDS)[:, None] + [-1, 1]) / 6)
    edges = np.abs(bins - sixths[..., None]).argmin(axis=-1)
    heard = slice(int(edges.min()), int(edges.max()))
    place = np.arange(heard.start, heard.stop)
    return ((place >= edges[:, :1]) & (place < edges[:, 1:])).astype(np.float64), heard


# Both ways run over the places in a segment, with all segments (one begins in each frame) and bands side by side, and keep
# sums: of x, of its square, of its product with y. So they need no array of all segments, thirty times the envelopes.


def _plain(x: Any, y: Any, xp: Any) -> Any:
    """Correlate the envelopes of each segment, after scaling and clipping the estimate's (eq. 3 and 5 of the paper)."""
    x_sum, x_energy, y_energy = (_sliding_sum(part) for part in (x, xp.square(x), xp.square(y)))
    alpha, clip = xp.sqrt(_divided(x_energy, y_energy, xp)), x * _CLIP
    y_sum, y_squares, products = (xp.zeros_like(alpha) for _ in range(3))
    for place in range(_SEGMENT):
        here = slice(place, place + x_sum.shape[-1])
        clipped = xp.minimum(y[:, here] * alpha, clip[:, here])
        y_sum += clipped
        y_squares += clipped * clipped
        products += clipped * x[:, here]
    moves = _moving(x_energy, x_sum, _SEGMENT, xp) * _moving(y_squares, y_sum, _SEGMENT, xp)
    return _divided(products - x_sum * y_sum / _SEGMENT, xp.sqrt(moves), xp).mean()


def _extended(x: Any, y: Any, xp: Any) -> Any:
    """Correlate the spectra within each segment, after normalising it over time, then over bands (eq. 4 and 6)."""
    scales, offsets = zip(*(_normalisation(part, xp) for part in (x, y)), strict=True)
    sums = []
    for place in range(_SEGMENT):
        here = slice(place, place + scales[0].shape[-1])
        p, q = (part[:, here] * scale - offset for part, scale, offset in zip((x, y), scales, offsets, strict=True))
        sums.append(
            xp.stack([p.sum(axis=0), q.sum(axis=0), *((a * b).sum(axis=0) for a, b in ((p, p), (q, q), (p, q)))])
        )
    p_sum, q_sum, p_squares, q_squares, products = xp.stack(sums, 1)
    moves = _moving(p_squares, p_sum, _BANDS, xp) * _moving(q_squares, q_sum, _BANDS, xp)
    return _divided(products - p_sum * q_sum / _BANDS, xp.sqrt(moves), xp).mean()


def _normalisation(part: Any, xp: Any) -> tuple[Any, Any]:
    """Give factor and offset that bring each band of each segment to zero mean and unit energy."""
    total = _sliding_sum(part)
    moves = _moving(_sliding_sum(xp.square(part)), total, _SEGMENT, xp)
    scale = xp.where(moves > 0, 1 / xp.sqrt(xp.where(moves > 0, moves, 1.0)), 0.0)
    return scale, scale * total / _SEGMENT


def _sliding_sum(part: Any) -> Any:
    """Sum each stretch of 30 frames, from sums of 2, 4, 8 and 16: nothing is ever subtracted, so nothing is lost."""
    sums = [part]
    for length in (1, 2, 4, 8):
        sums.append(sums[-1][:, :-length] + sums[-1][:, length:])
    _, two, four, eight, sixteen = sums
    count = part.shape[-1] - _SEGMENT + 1
    return sixteen[:, :count] + eight[:, 16 : 16 + count] + four[:, 24 : 24 + count] + two[:, 28 : 28 + count]


def _moving(squares: Any, total: Any, count: int, xp: Any) -> Any:
    """Give the energy around the mean, and zero where that is rounding: such an envelope does not move."""
    energy = squares - total * total / count
    return xp.where(energy > 1e-13 * squares, energy, 0.0)


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
