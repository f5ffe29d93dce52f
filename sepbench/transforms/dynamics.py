"""Gains that move: compression of the dynamic range, and a change of level in between."""

from __future__ import annotations

import math

import numpy as np

from sepbench.transforms.packages import ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["COMPRESS_DYNAMICS", "FADE", "GAIN_TRANSITION", "compress_dynamics", "fade", "gain_transition"]

_STEP_S = 0.001


def compress_dynamics(
    samples: Floats,
    sample_rate: int,
    *,
    threshold_dbfs: float,
    ratio: float,
    attack_ms: float,
    release_ms: float,
    makeup_db: float,
) -> Floats:
    """Compress the dynamic range: above the threshold a rise of `ratio` dB becomes one of 1 dB.

    The level is the peak of each millisecond over all channels, so one gain is for all of them. The gain that the level asks for is
    smoothed, with the time constant of the attack where it falls and of the release where it rises, and goes in
    straight lines, in dB, from the middle of one millisecond to that of the next.

    References
    ----------
    Giannoulis, Massberg and Reiss, *Digital dynamic range compressor design: a tutorial and analysis*, JAES 60(6), 2012:
    feed-forward, hard knee (eq. 4), branching smooth detector in the log domain (eq. 16).

    Examples
    --------
    >>> loud = np.full((1, 16000), 0.5)  # 14 dB above the threshold, of which a ratio of 2 leaves 7
    >>> settings = {"ratio": 2.0, "attack_ms": 5.0, "release_ms": 50.0, "makeup_db": 0.0}
    >>> made = compress_dynamics(loud, 16000, threshold_dbfs=-20.0, **settings)
    >>> round(20 * math.log10(made[0, -1]), 1)
    -13.0
    """
    step = max(1, round(_STEP_S * sample_rate))
    levels = _levels(samples, step)
    asked = np.minimum(0.0, (threshold_dbfs - levels) * (1 - 1 / ratio))
    gains = _smoothed(asked, *(math.exp(-step / sample_rate * 1000 / constant) for constant in (attack_ms, release_ms)))
    middles = np.arange(len(gains)) * step + (step - 1) / 2
    along = np.interp(np.arange(samples.shape[1]), middles, gains)
    return samples * 10 ** ((along + makeup_db) / 20)


def _levels(samples: Floats, step: int) -> Floats:
    peaks = np.maximum.reduceat(np.abs(samples).max(axis=0), np.arange(0, samples.shape[1], step))
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(peaks))  # minus infinity for silence: it asks for no gain


def _smoothed(asked: Floats, attack: float, release: float) -> Floats:
    gain, gains = 0.0, []
    for one in asked.tolist():
        keep = attack if one < gain else release
        gain = keep * gain + (1 - keep) * one
        gains.append(gain)
    return np.array(gains)


def gain_transition(
    samples: Floats, sample_rate: int, *, first_db: float, second_db: float, begin_s: float, length_s: float
) -> Floats:
    """Go from one gain to another, in a straight line in dB.

    Examples
    --------
    >>> gain_transition(np.ones((1, 5)), 1, first_db=0, second_db=-20, begin_s=1, length_s=2).round(3)
    array([[1.   , 1.   , 0.316, 0.1  , 0.1  ]])
    """
    times = np.arange(samples.shape[1]) / sample_rate
    return samples * 10 ** (np.interp(times, [begin_s, begin_s + length_s], [first_db, second_db]) / 20)


def fade(samples: Floats, sample_rate: int, *, in_ms: float, out_ms: float) -> Floats:
    """Fade in and out along halves of Hann windows; the sum of a fade out and a fade in is 1.

    Examples
    --------
    >>> fade(np.ones((1, 6)), 1000, in_ms=2, out_ms=1)
    array([[0. , 0.5, 1. , 1. , 1. , 0. ]])
    """
    faded = samples.copy()
    for ms, side in ((in_ms, faded), (out_ms, faded[:, ::-1])):
        length = round(ms * sample_rate / 1000)
        if length:
            rise = np.hanning(2 * length + 1)[: length + 1]
            side[:, : length + 1] *= rise[: side.shape[1]]
    return faded


COMPRESS_DYNAMICS = Transform(
    name="compress_dynamics",
    title="Dynamic range compression",
    definition="A feed-forward compressor with a hard knee: above `threshold_dbfs` a rise of `ratio` dB becomes one of 1 dB. The level is the "
    "peak of each millisecond over all channels; the gain follows with the time constants `attack_ms` and `release_ms`; "
    "`makeup_db` is added at the end.",
    reference="Giannoulis, Massberg and Reiss, Digital dynamic range compressor design: a tutorial and analysis, JAES 60(6), 2012.",
    parameters={
        "threshold_dbfs": Parameter("Level above which it compresses; 0 is full scale.", "dBFS", -80, 0, -20.0),
        "ratio": Parameter("How many dB in become one dB out.", "", 1, 100, 4.0),
        "attack_ms": Parameter("Time constant with which the gain falls.", "ms", 0.1, 1000, 5.0),
        "release_ms": Parameter("Time constant with which the gain rises.", "ms", 1, 10000, 100.0),
        "makeup_db": Parameter("Gain afterwards.", "dB", -20, 40, 0.0),
    },
    function=compress_dynamics,
    stage=ours,
)
GAIN_TRANSITION = Transform(
    name="gain_transition",
    title="Gain transition",
    definition="The gain is `first_db` up to `begin_s`, goes to `second_db` in a straight line in dB within `length_s`, and stays there: "
    "somebody who steps closer, a fader. Times count from the beginning of the excerpt.",
    reference="GainTransition of audiomentations.",
    parameters={
        "first_db": Parameter("Gain before.", "dB", -60, 40, 0.0),
        "second_db": Parameter("Gain after.", "dB", -60, 40, -12.0),
        "begin_s": Parameter("When it begins to change.", "s", 0, 3600, 0.0),
        "length_s": Parameter("How long it changes.", "s", 0.001, 3600, 1.0),
    },
    function=gain_transition,
    stage=ours,
)
FADE = Transform(
    name="fade",
    title="Fades",
    definition="Rises from silence within `in_ms` and falls to silence within `out_ms`, each along half a Hann window whose ends, 0 and 1, "
    "are samples: where one recording fades out while another fades in, the two add up to 1.",
    reference="The cross-fades of LibriMix, whose `extend_noise` repeats a short noise with fades of 500 ms.",
    parameters={
        "in_ms": Parameter("How long it rises.", "ms", 0, 60000, 10.0),
        "out_ms": Parameter("How long it falls.", "ms", 0, 60000, 10.0),
    },
    function=fade,
    stage=ours,
)
