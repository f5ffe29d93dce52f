"""Tempo without pitch, and pitch without tempo, by the Signalsmith library.

At twice the length and beyond it blurs phases with random numbers, which it seeds from the clock of the machine where nobody gives
a seed; so audiomentations' `TimeStretch` draws in its `apply`. Within the ranges here it draws none: a test gives it different seeds.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from sepbench.transforms.packages import made_by, needed
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["PITCH_SHIFT", "TIME_STRETCH", "pitch_shift", "stretched_frames", "time_stretch"]

_SEED = 0


def time_stretch(samples: Floats, sample_rate: int, *, rate: float) -> Floats:
    """Change the tempo and keep the pitch.

    Parameters
    ----------
    samples : ndarray of float64, shape (channel, time)
    sample_rate : int
        In Hz.
    rate : float
        Above 1 it is faster; what comes out has `stretched_frames`.

    Raises
    ------
    MissingExtraError
        If python-stretch is not installed.
    """
    return _processed("time_stretch", samples, sample_rate, stretched_frames(samples.shape[1], rate), rate, 0.0)


def pitch_shift(samples: Floats, sample_rate: int, *, semitones: float) -> Floats:
    """Change the pitch and keep the tempo.

    Parameters
    ----------
    samples : ndarray of float64, shape (channel, time)
    sample_rate : int
        In Hz.
    semitones : float
        Above 0 it is higher; 12 are an octave. Formants move along.

    Raises
    ------
    MissingExtraError
        If python-stretch is not installed.
    """
    return _processed("pitch_shift", samples, sample_rate, samples.shape[1], 1.0, semitones)


def stretched_frames(frames: int, rate: float) -> int:
    """Give the length after a stretch.

    Examples
    --------
    >>> stretched_frames(1000, 1.25), stretched_frames(1001, 1.25), stretched_frames(1, 2.0)
    (800, 801, 1)
    """
    pace = _pace(rate=rate)
    return -(-frames * pace.denominator // pace.numerator)


def _pace(*, rate: float) -> Fraction:
    return Fraction(str(rate))  # of the decimal number that stands in the row, not of the float that is next to it


def _processed(name: str, samples: Floats, sample_rate: int, frames: int, rate: float, semitones: float) -> Floats:
    library = needed("python_stretch", by=name)
    stretch = _stretcher(library, samples.shape[0], sample_rate, rate, semitones)
    # zeros, so that there is always a whole block, and more comes out than is taken
    padded = np.pad(samples, ((0, 0), (0, stretch.blockSamples()))).astype(np.float32)
    made: Floats = stretch.process(padded)[:, :frames].astype(np.float64)
    return made


def _stretcher(library: Any, channels: int, sample_rate: int, rate: float, semitones: float, seed: int = _SEED) -> Any:
    stretch = library.Signalsmith.Stretch(seed)
    stretch.preset(channels, sample_rate)
    stretch.setTimeFactor(rate)
    stretch.setTransposeSemitones(semitones)
    return stretch


_REFERENCE = (
    "Signalsmith Stretch (G. Luff, Four ways to write a pitch-shifter, ADC 2022), through python-stretch; float32."
)
TIME_STRETCH = Transform(
    name="time_stretch",
    title="Time stretch",
    definition="Changes the tempo by the factor `rate` and keeps the pitch; of n samples come n / `rate`, rounded up. An event moves to "
    "its time divided by `rate`, within 10 ms.",
    reference=_REFERENCE,
    parameters={"rate": Parameter("Tempo: above 1 is faster and shorter.", "", 0.5, 2, 1.0)},
    function=time_stretch,
    stage=made_by("python-stretch"),
    pace=_pace,
)
PITCH_SHIFT = Transform(
    name="pitch_shift",
    title="Pitch shift",
    definition="Transposes by `semitones` and keeps tempo and length; formants move along. A tone is within 10 cents of where it should be.",
    reference=_REFERENCE,
    parameters={"semitones": Parameter("Transposition: above 0 is higher.", "semitones", -12, 12, 0.0)},
    function=pitch_shift,
    stage=made_by("python-stretch"),
)
