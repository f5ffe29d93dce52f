"""Log-spectral distance: gain, range and silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from sepbench.metrics import lsd
from sepbench.metrics.lsd import LSD


def independent(reference, estimate, sample_rate):
    """The same by scipy's transform, whole frames only."""
    length = 2 * round(0.016 * sample_rate)
    stft = ShortTimeFFT(hann(length, sym=False), length // 2, sample_rate)
    count = (len(reference) - length) // (length // 2) + 1
    first = 1  # its slice 0 is centred on sample 0
    spectra = [np.abs(stft.stft(x, p0=first, p1=first + count)) for x in (reference, estimate)]
    with np.errstate(divide="ignore"):
        levels = [20 * np.log10(spectrum) for spectrum in spectra]
    floor = levels[0].max() - 50
    return np.sqrt(np.mean((np.maximum(levels[0], floor) - np.maximum(levels[1], floor)) ** 2, axis=0)).mean()


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_it_is_what_another_transform_gives(speech_like, noise, sample_rate):
    reference = speech_like(1.5)
    estimate = reference + 0.01 * noise(len(reference))
    assert float(lsd(reference, estimate, sample_rate)) == pytest.approx(
        independent(reference, estimate, sample_rate), abs=1e-9
    )


@given(st.floats(-20, 20))
def test_a_gain_is_heard_as_what_it_is(gain_db):
    tone = np.zeros(4096)
    tone[::256] = 1  # pulses, one or two in each frame: all bins are alike
    assert float(lsd(tone, 10 ** (gain_db / 20) * tone, 16000)) == pytest.approx(abs(gain_db), abs=1e-6)


def test_what_is_fifty_decibels_down_does_not_count(noise):
    reference = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert float(lsd(reference, reference + 1e-6 * noise(16000), 16000)) < 1e-6  # but for what it adds to the tone
    assert float(lsd(reference, reference + 1e-1 * noise(16000), 16000)) > 5


def test_the_level_of_both_changes_nothing(speech_like, noise):
    pair = speech_like(1.0), speech_like(1.0) + 0.01 * noise(16000)
    assert float(lsd(*(1e-8 * x for x in pair), 16000)) == pytest.approx(float(lsd(*pair, 16000)), abs=1e-9)


def test_a_muted_estimate_is_far_and_finite(speech_like):
    speech = speech_like(1.0)
    muted = speech * (np.arange(16000) < 8000)
    assert 4 < float(lsd(speech, muted, 16000)) < 50


def test_less_than_a_frame_is_too_short(noise):
    found = LSD.score({"a": noise(1, 511)}, {"a": noise(1, 511)}, 16000)["a"]["lsd"]
    assert found.status == "too_short"
    assert float(lsd(noise(512), noise(512), 16000)) == 0.0


def test_nan_is_nan(noise):
    broken = noise(2000)
    broken[1000] = np.nan
    assert np.isnan(lsd(noise(2000), broken, 16000))
    assert np.isnan(lsd(broken, noise(2000), 16000))
