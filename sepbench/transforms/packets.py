"""Packets that are lost on the way, and what the receiver makes of the gap."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sepbench.transforms.keyed import order
from sepbench.transforms.packages import ours
from sepbench.transforms.transform import Floats, Parameter, Transform

__all__ = ["PACKET_LOSS", "lost_packets", "packet_loss"]


def packet_loss(
    samples: Floats, sample_rate: int, *, seed: int, rate: float, longest_burst: int, packet_ms: float, concealment: str
) -> Floats:
    """Lose packets.

    Parameters
    ----------
    samples : ndarray of float64, shape (channel, time)
    sample_rate : int
        In Hz.
    seed : int
        Which packets are lost depends on it: see `lost_packets`.
    rate : float
        Share of the packets that are lost.
    longest_burst : int
        Most packets that are lost in a row.
    packet_ms : float
        Length of a packet; the last one may be shorter.
    concealment : {"silence", "repetition"}
        What stands in the place of a lost packet: nothing, or the last one that arrived.
    """
    size = max(1, round(packet_ms / 1000 * sample_rate))
    channels, frames = samples.shape
    count = -(-frames // size)
    lost = lost_packets(count, rate, longest_burst, seed)
    packets = np.zeros((channels, count, size))
    packets.reshape(channels, -1)[:, :frames] = samples
    if concealment == "repetition":
        # the number of the last packet that arrived; none before the first
        arrived = np.maximum.accumulate(np.where(lost, -1, np.arange(count)))
        packets = packets[:, np.maximum(arrived, 0)] * (arrived >= 0)[:, None]
    else:
        packets[:, lost] = 0.0
    return packets.reshape(channels, -1)[:, :frames]


def lost_packets(count: int, rate: float, longest_burst: int, seed: int) -> NDArray[np.bool_]:
    """Say which packets are lost: exactly the share that is asked for, rounded to whole packets (half up).

    All places are equally probable at first. Of a burst that is too long the surplus is lost elsewhere: from the packets that arrive, in an
    order of the seed's, those are taken that make no burst too long.

    Parameters
    ----------
    count : int
        How many packets there are.
    rate : float
        From 0 to 0.5, so that there is always room.
    longest_burst : int
        From 1.
    seed : int

    Returns
    -------
    ndarray of bool, shape (count,)

    Examples
    --------
    >>> lost = lost_packets(1000, 0.1, 3, seed=5)
    >>> int(lost.sum()), "1111" in "".join(map(str, lost.astype(int)))
    (100, False)
    """
    wanted = math.floor(Fraction(str(rate)) * count + Fraction(1, 2))
    lost = np.zeros(count, dtype=bool)
    lost[order(seed, count)[:wanted]] = True
    gaps = np.diff(np.flatnonzero(np.concatenate([[True], ~lost, [True]]))) - 1  # lost packets before each that arrives
    surplus = int(np.maximum(gaps - longest_burst, 0).sum())
    if not surplus:
        return lost
    return _spread(np.minimum(gaps, longest_burst), surplus, longest_burst, seed)


def _spread(gaps: NDArray[np.int64], surplus: int, longest_burst: int, seed: int) -> NDArray[np.bool_]:
    """Put the surplus into gaps that have room, one packet at a time, and write the gaps out."""
    room = np.repeat(np.arange(len(gaps)), longest_burst - gaps)
    chosen = room[order(seed, len(room), stream=1)[:surplus]]
    filled = gaps + np.bincount(chosen, minlength=len(gaps))
    lost = np.ones(int(filled.sum()) + len(filled), dtype=bool)
    lost[np.cumsum(filled + 1) - 1] = False
    return lost[:-1]  # after the last gap no packet arrives


PACKET_LOSS = Transform(
    name="packet_loss",
    title="Packet loss",
    definition="Exactly the share `rate` of the packets, rounded to whole packets, is lost, never more than `longest_burst` in a row, at places that the "
    "seed says. A lost packet is silence, or the last one that arrived again.",
    reference="The packet loss of the URGENT challenges (20 ms, 5 to 25 %, up to 10 in a row): Zhang et al., URGENT challenge, Interspeech 2024.",
    parameters={
        "seed": Parameter("Says which packets are lost.", kind="seed", per_unit=1),
        "rate": Parameter("Share of the packets that are lost.", "", 0, 0.5, 0.1),
        "longest_burst": Parameter("Most packets that are lost in a row.", "packets", 1, 1000, 10, per_unit=1),
        "packet_ms": Parameter("Length of a packet.", "ms", 2.5, 120, 20.0),
        "concealment": Parameter(
            "What stands in the place of a lost packet.",
            default="silence",
            choices=("silence", "repetition"),
            kind="word",
        ),
    },
    function=packet_loss,
    stage=ours,
    exact=True,
)
