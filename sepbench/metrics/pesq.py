"""Perceptual evaluation of speech quality, wideband and narrowband, as the `pesq` package computes it.

The package is the ITU's C code. It writes beyond its arrays, and may end the process or give a wrong value, where a
reference has more than 50 utterances: stretches of some 0.2 s with such pauses between them. Up to 18 s there can't be
so many, and the package is called as any other. What is longer goes into a cage, a process that may die, and only if
there are few utterances: they are counted first, since between 50 and 60 of them it may give a wrong value in peace.
"""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import threading
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import MissingExtraError, SignalError, UsageError
from sepbench.executors import Limits, WorkerCrashedError
from sepbench.metrics.cage import Cage
from sepbench.metrics.channels import score_channels
from sepbench.metrics.extras import installed, version_of
from sepbench.metrics.metric import Floats, Metric, Score, each_signal, paired, undefined

__all__ = ["PESQ_NB", "PESQ_WB", "pesq_nb", "pesq_score", "pesq_wb"]

LONGEST_S = 300  # takes some 15 s and 0.8 GB
SAFE_S = 18  # 48 utterances of 46 frames of 4 ms, which the package makes 4 longer, and pauses of 47
_MOST_UTTERANCES = 45  # counted before the package's filters, so with some distance to 50
_SHORTEST, _PAUSE, _BLIP = 40, 40, 2  # in frames, below what the package goes by
_DEEPEST_DB = 80
_BANDS_HZ = ((250, 3500), (350, 3250))
_CAGE = Limits(timeout_s=120.0, memory_bytes=2 << 30)
_RATES: dict[str, tuple[int, ...]] = {"wb": (16000,), "nb": (8000, 16000)}
_REMEMBERED = 64  # values


def pesq_wb(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the wideband PESQ (P.862.2, MOS-LQO).

    It does not hear the estimate's level or polarity: never show it alone.

    Parameters
    ----------
    reference, estimate : array_like of shape (..., time)
        Same shape, up to 5 min. Neither is modified. They are rounded to float32.
    sample_rate : int
        16000.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where either signal is silent or not finite, shorter than 0.25 s, or holds no utterance or too many for the
        package (some 45, where there are more than 18 s).

    Raises
    ------
    MissingExtraError
        If the `pesq` package is not installed.
    SignalError
        If the shapes differ, there are no samples, the rate is another, or the recording is longer than 5 min.
    UsageError
        If more than 18 s are to be scored in a worker of a `multiprocessing.Pool`, which may start no process.

    References
    ----------
    ITU-T P.862 (2001) and P.862.2 (2007).
    """
    return _over_signals("wb", reference, estimate, sample_rate)


def pesq_nb(reference: Any, estimate: Any, sample_rate: int) -> Floats:
    """Compute the narrowband PESQ (P.862.1, MOS-LQO).

    Parameters
    ----------
    reference, estimate
        As for `pesq_wb`.
    sample_rate : int
        8000 or 16000.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where `pesq_wb` has no value.

    Raises
    ------
    MissingExtraError, SignalError, UsageError
        As for `pesq_wb`.

    References
    ----------
    ITU-T P.862 (2001) and P.862.1 (2003).
    """
    return _over_signals("nb", reference, estimate, sample_rate)


def _over_signals(mode: str, reference: Any, estimate: Any, sample_rate: int) -> Floats:
    name = f"pesq_{mode}"
    reference, estimate = paired(reference, estimate, where=name)
    if sample_rate not in _RATES[mode]:
        raise SignalError(
            f"{name}: expected a sample rate of {' or '.join(map(str, _RATES[mode]))}, got {sample_rate!r}",
            "resample both signals first; the scorer does so and says it in the id",
        )
    if reference.shape[-1] > LONGEST_S * sample_rate:
        raise SignalError(
            f"{name}: the recording has {reference.shape[-1] / sample_rate:.1f} s, more than {LONGEST_S} s",
            "PESQ is made for stretches of some 10 s: score excerpts",
        )
    if not installed("pesq"):
        raise MissingExtraError(f"{name}: the package `pesq` is not installed", 'pip install "sepbench[pesq]"')

    def value(s: Floats, s_hat: Floats) -> float:
        found = (undefined(s, s_hat) or _run(s, s_hat, int(sample_rate), mode)).value
        return math.nan if found is None else found

    return each_signal(value, reference, estimate)


class _Call(NamedTuple):
    sample_rate: int
    reference: NDArray[np.float32]
    estimate: NDArray[np.float32]
    mode: str


_known: dict[bytes, Score] = {}


def _run(reference: Floats, estimate: Floats, sample_rate: int, mode: str) -> Score:
    """Score a pair, or remember its score: composite measures ask for it too, and it costs more than all else."""
    with np.errstate(all="ignore"):
        call = _Call(sample_rate, reference.astype(np.float32), estimate.astype(np.float32), mode)
    digest = hashlib.blake2b(f"{mode} {sample_rate} {len(reference)}".encode(), digest_size=16)
    for signal in (call.reference, call.estimate):
        digest.update(signal.data)
    key = digest.digest()
    if key in _known:
        return _known[key]
    score = _score(call)
    if score.status != "metric_failed":  # that may end otherwise the next time
        while len(_known) >= _REMEMBERED:
            del _known[next(iter(_known))]
        _known[key] = score
    return score


def _score(call: _Call) -> Score:
    if len(call.reference) <= SAFE_S * call.sample_rate:
        return _call(call)
    if (count := _utterances(call.reference.astype(np.float64), call.sample_rate)) > _MOST_UTTERANCES:
        return Score(None, "out_of_range", f"{count} utterances, more than {_MOST_UTTERANCES}")
    try:
        found: Score = _cage()(call)
        return found
    except (WorkerCrashedError, MemoryError) as error:
        return Score(None, "metric_failed", f"pesq: {str(error) or 'out of memory'}")


_cages: dict[int, Cage] = {}  # by process: what a fork inherits is its parent's, answers and all
_making = threading.Lock()


def _cage() -> Cage:
    """Give this process's cage, one for all of its threads."""
    with _making:
        process = os.getpid()
        if process not in _cages:
            if multiprocessing.current_process().daemon:
                raise UsageError(
                    f"pesq: more than {SAFE_S} s are scored in a process of their own, which a daemonic process may not start",
                    "use concurrent.futures.ProcessPoolExecutor instead of multiprocessing.Pool",
                )
            _cages[process] = Cage(_call, _CAGE)
        return _cages[process]


def _forked() -> None:
    """Begin with a lock of one's own: another thread of the parent may have held its."""
    global _making
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _call(call: _Call) -> Score:
    import pesq

    try:
        with np.errstate(all="ignore"):
            return Score(float(pesq.pesq(*call)))
    except pesq.BufferTooShortError:
        return Score(None, "too_short", "shorter than 0.25 s")
    except pesq.NoUtterancesError:
        return Score(None, "no_utterance")
    except (pesq.PesqError, ValueError) as error:  # such as a NaN that came up inside
        words = error.args[0] if error.args else ""
        return Score(None, "metric_failed", f"pesq: {words.decode() if isinstance(words, bytes) else words}")


def _utterances(reference: Floats, sample_rate: int) -> int:
    """Count utterances as a voice activity detection may, at whichever threshold gives the most.

    In the whole signal, in the band of speech, and in what the package's filter lets through: a hum, or a constant, hides the
    pauses from one of them.
    """
    spectrum = np.fft.rfft(reference)
    frequencies = np.fft.rfftfreq(len(reference), 1 / sample_rate)
    signals = [reference]
    for low, high in _BANDS_HZ:
        inside = np.where((frequencies >= low) & (frequencies <= high), spectrum, 0)
        signals.append(np.fft.irfft(inside, len(reference)))
    return max(_most_stretches(signal, sample_rate) for signal in signals)


def _most_stretches(signal: Floats, sample_rate: int) -> int:
    frame = sample_rate // 250  # 4 ms
    power = np.square(signal[: len(signal) // frame * frame].reshape(-1, frame)).sum(axis=1)
    return max(_stretches(power > power.max() * 10 ** (-level_db / 10)) for level_db in range(1, _DEEPEST_DB))


def _stretches(active: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    speech = ends - starts > _BLIP
    starts, ends = starts[speech], ends[speech]
    apart = starts[1:] - ends[:-1] > _PAUSE  # shorter pauses are bridged
    lengths = ends[np.append(apart, True)[: len(ends)]] - starts[np.append(True, apart)[: len(starts)]]
    return int((lengths >= _SHORTEST).sum())


def pesq_score(reference: Floats, estimate: Floats, sample_rate: int, *, mode: str) -> Score:
    """Score one channel at any sample rate, for the scorer and for what builds on PESQ."""
    if not installed("pesq"):
        return Score(None, "not_installed", "pesq: not installed")
    if len(reference) > LONGEST_S * sample_rate:
        return Score(None, "out_of_range", f"{len(reference) / sample_rate:.1f} s, more than {LONGEST_S} s")
    if sample_rate not in _RATES[mode]:
        import soxr

        reference, estimate = (soxr.resample(s, sample_rate, 16000, "VHQ") for s in (reference, estimate))
        sample_rate = 16000
    return _run(reference, estimate, sample_rate, mode)


def _metric(mode: str, band: str, reference: str, highest: float) -> Metric:
    name = f"pesq_{mode}"
    return Metric(
        name=name,
        ids=(name,),
        title=f"PESQ ({mode.upper()})",
        unit="MOS-LQO",
        reference=reference,
        definition=f"{band} PESQ of the float32 signals at {' or '.join(map(str, _RATES[mode]))} Hz, other rates "
        f"resampled to 16000 Hz (soxr VHQ); each channel and the mean. Not scored: recordings of more than {LONGEST_S} s, "
        f"and of more than {SAFE_S} s with more than {_MOST_UTTERANCES} utterances, with which the package fails. It hears "
        "neither level nor polarity.",
        version=version_of("pesq"),
        score=partial(score_channels, name, partial(pesq_score, mode=mode), native_rates=_RATES[mode]),
        lowest=0.999,  # the mapping's asymptote
        highest=highest,
        rates=_RATES[mode],
    )


# the highest values are the mappings at the raw score 4.5
PESQ_WB = _metric("wb", "Wideband", "ITU-T P.862.2 (2007)", 4.644)
PESQ_NB = _metric("nb", "Narrowband", "ITU-T P.862.1 (2003)", 4.549)
