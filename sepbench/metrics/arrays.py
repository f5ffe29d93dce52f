"""Signals as arrays of NumPy or tensors of torch: one mathematics for both, through the array's own namespace.

A metric asks `namespace` for the module that its arguments belong to (``xp`` below) and calls what the two modules have
in common: sums, products, `xp.fft`, `xp.matmul`. Torch is never imported from here: there is no tensor without it.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np

from sepbench.errors import SignalError

__all__ = [
    "double",
    "matching_sets",
    "namespace",
    "padded",
    "real_and_imaginary",
    "same_shape",
    "time_last",
    "to_host",
    "to_namespace",
    "windows",
    "zeros",
]

_CHANNELS, _SAMPLES = 8, 512  # with no more and no fewer, the axes of channels and time were swapped
_REPAIR = "lengths are never repaired silently: cut or pad the estimate yourself if that is what you mean"


def namespace(*signals: Any, where: str) -> Any:
    """Give torch if the signals are tensors of one device, else numpy.

    Raises
    ------
    SignalError
        If tensors stand beside what is none, or beside tensors of another device.

    Examples
    --------
    >>> namespace([1.0, 2.0], np.ones(2), where="snr").__name__
    'numpy'
    """
    torch = sys.modules.get("torch")
    tensors = [torch is not None and isinstance(signal, torch.Tensor) for signal in signals]
    if not any(tensors):
        return np
    if not all(tensors) or len({signal.device for signal in signals}) > 1:
        kinds = [str(signal.device) if is_tensor else type(signal).__name__ for signal, is_tensor in zip(signals, tensors, strict=True)]  # fmt: skip
        raise SignalError(
            f"{where}: expected tensors of one device, got {' and '.join(kinds)}", "move them together first"
        )
    return torch


def double(signal: Any, name: str, xp: Any, *, where: str) -> Any:
    """Bring a signal into float64, without a copy where it is that already.

    Whatever the samples are stored in, everything is computed in float64; so a value is that of the stored samples.

    Raises
    ------
    SignalError
        If the numbers are not real.
    """
    if xp is np:
        _keep_memory()
        signal = np.asarray(signal)
        if signal.dtype.kind not in "fiu":
            raise SignalError(f"{where}: the {name} is an array of {signal.dtype}", "pass real numbers")
        # C order: a sum over time then has one order of additions, whatever the strides were
        return signal.astype(np.float64, order="C", copy=False)
    if signal.is_complex() or signal.dtype == xp.bool:
        raise SignalError(f"{where}: the {name} is a tensor of {signal.dtype}", "pass real numbers")
    return signal.detach().to(xp.float64).contiguous()


def same_shape(reference: Any, estimate: Any, *, where: str) -> None:
    """Make sure that two signals of shape (..., time) fit together.

    Raises
    ------
    SignalError
        If the shapes differ, there are no samples, or time is not the last axis.
    """
    shapes = tuple(reference.shape), tuple(estimate.shape)
    if shapes[0] != shapes[1]:
        raise SignalError(f"{where}: reference has shape {shapes[0]} but estimate has {shapes[1]}", _REPAIR)
    if not shapes[0] or shapes[0][-1] == 0:
        raise SignalError(f"{where}: there are no samples", "pass arrays of shape (…, time)")
    time_last(shapes[0], where=where)


def time_last(shape: tuple[int, ...], *, where: str) -> None:
    """Make sure that signals of this shape are no file's frames of a few channels each.

    Raises
    ------
    SignalError
        If time seems to be the last axis but one.

    Examples
    --------
    >>> time_last((16000, 2), where="snr")
    Traceback (most recent call last):
    sepbench.errors.SignalError: snr: expected signals of shape (…, time), got (16000, 2): 16000 signals of 2 samples
    hint: libraries for files give (time, channel): pass `signal.T`
    """
    if len(shape) > 1 and shape[-1] <= _CHANNELS and shape[-2] >= _SAMPLES:
        raise SignalError(
            f"{where}: expected signals of shape (…, time), got {shape}: {shape[-2]} signals of {shape[-1]} samples",
            f"libraries for files give (time, channel): pass `signal{'.T' if len(shape) == 2 else '.swapaxes(-1, -2)'}`",
        )


def matching_sets(
    references: Any, estimates: Any, *, where: str, axes: str, hint: str, square: bool
) -> tuple[Any, Any, Any]:
    """Bring a set of references and one of estimates into float64, and make sure that they fit together.

    Parameters
    ----------
    axes : str
        What the axes of both are, as ``source, time``.
    hint : str
        The remedy for another number of axes.
    square : bool
        Whether there must be as many estimates as references, for a permutation; else there may be fewer.

    Returns
    -------
    references, estimates
    namespace

    Raises
    ------
    SignalError
        If their shapes do not fit.
    """
    xp = namespace(references, estimates, where=where)
    references, estimates = double(references, "references", xp, where=where), double(estimates, "estimates", xp, where=where)  # fmt: skip
    for name, signals in (("references", references), ("estimates", estimates)):
        if signals.ndim != axes.count(",") + 1 or 0 in signals.shape:
            raise SignalError(f"{where}: expected {name} of shape ({axes}), got {tuple(signals.shape)}", hint)
        time_last(tuple(signals.shape), where=where)
    fits = len(estimates) == len(references) if square else len(estimates) <= len(references)
    if references.shape[1:] != estimates.shape[1:] or not fits:
        raise SignalError(
            f"{where}: references have shape {tuple(references.shape)} but estimates have {tuple(estimates.shape)}",
            "channels and lengths must be equal, and every estimate needs its reference"
            + ("; a permutation needs as many of one as of the other" if square else ""),
        )
    return references, estimates, xp


@cache
def _keep_memory() -> None:
    """Let glibc keep what arrays give back: page faults are a third of the time otherwise.

    It takes the largest block that was ever given back, of up to 32 MiB, for the size that will be wanted again. This one is
    never written to, so it costs nothing; other systems do not mind.
    """
    np.empty(32_000_000, np.uint8)


def padded(signals: Any, before: int, after: int, xp: Any) -> Any:
    """Put so many zeros before and after the signals."""
    head, tail = (zeros((*signals.shape[:-1], count), signals, xp) for count in (before, after))
    return xp.concatenate([head, signals, tail], axis=-1)


def zeros(shape: tuple[int, ...], like: Any, xp: Any) -> Any:
    """Give zeros of the kind of another array, where that lives."""
    return np.zeros(shape, like.dtype) if xp is np else xp.zeros(shape, dtype=like.dtype, device=like.device)


def real_and_imaginary(array: Any, xp: Any) -> Any:
    """Show complex numbers as real ones, two after each other for each of the last axis."""
    return array.view(array.real.dtype) if xp is np else xp.view_as_real(array).flatten(-2)


def windows(array: Any, length: int, step: int, xp: Any) -> Any:
    """Show all stretches of a length over the last axis, each a step after the one before, without copying them."""
    if xp is np:
        return np.lib.stride_tricks.sliding_window_view(array, length, axis=-1)[..., ::step, :]
    return array.unfold(-1, length, step)


def to_host(array: Any, xp: Any) -> Any:
    """Give the array as numpy has it, for what is small and is no work for a device."""
    return array if xp is np else array.cpu().numpy()


def to_namespace(array: Any, like: Any, xp: Any) -> Any:
    """Bring a numpy array to where another array lives."""
    return array if xp is np else xp.as_tensor(array, device=like.device)
