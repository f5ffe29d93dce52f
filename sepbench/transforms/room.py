"""Rooms: convolution with an impulse response, whole, or only its early or late part."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from sepbench.errors import SignalError, SilentSignalError
from sepbench.transforms.packages import made_by
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["ROOM", "direct_sound", "room"]

_ONSET = 0.1  # 20 dB below the maximum


def room(
    samples: Floats, sample_rate: int, *, impulse_response: Floats, part: str, early_ms: float, response_gain: str
) -> Floats:
    """Put a dry signal into a room, with the direct sound where the dry signal was.

    Parameters
    ----------
    samples : ndarray of float64, shape (channel, time)
    sample_rate : int
        In Hz.
    impulse_response : ndarray of float64, shape (channel, time)
        At that rate, with one channel for all of `samples`, or as many as these.
    part : {"all", "early", "late"}
        Early is what arrives until `early_ms` after the direct sound, what comes before it (the precursors of a band limit) included. Early
        and late are exactly the whole, up to the rounding of float64.
    early_ms : float
        In ms.
    response_gain : {"none", "energy", "direct"}
        ``energy`` divides by the root of the response's energy, averaged over its channels: white noise keeps its level.
        ``direct`` divides by the magnitude of the direct sound. Both look at the whole response, whatever the part.

    Returns
    -------
    ndarray of float64, shape (channel, time)
        What sounds on after the end of `samples` is cut off.

    Raises
    ------
    SignalError
        If the channels do not fit together.
    SilentSignalError
        If the response is silent.

    Examples
    --------
    >>> click, response = np.eye(1, 5), np.array([[0.0, 0.0, -1.0, 0.5]])
    >>> room(click, 16000, impulse_response=response, part="all", early_ms=50, response_gain="none").round(12)
    array([[-1. ,  0.5,  0. ,  0. ,  0. ]])
    """
    from scipy.signal import oaconvolve

    if len(impulse_response) not in (1, len(samples)):
        raise SignalError(
            f"room: the impulse response has {len(impulse_response)} channels, the signal has {len(samples)}",
            "an impulse response has one channel, or as many as the source",
        )
    direct = direct_sound(impulse_response, sample_rate)
    response = impulse_response / _gain(impulse_response, direct, response_gain)
    edge = direct + math.floor(Fraction(str(early_ms)) * sample_rate / 1000) + 1
    if part == "early":
        response = response[:, :edge]
    elif part == "late":
        response = np.where(np.arange(response.shape[1]) < edge, 0.0, response)
    heard = oaconvolve(samples, np.broadcast_to(response, (len(samples), response.shape[1])), axes=1)
    # a response that ends with its direct sound gives fewer samples than are asked for
    return np.pad(heard, ((0, 0), (0, direct)))[:, direct : direct + samples.shape[1]]


def direct_sound(impulse_response: Floats, sample_rate: int) -> int:
    """Say where the direct sound is: the largest magnitude within 1 ms from the first that is within 20 dB of the maximum.

    The maximum itself may be a reflection that adds up with others. All channels share the place, so what lies between them, the
    difference of two ears, say, stays.

    Raises
    ------
    SilentSignalError
        If there is none.

    References
    ----------
    ISO 3382-1:2009: the beginning of an impulse response is where it first comes within 20 dB of its maximum.

    Examples
    --------
    >>> response = np.zeros((1, 1000))
    >>> response[0, [99, 100, 101, 300]] = 0.2, -0.5, 0.2, 0.9
    >>> direct_sound(response, 16000)
    100
    """
    magnitudes = np.abs(impulse_response).max(axis=0)
    if not magnitudes.any():
        raise SilentSignalError("room: the impulse response is silent", "leave it out of the set")
    begin = int(np.argmax(magnitudes >= _ONSET * magnitudes.max()))
    return begin + int(np.argmax(magnitudes[begin : begin + 1 + sample_rate // 1000]))


def _gain(impulse_response: Floats, direct: int, kind: str) -> float:
    if kind == "energy":
        return math.sqrt(float(np.square(impulse_response).sum()) / len(impulse_response))
    return float(np.abs(impulse_response[:, direct]).max()) if kind == "direct" else 1.0


ROOM = Transform(
    name="room",
    title="Room",
    definition="Convolution with an impulse response whose direct sound (the largest magnitude within 1 ms from the first that is within 20 dB "
    "of the maximum) is moved to time zero, so that the source stays where it was; the reverberation after the end is cut off. `early` is what "
    "arrives until `early_ms` after the direct sound, `late` the rest; both together are `all`.",
    reference="Image sources and measured rooms alike: Allen and Berkley, Image method for efficiently simulating small-room acoustics, JASA "
    "65(4), 1979; early part as the reference: the DNS and URGENT challenges.",
    parameters={
        "impulse_response": Parameter(
            "From the room to the microphones: one channel, or as many as the corpus has.", kind="recording"
        ),
        "part": Parameter("What of it is heard.", default="all", choices=("all", "early", "late"), kind="word"),
        "early_ms": Parameter("Until when after the direct sound the early part lasts.", "ms", 0, 500, 50.0),
        "response_gain": Parameter(
            "What the response is divided by: nothing; the root of its energy, averaged over channels, so that white noise keeps its level; or "
            "the magnitude of the direct sound.",
            default="none",
            choices=("none", "energy", "direct"),
            kind="word",
        ),
    },
    function=room,
    stage=made_by("scipy"),
)
