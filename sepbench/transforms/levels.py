"""Bringing a source to a level of its own: its peak, its loudness, or the level of its speech."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sepbench.errors import SignalError, SilentSignalError, UndefinedLoudnessError
from sepbench.loudness import integrated_loudness
from sepbench.transforms.decibels import factor
from sepbench.transforms.packages import made_by, ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["NORMALISE", "TO_ACTIVE_LEVEL", "TO_LOUDNESS", "active_level", "normalise", "to_active_level", "to_loudness"]

_GATED_FROM_S, _MOST_CHANNELS = 0.4, 5  # of BS.1770: one gating block; the channels that have a weight
_NEAR_DB, _ATTEMPTS = 0.005, 12


def normalise(samples: Floats, sample_rate: int, *, peak_dbfs: float) -> Floats:
    """Bring the largest magnitude over all channels to a level.

    Raises
    ------
    SilentSignalError
        If there is none.

    Examples
    --------
    >>> normalise(np.array([[0.25, -0.5]]), 16000, peak_dbfs=0.0)
    array([[ 0.5, -1. ]])
    """
    peak = np.abs(samples).max()
    if peak == 0:
        raise SilentSignalError("normalise: a silent signal can't be brought to a level", "choose another excerpt")
    made: Floats = samples / peak * factor(peak_dbfs)  # in this order 0 dB is exactly 1
    return made


def to_loudness(samples: Floats, sample_rate: int, *, loudness_lufs: float) -> Floats:
    """Bring the integrated loudness to a value.

    Raises
    ------
    UndefinedLoudnessError
        If the signal has no loudness, and why; or no gain gives it this one.

    References
    ----------
    ITU-R BS.1770-4 (2015), annex 1; see `sepbench.loudness.integrated_loudness`.
    """

    def loudness(louder: Floats) -> float:
        measured = integrated_loudness(louder, sample_rate)
        if measured is None:
            raise UndefinedLoudnessError(
                f"to_loudness: {_why(samples, sample_rate)}", "choose another or a longer excerpt"
            )
        return measured

    made = _settled(samples, loudness_lufs, loudness)
    if made is None:
        raise UndefinedLoudnessError(
            f"to_loudness: no gain brings the signal to {loudness_lufs:g} LUFS: parts of it lie at the gate of -70 LUFS",
            "ask for a higher loudness, or choose another excerpt",
        )
    return made


def _settled(samples: Floats, wanted_db: float, measure: Callable[[Floats], float]) -> Floats | None:
    """Apply the gain that is missing until none is: gates and thresholds see other parts of a signal once it is louder."""
    for _ in range(_ATTEMPTS):
        missing = wanted_db - measure(samples)
        if abs(missing) < _NEAR_DB:
            return samples
        samples = samples * 10 ** (missing / 20)
    return None


def _why(samples: Floats, sample_rate: int) -> str:
    channels, frames = samples.shape
    if frames < _GATED_FROM_S * sample_rate:
        return f"loudness needs {_GATED_FROM_S} s at least, the signal has {frames / sample_rate:.3f} s"
    if channels > _MOST_CHANNELS:
        return f"loudness is defined for up to {_MOST_CHANNELS} channels, the signal has {channels}"
    return "no block of the signal is above the gate of -70 LUFS"


def to_active_level(samples: Floats, sample_rate: int, *, level_dbfs: float) -> Floats:
    """Bring the active speech level to a value.

    Raises
    ------
    SilentSignalError
        If the signal has none: see `active_level`.
    """

    def level(louder: Floats) -> float:
        measured = active_level(louder, sample_rate)
        if measured is None:
            raise SilentSignalError(
                "to_active_level: the signal has no activity that could be speech", "choose another excerpt"
            )
        return measured

    made = _settled(samples, level_dbfs, level)
    if made is None:
        raise SignalError(
            f"to_active_level: no gain brings the signal to {level_dbfs:g} dBFS", "choose another excerpt"
        )
    return made


def active_level(
    samples: Floats, sample_rate: int, *, constant_s: float = 0.03, hangover_s: float = 0.2, margin_db: float = 15.9
) -> float | None:
    """Measure the active speech level, the channels together.

    The envelope is the magnitude, smoothed twice. For each threshold, a factor 2 apart, the energy of the signal is spread over the
    time in which the envelope has reached it, hangover included; the level is where that power lies 15.9 dB above the threshold.

    Returns
    -------
    float or None
        In dB, 0 is a constant at full scale; None where no threshold lies so: silence, a lone click.

    References
    ----------
    ITU-T P.56 (2011), method B, with its time constant, hangover and margin.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)[None]
    >>> pause = np.zeros((1, 32000))
    >>> round(active_level(tone, 16000), 1), round(active_level(np.hstack([tone, pause]), 16000), 1)
    (-3.0, -3.6)
    >>> active_level(pause, 16000) is None
    True
    """
    from scipy.ndimage import maximum_filter1d
    from scipy.signal import lfilter

    keep = math.exp(-1 / (constant_s * sample_rate))
    smoothing = [1 - keep], [1, -keep]
    envelope = lfilter(*smoothing, lfilter(*smoothing, np.abs(samples).max(axis=0)))
    # a sample is active where the envelope is at the threshold, or was within the hangover before it
    hangover = round(hangover_s * sample_rate)
    held = maximum_filter1d(envelope, hangover + 1, mode="constant", origin=hangover // 2)
    energy = float(np.square(samples).sum()) / samples.shape[0]
    before: tuple[float, float] | None = None
    for exponent in range(-24, 3):  # from below a step of 24 bits to above full scale
        active = int(np.count_nonzero(held >= 2.0**exponent))
        if active == 0:
            return None
        level = 10 * math.log10(energy / active)
        above = level - 20 * math.log10(2) * exponent - margin_db
        if above <= 0:
            if before is None:
                return None
            share = before[1] / (before[1] - above)
            return before[0] + share * (level - before[0])
        before = level, above
    return None


NORMALISE = Transform(
    name="normalise",
    title="Peak normalisation",
    definition="One gain for all channels brings the largest magnitude to `peak_dbfs`; 0 is full scale, so the samples fill [-1, 1].",
    reference="The peak level of AES17-2020, relative to full scale.",
    parameters={"peak_dbfs": Parameter("Level of the peak; 0 is full scale.", "dBFS", -100, 0, 0.0)},
    function=normalise,
    stage=ours,
    exact=True,
)
TO_LOUDNESS = Transform(
    name="to_loudness",
    title="Loudness normalisation",
    definition="One gain for all channels brings the integrated loudness, with both gates, to `loudness_lufs`. A signal below 0.4 s or "
    "below the gates has no loudness: then the row says so.",
    reference="ITU-R BS.1770-4, Algorithms to measure audio programme loudness and true-peak audio level, 2015.",
    parameters={"loudness_lufs": Parameter("Wanted integrated loudness.", "LUFS", -69, 0, -23.0)},
    function=to_loudness,
    stage=ours,
)
TO_ACTIVE_LEVEL = Transform(
    name="to_active_level",
    title="Active speech level normalisation",
    definition="One gain for all channels brings the active speech level (method B: the power over the time in which the envelope is within "
    "15.9 dB of it, pauses left out) to `level_dbfs`; 0 is a constant at full scale.",
    reference="ITU-T P.56, Objective measurement of active speech level, 2011.",
    parameters={"level_dbfs": Parameter("Wanted active level.", "dBFS", -100, 0, -26.0)},
    function=to_active_level,
    stage=made_by("scipy"),
)
