"""A compressor follows its static curve, and gets there with its time constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.transforms.dynamics import compress_dynamics, fade, gain_transition

RATE = 16000


def compressed(samples, **settings):
    usual = {"threshold_dbfs": -20.0, "ratio": 4.0, "attack_ms": 5.0, "release_ms": 50.0, "makeup_db": 0.0}
    return compress_dynamics(samples, RATE, **(usual | settings))


def gain_db(made, samples, at_s):
    return 20 * np.log10(made[0, round(at_s * RATE)] / samples[0, round(at_s * RATE)])


@given(
    level_dbfs=st.floats(-60, 0),
    threshold_dbfs=st.floats(-60, 0),
    ratio=st.floats(1, 100),
    makeup_db=st.floats(-20, 20),
)
def test_a_steady_level_ends_on_the_static_curve(level_dbfs, threshold_dbfs, ratio, makeup_db):
    samples = np.full((1, RATE // 5), 10 ** (level_dbfs / 20))
    made = compressed(samples, threshold_dbfs=threshold_dbfs, ratio=ratio, makeup_db=makeup_db)
    over = max(0.0, level_dbfs - threshold_dbfs)
    assert gain_db(made, samples, 0.19) == pytest.approx(-over * (1 - 1 / ratio) + makeup_db, abs=1e-6)


def test_attack_and_release_have_their_time_constants():
    level = np.repeat([0.01, 1.0, 0.01], RATE)  # -40, 0 and -40 dBFS: a reduction by 15 dB in the middle second
    made = compressed(level[None], attack_ms=20.0, release_ms=100.0)
    # after one time constant 63 % of the way, within the millisecond of a step
    assert gain_db(made, level[None], 1.02) == pytest.approx(-15 * (1 - np.exp(-1)), abs=0.6)
    assert gain_db(made, level[None], 1.9) == pytest.approx(-15, abs=0.01)
    assert gain_db(made, level[None], 2.1) == pytest.approx(-15 * np.exp(-1), abs=0.15)


def test_a_ratio_of_one_changes_nothing(speech):
    np.testing.assert_array_equal(compressed(speech, ratio=1.0), speech)


def test_both_channels_have_one_gain(music):
    louder = music * [[1.0], [0.1]]
    made = compressed(louder)
    heard = np.abs(louder[1]) > 1e-4
    np.testing.assert_allclose(made[0, heard] * louder[1, heard], made[1, heard] * louder[0, heard], atol=1e-12)


def test_the_dynamic_range_of_speech_shrinks(speech):
    def range_db(samples):
        levels = np.square(samples[0, : len(samples[0]) // 320 * 320].reshape(-1, 320)).mean(axis=1)
        return 10 * np.log10(np.quantile(levels, 0.95) / np.quantile(levels, 0.5))

    assert range_db(compressed(speech, threshold_dbfs=-40.0)) < range_db(speech) - 3


@given(
    first_db=st.floats(-60, 40), second_db=st.floats(-60, 40), begin_s=st.floats(0, 0.5), length_s=st.floats(0.001, 0.4)
)
def test_a_transition_holds_one_gain_then_the_other(first_db, second_db, begin_s, length_s):
    made = gain_transition(
        np.ones((2, RATE)), RATE, first_db=first_db, second_db=second_db, begin_s=begin_s, length_s=length_s
    )
    levels = 20 * np.log10(made)
    assert levels[:, 0] == pytest.approx(first_db, abs=1e-9)
    assert levels[:, -1] == pytest.approx(second_db, abs=1e-9)
    middle = round((begin_s + length_s / 2) * RATE)
    step = abs(second_db - first_db) / (length_s * RATE)
    assert levels[0, middle] == pytest.approx((first_db + second_db) / 2, abs=step + 1e-9)


@given(frames=st.integers(40, 3000), ms=st.integers(0, 2))
def test_a_fade_out_and_a_fade_in_add_up_to_one(frames, ms):
    whole = np.ones((1, frames))
    length = round(ms * RATE / 1000) + 1 if ms else 0
    fading, rising = (fade(whole, RATE, in_ms=a, out_ms=b) for a, b in ((0, ms), (ms, 0)))
    if length:
        np.testing.assert_allclose(fading[:, -length:] + rising[:, :length], 1, atol=1e-15)
    assert np.array_equal(fading[:, : frames - length], whole[:, length:])


def test_a_fade_longer_than_the_signal_is_cut():
    made = fade(np.ones((2, 100)), RATE, in_ms=100, out_ms=0)
    np.testing.assert_allclose(made[0], np.hanning(3201)[:100], atol=1e-15)
    assert np.array_equal(made[0], made[1])
