from __future__ import annotations

import numpy as np
import pytest

from sepbench.separators.spectrum import signal_of, spectrum_of, window_length


@pytest.mark.parametrize("frames", [1, 2, 127, 511, 512, 513, 1000, 4097])
@pytest.mark.parametrize("overlap", [2, 4])
def test_a_signal_of_any_length_comes_back(frames, overlap):
    signal = np.random.default_rng(frames).standard_normal((2, frames)).astype(np.float32)
    back = signal_of(spectrum_of(signal, 512, overlap=overlap), frames, overlap=overlap)
    assert back.shape == signal.shape
    assert back.dtype == np.float32
    # a forward and a backward transform in float32; at the windows' edges it divides by small sums
    np.testing.assert_allclose(back, signal, atol=2e-6)


@pytest.mark.parametrize(
    ("sample_rate", "length"), [(8000, 256), (16000, 512), (22050, 1024), (44100, 2048), (48000, 2048), (96000, 4096)]
)
def test_the_window_is_32_milliseconds_or_up_to_twice_that(sample_rate, length):
    assert window_length(sample_rate) == length
    assert 0.032 <= length / sample_rate < 0.064


def test_axes_are_channel_frequency_and_frame():
    spectrum = spectrum_of(np.ones((2, 2048), np.float32), 512)
    assert spectrum.shape == (2, 257, 17)
    assert spectrum.dtype == np.complex64
