"""Loudness: the values of pyloudnorm, whatever the rate, the length and the pieces."""

import numpy as np
import pyloudnorm
import pytest

from sepbench import loudness
from sepbench.loudness import integrated_loudness


def signal(rate, seconds, channels, seed=0):
    draws = np.random.default_rng(seed)
    frames = int(np.ceil(seconds * rate))
    return draws.standard_normal((channels, frames)) * np.linspace(0.001, 0.3, frames)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("seconds", [0.4, 0.7777, 4.0, 10.03])
def test_it_is_what_pyloudnorm_says(rate, seconds, channels):
    x = signal(rate, seconds, channels)
    expected = pyloudnorm.Meter(rate).integrated_loudness(x.T.copy())
    # two orders of summing the same squares
    assert integrated_loudness(x, rate) == pytest.approx(expected, abs=1e-9)


def test_long_recordings_are_measured_in_pieces(monkeypatch):
    x = signal(8000, 20, 2)
    whole = integrated_loudness(x, 8000)
    monkeypatch.setattr(loudness, "_PIECE", 32**3)
    assert integrated_loudness(x, 8000) == pytest.approx(whole, abs=1e-9)


def test_integers_are_measured_against_their_full_scale():
    x = np.rint(signal(16000, 2, 1) * 20000).astype(np.int16)
    assert integrated_loudness(x, 16000, 32768) == pytest.approx(integrated_loudness(x / 32768, 16000), abs=1e-9)


@pytest.mark.parametrize(
    "x", [np.zeros((1, 16000)), np.ones((1, 6399)), np.ones((6, 16000)), np.full((1, 16000), 1e-9)]
)
def test_what_is_silent_short_or_has_too_many_channels_has_no_loudness(x):
    assert integrated_loudness(x, 16000) is None


def test_twice_the_amplitude_is_six_decibels_more():
    x = signal(16000, 3, 1)
    assert integrated_loudness(2 * x, 16000) - integrated_loudness(x, 16000) == pytest.approx(
        20 * np.log10(2), abs=1e-9
    )
