"""A stretch moves events and keeps pitch; a shift moves pitch and keeps events; neither is random."""

from __future__ import annotations

import numpy as np
import pytest
import python_stretch
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench.transforms.stretch import (
    PITCH_SHIFT,
    TIME_STRETCH,
    _stretcher,
    pitch_shift,
    stretched_frames,
    time_stretch,
)

RATES = (0.5, 0.8, 1.0, 1.25, 2.0)
SEMITONES = (-12, -4, 3, 12)
SEEDS = 1, 2  # the generator of libstdc++ takes 0 for 1


def pitch_hz(samples, sample_rate):
    inner = samples[0, len(samples[0]) // 5 : -len(samples[0]) // 5]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 19))
    return np.argmax(spectrum) * sample_rate / (1 << 19)


def cents(heard_hz, wanted_hz):
    return 1200 * np.log2(heard_hz / wanted_hz)


def clicks(sample_rate, times_s, seconds):
    samples = np.zeros((1, round(seconds * sample_rate)))
    samples[0, [round(time * sample_rate) for time in times_s]] = 1
    return samples


def heard_at_s(samples, sample_rate, expected_s, within_s=0.05):
    """Find the centre of the energy around an expected time."""
    first = max(0, round((expected_s - within_s) * sample_rate))
    piece = np.square(samples[0, first : round((expected_s + within_s) * sample_rate)])
    return (first + (piece * np.arange(len(piece))).sum() / piece.sum()) / sample_rate


def tone(sample_rate, seconds=1.5, frequency_hz=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * sample_rate)) / sample_rate)[None]


@settings(max_examples=25)
@given(frames=st.integers(1, 5000), rate=st.integers(500, 2000), channels=st.integers(1, 2))
def test_the_length_is_the_input_over_the_rate_rounded_up(frames, rate, channels):
    samples = np.random.default_rng(0).standard_normal((channels, frames))
    made = time_stretch(samples, 16000, rate=rate / 1000)
    assert made.shape == (channels, -(-frames * 1000 // rate)) == (channels, stretched_frames(frames, rate / 1000))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_a_stretch_keeps_the_pitch(rate, sample_rate):
    assert cents(pitch_hz(time_stretch(tone(sample_rate), sample_rate, rate=rate), sample_rate), 440) == pytest.approx(
        0, abs=5
    )


@pytest.mark.parametrize("semitones", SEMITONES)
@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_a_shift_moves_the_pitch_as_far_as_asked(semitones, sample_rate):
    made = pitch_shift(tone(sample_rate), sample_rate, semitones=semitones)
    assert cents(pitch_hz(made, sample_rate), 440 * 2 ** (semitones / 12)) == pytest.approx(0, abs=10)


@pytest.mark.parametrize("rate", RATES)
def test_events_move_to_their_time_over_the_rate(rate):
    times = (0.1, 0.7, 1.9)
    made = time_stretch(clicks(16000, times, 2.0), 16000, rate=rate)
    for time in times:
        assert heard_at_s(made, 16000, time / rate) == pytest.approx(time / rate, abs=0.01)


@pytest.mark.parametrize("semitones", SEMITONES)
def test_a_shift_leaves_events_where_they_are(semitones):
    times = (0.1, 0.7, 1.9)
    made = pitch_shift(clicks(16000, times, 2.0), 16000, semitones=semitones)
    for time in times:
        assert heard_at_s(made, 16000, time) == pytest.approx(time, abs=0.01)


@pytest.mark.parametrize(
    ("rate", "semitones"), [(0.5, 0.0), (0.501, 0.0), (0.75, 0.0), (2.0, 0.0), (1.0, -12.0), (1.0, 12.0)]
)
def test_no_random_number_enters_within_the_ranges(rate, semitones):
    samples = np.random.default_rng(0).standard_normal((2, 16000)).astype(np.float32)
    made = [_stretcher(python_stretch, 2, 16000, rate, semitones, seed).process(samples) for seed in SEEDS]
    np.testing.assert_array_equal(*made)


def test_beyond_the_range_it_would_be_random():
    samples = np.random.default_rng(0).standard_normal((1, 16000)).astype(np.float32)
    made = [_stretcher(python_stretch, 1, 16000, 0.3, 0.0, seed).process(samples) for seed in SEEDS]
    assert not np.array_equal(*made)
    assert TIME_STRETCH.parameters["rate"].lowest == 0.5
    assert PITCH_SHIFT.parameters["semitones"].highest == 12


def test_the_level_of_speech_stays_within_a_decibel_or_two(speech):
    for made in (time_stretch(speech, 16000, rate=0.9), pitch_shift(speech, 16000, semitones=2)):
        assert abs(10 * np.log10(np.square(made).mean() / np.square(speech).mean())) < 2
