"""Running one separator on one mixture: rates, channels and delay are the runner's business, not the separator's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sepbench.errors import SeparatorError
from sepbench.separators.protocol import Estimates, Signal, checked

__all__ = ["Run", "run"]


class Run(NamedTuple):
    """Estimates at the mixture's own rate and channels, and the wall time that the separator took."""

    estimates: Estimates
    seconds: float


def run(
    separator: Any,
    mixture: Signal,
    sample_rate: int,
    targets: tuple[str, ...],
    references: Mapping[str, Signal] | None = None,
) -> Run:
    """Separate a mixture.

    The mixture is resampled to the rate that the separator wants (soxr, VHQ) and its estimates back; a separator for
    one channel sees each channel by itself, one for two channels sees a mono mixture twice, and the mean of its two
    outputs counts. A delay that the separator declares is taken out.

    Parameters
    ----------
    separator : Separator
    mixture : ndarray of float32, shape (channel, time)
    sample_rate : int
        Of the mixture, in Hz.
    targets : tuple of str
        Asked of a separator that has no targets of its own.
    references : mapping of str to ndarray, optional
        The true sources, shown to oracles alone.

    Raises
    ------
    SeparatorError
        If the separator raises, or does not keep the contract; the words say which and how.
    """
    rate = separator.sample_rate or sample_rate
    inputs = _in_channels(separator, _resampled(mixture, sample_rate, rate))
    shown: list[Mapping[str, Signal] | None] = [None] * len(inputs)
    if references is not None and getattr(separator, "needs_references", False):
        split = {
            name: _in_channels(separator, _resampled(signal, sample_rate, rate)) for name, signal in references.items()
        }
        shown = [{name: parts[place] for name, parts in split.items()} for place in range(len(inputs))]
    outputs, seconds = [], 0.0
    for part, truth in zip(inputs, shown, strict=True):
        begun = time.perf_counter()
        try:
            found = checked(separator, part, sample_rate=rate, targets=targets, references=truth)
        except SeparatorError:
            raise
        except Exception as error:
            words = f"{type(separator).__name__}: raised {type(error).__name__}: {error}"
            raise SeparatorError(words, "run it on one file with `sepbench separate --debug`") from error
        seconds += time.perf_counter() - begun
        outputs.append(found)
    joined = {name: _out_of_channels([output[name] for output in outputs], mixture) for name in outputs[0]}
    delay = round(getattr(separator, "latency_samples", 0) * sample_rate / rate)
    estimates = {
        name: _in_time(_resampled(signal, rate, sample_rate), delay, mixture.shape[1])
        for name, signal in joined.items()
    }
    return Run(estimates, seconds)


def _resampled(signal: Signal, from_rate: int, to_rate: int) -> Signal:
    if from_rate == to_rate:
        return signal
    import soxr

    columns = soxr.resample(signal.T.astype(np.float64), from_rate, to_rate, quality="VHQ")
    return np.ascontiguousarray(columns.reshape(-1, signal.shape[0]).T, dtype=np.float32)


def _in_channels(separator: Any, signal: Signal) -> list[Signal]:
    wanted, have = getattr(separator, "channels", None), signal.shape[0]
    if wanted is None or wanted == have:
        return [signal]
    if wanted == 1:
        return [signal[place : place + 1] for place in range(have)]
    if have == 1:
        return [np.repeat(signal, wanted, axis=0)]
    raise SeparatorError(
        f"{type(separator).__name__}: takes {wanted} channels, the mixture has {have}", "mix a corpus that fits"
    )


def _out_of_channels(parts: list[Signal], mixture: Signal) -> Signal:
    joined = np.concatenate(parts, axis=0)
    return joined if joined.shape[0] == mixture.shape[0] else joined.mean(axis=0, keepdims=True)


def _in_time(signal: Signal, delay: int, frames: int) -> Signal:
    """Take out a delay, and the sample or two by which resampling there and back changes the length."""
    signal = signal[:, delay : delay + frames]
    return np.pad(signal, ((0, 0), (0, frames - signal.shape[1])))
