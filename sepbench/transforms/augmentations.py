"""Transforms of audiomentations, where their `apply` draws nothing.

The library draws parameters from Python's and numpy's global generators, and in some of its transforms (`AddGaussianSNR`,
`AddGaussianNoise`, `AdjustDuration`, slow `TimeStretch`) draws again in `apply`, frozen parameters or not. Here the parameters come from the
row, `randomize_parameters` is never called, and a test holds every `apply` to it that the generators stay as they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sepbench.transforms.filters import refuse_beyond_nyquist
from sepbench.transforms.packages import made_by, needed
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["BIT_CRUSH", "HIGH_SHELF", "LOW_SHELF", "PEAKING", "TANH_DISTORTION"]


def bit_crush(samples: Floats, sample_rate: int, *, bits: int) -> Floats:
    """Round to few bits."""
    return _applied("bit_crush", "BitCrush", samples, sample_rate, bit_depth=bits)


def tanh_distortion(samples: Floats, sample_rate: int, *, amount: float) -> Floats:
    """Distort by a hyperbolic tangent, and bring the result to the RMS that there was."""
    return _applied("tanh_distortion", "TanhDistortion", samples, sample_rate, distortion_amount=amount)


def low_shelf(samples: Floats, sample_rate: int, *, corner_hz: float, gain_db: float, q: float) -> Floats:
    """Raise or lower what is below a corner."""
    return _equalised("low_shelf", "LowShelfFilter", samples, sample_rate, corner_hz, gain_db, q)


def high_shelf(samples: Floats, sample_rate: int, *, corner_hz: float, gain_db: float, q: float) -> Floats:
    """Raise or lower what is above a corner."""
    return _equalised("high_shelf", "HighShelfFilter", samples, sample_rate, corner_hz, gain_db, q)


def peaking(samples: Floats, sample_rate: int, *, centre_hz: float, gain_db: float, q: float) -> Floats:
    """Raise or lower what is around a frequency."""
    return _equalised("peaking", "PeakingFilter", samples, sample_rate, centre_hz, gain_db, q)


def _equalised(
    name: str, kind: str, samples: Floats, sample_rate: int, frequency_hz: float, gain_db: float, q: float
) -> Floats:
    refuse_beyond_nyquist(name, frequency_hz, sample_rate)  # the library would move it without a word
    return _applied(name, kind, samples, sample_rate, center_freq=frequency_hz, gain_db=gain_db, q_factor=q)


def _applied(name: str, kind: str, samples: Floats, sample_rate: int, **parameters: Any) -> Floats:
    augmentation = getattr(needed("audiomentations", by=name), kind)(p=1.0)
    augmentation.parameters = {"should_apply": True, **parameters}
    made: Floats = augmentation.apply(samples.astype(np.float32), sample_rate).astype(np.float64)
    return made


def _equaliser(name: str, title: str, definition: str, frequency: tuple[str, Parameter], function: Any) -> Transform:
    return Transform(
        name=name,
        title=title,
        definition=f"{definition} by `gain_db`: a biquad, causal, its state at rest on the first sample's value; float32. The frequency must be below "
        "half the sample rate.",
        reference="Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients; through audiomentations.",
        parameters={
            frequency[0]: frequency[1],
            "gain_db": Parameter("Gain there.", "dB", -40, 40, 6.0),
            "q": Parameter("Quality: higher is steeper, or narrower.", "", 0.1, 20, 0.7),
        },
        function=function,
        stage=made_by("audiomentations"),
    )


BIT_CRUSH = Transform(
    name="bit_crush",
    title="Bit crushing",
    definition="Rounds, half to even, to multiples of 1 / (2^(`bits` - 1) + 1), in float32.",
    reference="BitCrush of audiomentations.",
    parameters={"bits": Parameter("Depth.", "bit", 2, 16, 8, per_unit=1)},
    function=bit_crush,
    stage=made_by("audiomentations"),
)
TANH_DISTORTION = Transform(
    name="tanh_distortion",
    title="Soft clipping",
    definition="The hyperbolic tangent of the signal, with a gain that brings the (1 - 0.99 `amount`) quantile of the magnitudes to 0.5 before it, and a "
    "gain after it that restores the RMS; in float32.",
    reference="TanhDistortion of audiomentations.",
    parameters={"amount": Parameter("How much of the signal is bent: 0 only its peaks, 1 nearly all.", "", 0, 1, 0.3)},
    function=tanh_distortion,
    stage=made_by("audiomentations"),
)
LOW_SHELF = _equaliser(
    "low_shelf",
    "Low shelf",
    "Raises or lowers what is below `corner_hz`",
    ("corner_hz", Parameter("Where half the gain, in dB, is reached.", "Hz", 10, 96000, 250.0)),
    low_shelf,
)
HIGH_SHELF = _equaliser(
    "high_shelf",
    "High shelf",
    "Raises or lowers what is above `corner_hz`",
    ("corner_hz", Parameter("Where half the gain, in dB, is reached.", "Hz", 10, 96000, 2000.0)),
    high_shelf,
)
PEAKING = _equaliser(
    "peaking",
    "Peaking equaliser",
    "Raises or lowers what is around `centre_hz`",
    ("centre_hz", Parameter("The middle of the band.", "Hz", 10, 96000, 1000.0)),
    peaking,
)
