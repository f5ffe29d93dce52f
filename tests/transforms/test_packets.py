"""Exactly the asked share of packets is lost, in bursts that are not too long, at places of the seed's."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.transforms.packets import lost_packets, packet_loss


def longest(lost):
    return max((len(run) for run in "".join(map(str, lost.astype(int))).split("0")), default=0)


@given(
    count=st.integers(1, 500),
    rate=st.integers(0, 500),
    longest_burst=st.integers(1, 12),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_share_is_exact_and_no_burst_too_long(count, rate, longest_burst, seed):
    lost = lost_packets(count, rate / 1000, longest_burst, seed)
    assert lost.shape == (count,)
    assert lost.sum() == math.floor(Fraction(rate, 1000) * count + Fraction(1, 2))
    assert longest(lost) <= longest_burst


def test_every_place_is_as_probable_as_another():
    found = np.mean([lost_packets(20, 0.25, 20, seed) for seed in range(4000)], axis=0)
    # five standard deviations of a share of 0.25 in 4,000 trials
    np.testing.assert_allclose(found, 0.25, atol=5 * math.sqrt(0.25 * 0.75 / 4000))


def test_bursts_come_as_chance_has_it():
    bursts = [longest(lost_packets(200, 0.25, 200, seed)) for seed in range(200)]
    assert 3 <= np.median(bursts) <= 5  # log(200 * 0.75) / log(4) = 3.6


def kept(samples, **settings):
    usual = {"seed": 3, "rate": 0.25, "longest_burst": 10, "packet_ms": 20.0, "concealment": "silence"}
    return packet_loss(samples, 16000, **(usual | settings))


@given(seed=st.integers(0, 2**63 - 1), frames=st.integers(1, 5000))
def test_a_packet_is_whole_or_gone(seed, frames):
    samples = np.random.default_rng(0).standard_normal((2, frames))
    made = kept(samples, seed=seed)
    for number, lost in enumerate(lost_packets(-(-frames // 320), 0.25, 10, seed)):
        packet = slice(320 * number, 320 * (number + 1))
        np.testing.assert_array_equal(made[:, packet], 0.0 if lost else samples[:, packet])


@given(seed=st.integers(0, 2**63 - 1), frames=st.integers(1, 5000))
def test_a_lost_packet_is_the_last_one_that_arrived(seed, frames):
    samples = np.random.default_rng(0).standard_normal((1, frames))
    made = kept(samples, seed=seed, concealment="repetition")
    padded = np.pad(samples, ((0, 0), (0, -frames % 320)))
    last = np.zeros((1, 320))
    for number, lost in enumerate(lost_packets(-(-frames // 320), 0.25, 10, seed)):
        packet = slice(320 * number, min(320 * (number + 1), frames))
        last = last if lost else padded[:, 320 * number : 320 * (number + 1)]
        np.testing.assert_array_equal(made[:, packet], last[:, : packet.stop - packet.start])


def test_no_loss_changes_nothing(speech):
    np.testing.assert_array_equal(kept(speech, rate=0.0), speech)


def test_a_rate_and_a_seed_lose_the_same_whatever_the_signal(speech):
    silent = np.flatnonzero(kept(np.ones_like(speech)) == 0)
    np.testing.assert_array_equal(kept(speech)[0, silent % speech.shape[1]], 0.0)


@pytest.mark.parametrize("packet_ms", [2.5, 20.0, 120.0])
def test_packets_have_the_length_asked_for(packet_ms):
    edges = np.flatnonzero(np.diff(kept(np.ones((1, 64000)), packet_ms=packet_ms)[0])) + 1
    assert len(edges)
    assert not (edges % round(16 * packet_ms)).any()
