"""Spectrograms: what is in the signal is in the picture, on one scale."""

import io

import numpy as np
import pytest
from PIL import Image

from sepbench import audio
from sepbench.spectrograms import spectrograms

LEVELS = 255 / 80  # steps of the picture's palette per dB


def tone(path, *, hertz=1000.0, amplitude=8000.0, seconds=1.0, rate=16000, channels=1):
    time = np.arange(round(seconds * rate)) / rate
    samples = np.rint(amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.int32)
    audio.write_pcm(path, np.repeat(samples[None], channels, axis=0), rate, 16)
    return path


def steps(spectrogram):
    """Give the picture as palette steps, shape (frequency, time), low frequencies first."""
    return np.asarray(Image.open(io.BytesIO(spectrogram.png)))[::-1].astype(int)


def test_a_tone_lights_up_at_its_frequency(tmp_path):
    pictures = spectrograms({"mixture": tone(tmp_path / "a.flac", hertz=2000.0)})
    picture = steps(pictures["mixture"])
    assert pictures["mixture"].highest_hz == 8000
    assert pictures["mixture"].duration_s == 1.0
    row = int(picture.mean(axis=1).argmax())
    assert row / (picture.shape[0] - 1) * 8000 == pytest.approx(2000, abs=16000 / 512)  # the width of a bin
    assert picture.max() == 255


def test_a_signal_at_a_tenth_of_the_mixture_is_20_db_darker(tmp_path):
    paths = {
        "mixture": tone(tmp_path / "a.flac", amplitude=20000.0),
        "estimate": tone(tmp_path / "b.flac", amplitude=2000.0),
    }
    pictures = spectrograms(paths)
    # one step of the palette, as both levels are rounded to one
    assert steps(pictures["mixture"]).max() - steps(pictures["estimate"]).max() == pytest.approx(20 * LEVELS, abs=1)


def test_silence_and_the_shortest_signal_have_a_picture(tmp_path):
    paths = {
        "mixture": tone(tmp_path / "a.flac", amplitude=0.0),
        "estimate": tone(tmp_path / "b.flac", seconds=1 / 16000),
    }
    pictures = spectrograms(paths)
    assert steps(pictures["mixture"]).max() == 0
    assert pictures["estimate"].duration_s == 1 / 16000


def test_channels_that_cancel_are_still_seen(tmp_path):
    samples = np.rint(8000 * np.sin(np.arange(16000) / 3)).astype(np.int32)
    audio.write_pcm(tmp_path / "a.flac", np.stack([samples, -samples]), 16000, 16)
    assert steps(spectrograms({"mixture": tmp_path / "a.flac"})["mixture"]).max() == 255


def test_a_long_signal_makes_no_large_picture(tmp_path):
    picture = steps(spectrograms({"mixture": tone(tmp_path / "a.flac", seconds=30, rate=44100)})["mixture"])
    assert picture.shape[0] <= 256
    assert picture.shape[1] <= 700
