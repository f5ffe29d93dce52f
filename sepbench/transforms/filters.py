"""Band limitation by filters, each with its corner where the attenuation is 3 dB."""

from __future__ import annotations

from typing import Any

from sepbench.errors import UsageError
from sepbench.transforms.packages import made_by
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["BAND_PASS", "HIGH_PASS", "LOW_PASS", "band_pass", "high_pass", "low_pass", "refuse_beyond_nyquist"]


def low_pass(samples: Floats, sample_rate: int, *, corner_hz: float, order: int) -> Floats:
    """Attenuate what is above the corner, by 6 dB per octave and order.

    Raises
    ------
    UsageError
        If the corner is not below half the sample rate.
    """
    refuse_beyond_nyquist("low_pass", corner_hz, sample_rate)
    return _butterworth(samples, sample_rate, order, corner_hz, "lowpass")


def high_pass(samples: Floats, sample_rate: int, *, corner_hz: float, order: int) -> Floats:
    """Attenuate what is below the corner, by 6 dB per octave and order.

    Raises
    ------
    UsageError
        If the corner is not below half the sample rate.
    """
    refuse_beyond_nyquist("high_pass", corner_hz, sample_rate)
    return _butterworth(samples, sample_rate, order, corner_hz, "highpass")


def band_pass(samples: Floats, sample_rate: int, *, low_hz: float, high_hz: float, order: int) -> Floats:
    """Attenuate what is below one corner or above the other, by 6 dB per octave and order on either side.

    Raises
    ------
    UsageError
        If the corners are not in order, or not below half the sample rate.
    """
    if low_hz >= high_hz:
        raise UsageError(
            f"band_pass: the lower corner, {low_hz:g} Hz, is not below the upper one, {high_hz:g} Hz",
            "draw them from ranges apart",
        )
    refuse_beyond_nyquist("band_pass", high_hz, sample_rate)
    return _butterworth(samples, sample_rate, order, (low_hz, high_hz), "bandpass")


def refuse_beyond_nyquist(where: str, frequency_hz: float, sample_rate: int) -> None:
    """Raise `UsageError` for a frequency that signals of this rate do not have.

    Examples
    --------
    >>> refuse_beyond_nyquist("low_pass", 8000, 16000)
    Traceback (most recent call last):
    sepbench.errors.UsageError: low_pass: expected a frequency below half the sample rate of 16000 Hz, got 8000 Hz
    hint: draw it below 8000 Hz
    """
    if 2 * frequency_hz >= sample_rate:
        raise UsageError(
            f"{where}: expected a frequency below half the sample rate of {sample_rate} Hz, got {frequency_hz:g} Hz",
            f"draw it below {sample_rate / 2:g} Hz",
        )


def _butterworth(samples: Floats, sample_rate: int, order: int, corners: Any, kind: str) -> Floats:
    """Filter from rest, forwards only: the delay of the filter is a part of what it does, as it is in hardware."""
    from scipy.signal import butter, sosfilt

    sections = butter(order, corners, kind, fs=sample_rate, output="sos")
    filtered: Floats = sosfilt(sections, samples, axis=1)
    return filtered


_REFERENCE = "Butterworth, On the theory of filter amplifiers, Wireless Engineer 7, 1930; scipy.signal.butter."
_ORDER = Parameter("Order of the filter: the slope is 6 dB per octave times this.", "", 1, 12, 4, per_unit=1)


def _corner(meaning: str, default: float) -> Parameter:
    return Parameter(meaning, "Hz", 10, 96000, default)


LOW_PASS = Transform(
    name="low_pass",
    title="Low-pass filter",
    definition="A Butterworth filter, causal and from rest, 3 dB down at `corner_hz`, which must be below half the sample rate.",
    reference=_REFERENCE,
    parameters={"corner_hz": _corner("Where the attenuation is 3 dB.", 3400), "order": _ORDER},
    function=low_pass,
    stage=made_by("scipy"),
)
HIGH_PASS = Transform(
    name="high_pass",
    title="High-pass filter",
    definition="A Butterworth filter, causal and from rest, 3 dB down at `corner_hz`, which must be below half the sample rate.",
    reference=_REFERENCE,
    parameters={"corner_hz": _corner("Where the attenuation is 3 dB.", 100), "order": _ORDER},
    function=high_pass,
    stage=made_by("scipy"),
)
BAND_PASS = Transform(
    name="band_pass",
    title="Band-pass filter",
    definition="A Butterworth filter, causal and from rest, 3 dB down at `low_hz` and `high_hz`, with the slope of `order` on either "
    "side. The defaults are the telephone band.",
    reference=_REFERENCE,
    parameters={
        "low_hz": _corner("The lower corner: there the attenuation is 3 dB.", 300),
        "high_hz": _corner("The upper corner: there the attenuation is 3 dB.", 3400),
        "order": _ORDER,
    },
    function=band_pass,
    stage=made_by("scipy"),
)
