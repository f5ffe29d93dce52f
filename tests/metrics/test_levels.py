"""Loudness and level: what a metric that is blind to gain does not see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.errors import SignalError
from sepbench.metrics import level_difference, load, loudness, si_sdr
from sepbench.metrics.loudness import LEVEL_DIFFERENCE, LOUDNESS


@given(st.floats(-80, 40))
def test_a_gain_is_the_level_difference(gain_db):
    reference = np.random.default_rng(0).standard_normal(500)
    assert float(level_difference(reference, -(10 ** (gain_db / 20)) * reference)) == pytest.approx(gain_db, abs=1e-9)


def test_turning_the_volume_down_is_seen_where_si_sdr_sees_nothing(speech_like, noise):
    speech = speech_like(2.0)
    estimate = speech + 0.01 * noise(len(speech))
    assert float(si_sdr(speech, 0.1 * estimate)) == pytest.approx(float(si_sdr(speech, estimate)), abs=1e-9)
    named = {"a": speech[None]}
    loud, soft = (LEVEL_DIFFERENCE.score(named, {"a": gain * estimate[None]}, 16000)["a"] for gain in (1, 0.1))
    for name in ("level_difference", "loudness_difference"):
        assert soft[name].value == pytest.approx(loud[name].value - 20, abs=0.05)  # a gate may take another block


def test_loudness_is_that_of_pyloudnorm(speech_like):
    from pyloudnorm import Meter

    stereo = np.stack([speech_like(2.0), speech_like(2.0, seed=1)])
    expected = Meter(16000).integrated_loudness(stereo.T)
    assert loudness(stereo, 16000) == pytest.approx(expected, abs=1e-6)
    assert LOUDNESS.score({}, {"a": stereo}, 16000)["a"]["loudness"].value == loudness(stereo, 16000)


@pytest.mark.parametrize(
    ("signal", "status", "reason"),
    [
        (np.ones((1, 6399)), "too_short", "shorter than 0.4 s"),
        (np.ones((6, 16000)), "out_of_range", "6 channels, more than 5"),
        (np.full((1, 16000), 1e-6), "out_of_range", "the estimate is quieter than -70 LUFS"),
        (np.zeros((1, 16000)), "silent_estimate", None),
        (np.full((1, 16000), np.nan), "nonfinite_estimate", "16000 of 16000 samples are NaN or infinity"),
    ],
)
def test_what_has_no_loudness_says_why(signal, status, reason):
    assert LOUDNESS.score({}, {"a": signal}, 16000)["a"]["loudness"] == (None, status, reason)
    assert np.isnan(loudness(signal, 16000))


def test_a_quiet_reference_is_named_in_the_reason(noise):
    named = {"a": 1e-6 * noise(1, 16000)}
    found = LEVEL_DIFFERENCE.score(named, {"a": noise(1, 16000)}, 16000)["a"]
    assert found["loudness_difference"] == (None, "out_of_range", "the reference is quieter than -70 LUFS")
    assert found["level_difference"].value == pytest.approx(120, abs=0.1)


def test_channels_are_pooled(noise):
    reference = noise(2, 1000)
    estimate = np.stack([reference[1], reference[0]])
    assert LEVEL_DIFFERENCE.score({"a": reference}, {"a": estimate}, 16000)["a"]["level_difference"].value == 0.0


def test_there_is_no_better_and_no_worse():
    assert [metric.higher_is_better for metric in load(["loudness", "level_difference"])] == [None, None]


@pytest.mark.parametrize("signal", [np.ones(100), np.ones((16000, 2)), np.ones((1, 0)), np.array([["a"]])])
def test_another_shape_is_refused(signal):
    with pytest.raises(SignalError, match="loudness: "):
        loudness(signal, 16000)
