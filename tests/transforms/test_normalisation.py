"""Levels are reached, measured on what is stored: samples rounded to 24 bits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sepbench.errors import SilentSignalError, UndefinedLoudnessError
from sepbench.loudness import integrated_loudness
from sepbench.transforms.levels import active_level, normalise, to_active_level, to_loudness


def stored(samples):
    return np.rint(samples * 2**23) / 2**23


@given(
    samples=arrays(np.float64, (2, 9), elements=st.floats(-2, 2, width=32)).filter(
        lambda samples: np.abs(samples).max() > 1e-6
    ),
    peak_dbfs=st.integers(-60000, 0),
)
def test_the_peak_is_where_it_is_asked_for(samples, peak_dbfs):
    peak = np.abs(normalise(samples, 16000, peak_dbfs=peak_dbfs / 1000)).max()
    assert peak == pytest.approx(10 ** (peak_dbfs / 20000), rel=1e-15)


@given(samples=arrays(np.float64, (1, 9), elements=st.floats(-2, 2)).filter(np.any))
def test_zero_decibels_fill_the_range_from_minus_one_to_one_exactly(samples):
    assert np.abs(normalise(samples, 16000, peak_dbfs=0.0)).max() == 1.0


@pytest.mark.parametrize("level", [normalise, to_active_level])
def test_silence_has_no_level(level):
    key = "peak_dbfs" if level is normalise else "level_dbfs"
    with pytest.raises(SilentSignalError):
        level(np.zeros((1, 16000)), 16000, **{key: -20.0})


@settings(max_examples=15)
@given(loudness_lufs=st.floats(-60, -5), gain_db=st.floats(-30, 0))
def test_loudness_is_reached_within_a_tenth_of_a_lu_after_rounding(speech, music, loudness_lufs, gain_db):
    for samples, sample_rate in ((speech, 16000), (music, 44100)):
        made = to_loudness(samples * 10 ** (gain_db / 20), sample_rate, loudness_lufs=loudness_lufs)
        assert integrated_loudness(stored(made), sample_rate) == pytest.approx(loudness_lufs, abs=0.1)


def test_loudness_is_reached_where_the_absolute_gate_hides_a_part_at_first():
    draws = np.random.default_rng(0)
    quiet, quieter = 10 ** (-66 / 20), 10 ** (-73 / 20)  # the second is below the gate until both are raised
    samples = draws.standard_normal((1, 64000)) * np.repeat([quiet, quieter], 32000)
    made = to_loudness(samples, 16000, loudness_lufs=-30.0)
    assert integrated_loudness(made, 16000) == pytest.approx(-30, abs=0.01)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (np.ones((1, 6399)), r"needs 0\.4 s at least, the signal has 0\.400 s"),
        (np.ones((1, 100)), r"the signal has 0\.006 s"),
        (np.ones((6, 16000)), "up to 5 channels, the signal has 6"),
        (np.zeros((1, 16000)), "above the gate of -70 LUFS"),
        (1e-5 * np.sin(np.arange(16000.0))[None], "above the gate of -70 LUFS"),
    ],
)
def test_undefined_loudness_says_why(samples, why):
    with pytest.raises(UndefinedLoudnessError, match=why):
        to_loudness(samples, 16000, loudness_lufs=-23.0)


def p56(samples, sample_rate):
    """The loop of the recommendation, threshold by threshold, sample by sample."""
    keep, hangover = math.exp(-1 / (0.03 * sample_rate)), round(0.2 * sample_rate)
    thresholds = [2.0**exponent for exponent in range(-15, 1)]
    active, waited = [0] * len(thresholds), [hangover] * len(thresholds)
    p = q = 0.0
    for sample in np.abs(samples).tolist():
        p = keep * p + (1 - keep) * sample
        q = keep * q + (1 - keep) * p
        for j, threshold in enumerate(thresholds):
            if q >= threshold:
                active[j], waited[j] = active[j] + 1, 0
            elif waited[j] < hangover:
                active[j], waited[j] = active[j] + 1, waited[j] + 1
    energy = float(np.square(samples).sum())
    levels = [
        (10 * math.log10(energy / count), 20 * math.log10(c))
        for count, c in zip(active, thresholds, strict=True)
        if count
    ]
    for (low, c_low), (high, c_high) in itertools.pairwise(levels):
        if low - c_low > 15.9 >= high - c_high:
            share = (low - c_low - 15.9) / (low - c_low - high + c_high)
            return low + share * (high - low)
    raise AssertionError("no crossing")


def test_the_active_level_is_that_of_the_recommendations_loop(speech):
    sample_rate = 8000  # slow enough a loop as it is
    samples = speech[:, 16000:40000:2]
    assert active_level(samples, sample_rate) == pytest.approx(p56(samples[0], sample_rate), abs=1e-9)


def test_pauses_do_not_count_for_the_active_level(speech):
    longer = np.hstack([speech, np.zeros((1, 3 * speech.shape[1]))])
    assert active_level(longer, 16000) == pytest.approx(active_level(speech, 16000), abs=0.3)


@settings(max_examples=10)
@given(level_dbfs=st.floats(-50, -10))
def test_the_active_level_is_reached(speech, level_dbfs):
    made = to_active_level(speech, 16000, level_dbfs=level_dbfs)
    assert active_level(stored(made), 16000) == pytest.approx(level_dbfs, abs=0.02)


def test_a_lone_click_is_no_speech():
    assert active_level(np.eye(1, 16000, 8000), 16000) is None
