"""Gaussian noise, from a seed: at a ratio to the signal, or at a level of its own."""

from __future__ import annotations

import math

import numpy as np

from sepbench.errors import SilentSignalError
from sepbench.transforms.decibels import factor
from sepbench.transforms.keyed import normals
from sepbench.transforms.packages import made_by
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["GAUSSIAN_NOISE", "NOISE_FLOOR", "gaussian_noise", "noise_floor"]


def gaussian_noise(samples: Floats, sample_rate: int, *, seed: int, snr_db: float) -> Floats:
    """Add white gaussian noise at a ratio to the signal, over all channels and the whole length.

    Raises
    ------
    SilentSignalError
        If the signal is silent: no noise is at a ratio to it.

    Examples
    --------
    >>> tone = np.sin(np.arange(16000.0))[None]
    >>> noise = gaussian_noise(tone, 16000, seed=1, snr_db=20.0) - tone
    >>> round(10 * math.log10(np.square(tone).sum() / np.square(noise).sum()), 9)
    20.0
    """
    power = float(np.square(samples).mean())
    if power == 0:
        raise SilentSignalError("gaussian_noise: no noise has a ratio to a silent signal", "choose another excerpt")
    return samples + _noise(samples, seed, math.sqrt(power) * factor(-snr_db))


def noise_floor(samples: Floats, sample_rate: int, *, seed: int, level_dbfs: float) -> Floats:
    """Add white gaussian noise of an RMS level, over all channels and the whole length; 0 is a constant at full scale."""
    return samples + _noise(samples, seed, factor(level_dbfs))


def _noise(samples: Floats, seed: int, rms: float) -> Floats:
    """Make noise of exactly this RMS. Sample by sample with all channels, so a longer signal begins with the same noise but for its level."""
    channels, frames = samples.shape
    drawn = normals(seed, frames * channels).reshape(frames, channels).T
    return drawn * (rms / math.sqrt(float(np.square(drawn).mean())))


_SEED = Parameter("The noise is made from it.", kind="seed", per_unit=1)
_REFERENCE = "Gaussian quantiles of the words of Philox4x64-10: Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011."
GAUSSIAN_NOISE = Transform(
    name="gaussian_noise",
    title="Gaussian noise at a ratio",
    definition="Adds white gaussian noise, independent for each channel, so that the ratio of the signal's power to the noise's, over all channels and the "
    "whole excerpt, is exactly `snr_db`.",
    reference=_REFERENCE,
    parameters={"seed": _SEED, "snr_db": Parameter("Ratio of signal to noise.", "dB", -60, 120, 30.0)},
    function=gaussian_noise,
    stage=made_by("scipy"),
)
NOISE_FLOOR = Transform(
    name="noise_floor",
    title="Gaussian noise at a level",
    definition="Adds white gaussian noise, independent for each channel, whose RMS over all channels and the whole excerpt is exactly `level_dbfs`; 0 is a "
    "constant at full scale.",
    reference=_REFERENCE,
    parameters={"seed": _SEED, "level_dbfs": Parameter("RMS of the noise.", "dBFS", -140, 0, -60.0)},
    function=noise_floor,
    stage=made_by("scipy"),
)
