"""Band limitation as recordings have it: to a lower sample rate and back, by one of several resamplers."""

from __future__ import annotations

import math

import numpy as np

from sepbench.transforms.packages import made_by
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["RESAMPLE", "RESAMPLERS", "converted", "resample"]

RESAMPLERS = ("soxr_vhq", "soxr_hq", "soxr_mq", "soxr_lq", "soxr_qq", "polyphase", "fourier", "linear")


def resample(samples: Floats, sample_rate: int, *, rate_hz: int, resampler: str) -> Floats:
    """Take a signal to another sample rate and back.

    Parameters
    ----------
    rate_hz : int
        The rate in between: what is above half of it is lost, or comes back as aliases where the resampler lets it pass.
    resampler : str
        One of `RESAMPLERS`.
    """
    there = converted(samples, sample_rate, rate_hz, resampler)
    return converted(there, rate_hz, sample_rate, resampler, frames=samples.shape[1])


def converted(samples: Floats, from_rate: int, to_rate: int, resampler: str, *, frames: int | None = None) -> Floats:
    """Resample to a rate, with sample 0 at the same time.

    Parameters
    ----------
    samples : ndarray of float64, shape (channel, time)
    from_rate, to_rate : int
        In Hz.
    resampler : str
        One of `RESAMPLERS`.
    frames : int, optional
        Length of what comes out; by default all samples that lie before the signal's end.
    """
    if from_rate == to_rate:
        return samples
    if frames is None:
        frames = -(-samples.shape[1] * to_rate // from_rate)
    # The libraries round lengths, each in its way: of one sample soxr makes none, and a Fourier transform of a length that
    # has no whole counterpart would change the pitch. So zeros follow, up to a length that has one.
    whole = from_rate // math.gcd(from_rate, to_rate)
    padded = -(-(samples.shape[1] + -(-16 * from_rate // to_rate)) // whole) * whole
    made = _with(resampler, np.pad(samples, ((0, 0), (0, padded - samples.shape[1]))), from_rate, to_rate)
    return made[:, :frames]


def _with(resampler: str, samples: Floats, from_rate: int, to_rate: int) -> Floats:
    if resampler == "linear":
        times = np.arange(samples.shape[1] * to_rate // from_rate) * (from_rate / to_rate)
        return np.stack([np.interp(times, np.arange(samples.shape[1]), channel) for channel in samples])
    made: Floats
    if resampler == "polyphase":
        from scipy.signal import resample_poly

        made = resample_poly(samples, to_rate, from_rate, axis=1)
        return made
    if resampler == "fourier":
        from scipy.signal import resample as fourier

        made = fourier(samples, samples.shape[1] * to_rate // from_rate, axis=1)
        return made
    import soxr

    made = soxr.resample(samples.T, from_rate, to_rate, quality=resampler.removeprefix("soxr_").upper()).T
    return made


def _libraries() -> str:
    return f"{made_by('soxr')()}, {made_by('scipy')()}"


RESAMPLE = Transform(
    name="resample",
    title="Band limitation by resampling",
    definition="To `rate_hz` and back, as a recording is that once had a lower rate; the length is kept. The resamplers differ in what they "
    "leave above half of the rate: `soxr_vhq` to `soxr_lq` (which falls off early) and `fourier` next to nothing, `polyphase` (a short FIR) aliases near "
    "the edge, `soxr_qq` (cubic) and `linear` aliases all over. A rate above the corpus's own takes nothing away.",
    reference="The bandwidth limitation of the URGENT challenges: Zhang et al., URGENT challenge, Interspeech 2024; soxr, scipy.signal.",
    parameters={
        "rate_hz": Parameter("The rate in between.", "Hz", 2000, 192000, 8000, per_unit=1),
        "resampler": Parameter("What resamples.", default="soxr_hq", choices=RESAMPLERS, kind="word"),
    },
    function=resample,
    stage=_libraries,
)
