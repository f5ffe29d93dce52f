"""Filters attenuate as they say: 3 dB at the corner, the slope beyond it, nothing far inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench.errors import UsageError
from sepbench.transforms.bandwidth import RESAMPLERS, converted, resample
from sepbench.transforms.filters import band_pass, high_pass, low_pass

RATE = 16000


def response_db(function, frequency_hz, sample_rate=RATE, **settings):
    """Measure the magnitude on the impulse response."""
    impulse = np.eye(1, sample_rate)
    made = function(impulse, sample_rate, **settings)[0]
    wave = np.exp(-2j * np.pi * frequency_hz / sample_rate * np.arange(len(made)))
    return 20 * np.log10(abs(wave @ made))


@settings(max_examples=20)
@given(corner_hz=st.integers(200, 7000), order=st.integers(1, 8))
def test_three_decibels_at_the_corner(corner_hz, order):
    for function in (low_pass, high_pass):
        assert response_db(function, corner_hz, corner_hz=corner_hz, order=order) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_slope_is_six_decibels_per_octave_and_order(order):
    # far below half the sample rate, where the bilinear transform bends nothing
    falls = [response_db(low_pass, hz, 48000, corner_hz=100, order=order) for hz in (800, 1600)]
    assert falls[0] - falls[1] == pytest.approx(6.02 * order, abs=0.1)
    rises = [response_db(high_pass, hz, 48000, corner_hz=2000, order=order) for hz in (100, 200)]
    assert rises[1] - rises[0] == pytest.approx(6.02 * order, abs=0.1)


def test_a_band_pass_has_its_corners_on_either_side():
    band = {"low_hz": 300, "high_hz": 3400, "order": 4}
    assert response_db(band_pass, 300, **band) == pytest.approx(-3.01, abs=0.01)
    assert response_db(band_pass, 3400, **band) == pytest.approx(-3.01, abs=0.01)
    assert response_db(band_pass, 1000, **band) == pytest.approx(0, abs=0.01)
    assert response_db(band_pass, 100, **band) < -37
    assert response_db(band_pass, 6800, **band) < -37


def test_corners_that_make_no_sense_are_refused():
    samples = np.ones((1, 10))
    with pytest.raises(UsageError, match="below half the sample rate of 16000 Hz, got 8000 Hz"):
        low_pass(samples, RATE, corner_hz=8000, order=2)
    with pytest.raises(UsageError, match="is not below the upper one"):
        band_pass(samples, RATE, low_hz=500, high_hz=500, order=2)


def tone(frequency_hz, sample_rate, frames):
    return np.sin(2 * np.pi * frequency_hz * np.arange(frames) / sample_rate)[None]


def inner_db(made, samples):
    """Compare RMS levels, the ends left out."""
    inner = slice(samples.shape[1] // 4, -samples.shape[1] // 4)
    return 10 * np.log10(np.square(made[:, inner]).mean() / np.square(samples[:, inner]).mean())


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000])
@pytest.mark.parametrize("resampler", ["soxr_vhq", "soxr_hq", "soxr_mq", "soxr_lq", "fourier", "polyphase"])
def test_resampling_keeps_what_is_below_and_takes_what_is_above(resampler, rate_hz):
    low, high = tone(0.3 * rate_hz, 44100, 44100), tone(0.62 * rate_hz, 44100, 44100)
    kept, taken = (resample(one, 44100, rate_hz=rate_hz, resampler=resampler) for one in (low, high))
    inner = slice(11025, 33075)
    # in place and in phase; the low quality of soxr falls off early
    np.testing.assert_allclose(kept[:, inner], low[:, inner], atol=0.02 if resampler == "soxr_lq" else 0.002)
    assert inner_db(taken, high) < (-45 if resampler == "polyphase" else -60)


def test_cheap_resamplers_let_aliases_pass():
    high = tone(5000, 16000, 16000)
    for resampler in ("soxr_qq", "linear"):
        assert inner_db(resample(high, 16000, rate_hz=8000, resampler=resampler), high) > -20


@pytest.mark.parametrize("resampler", RESAMPLERS)
@pytest.mark.parametrize("frames", [1, 2, 441, 1000])
@pytest.mark.parametrize("rate_hz", [2000, 7993, 16000, 48000])
def test_the_length_is_kept_at_any_rate(resampler, frames, rate_hz):
    samples = np.linspace(-1, 1, 2 * frames).reshape(2, frames)
    made = resample(samples, 16000, rate_hz=rate_hz, resampler=resampler)
    assert made.shape == samples.shape
    assert np.abs(made).max() < 3
    if rate_hz == 16000:
        np.testing.assert_array_equal(made, samples)


def test_a_resampled_signal_has_all_samples_before_its_end():
    assert converted(np.ones((1, 1)), 48000, 16000, "soxr_vhq").shape == (1, 1)
    assert converted(np.ones((1, 48001)), 48000, 16000, "soxr_vhq").shape == (1, 16001)


def test_silence_is_resampled_to_silence_without_dither():
    assert not resample(np.zeros((1, 5000)), 48000, rate_hz=44100, resampler="soxr_hq").any()
