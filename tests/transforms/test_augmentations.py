"""What audiomentations does here it does without a draw, and as the definition says."""

from __future__ import annotations

import numpy as np
import pytest

from sepbench.errors import UsageError
from sepbench.transforms.augmentations import bit_crush, high_shelf, low_shelf, peaking, tanh_distortion
from sepbench.transforms.trivial import dc_offset, polarity, reverse_channels

RATE = 48000


def response_db(function, frequency_hz, **settings):
    impulse = np.zeros((1, RATE))
    impulse[0, 10] = 1  # the first sample sets the filter's state
    made = function(impulse, RATE, **settings)[0]
    return 20 * np.log10(abs(np.exp(-2j * np.pi * frequency_hz / RATE * np.arange(RATE)) @ made))


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_equalisers_have_their_gain_where_they_say(gain_db):
    settings = {"gain_db": gain_db, "q": 0.7}
    near = pytest.approx
    assert response_db(low_shelf, 20, corner_hz=500, **settings) == near(gain_db, abs=0.1)
    assert response_db(low_shelf, 500, corner_hz=500, **settings) == near(gain_db / 2, abs=0.1)
    assert response_db(low_shelf, 10000, corner_hz=500, **settings) == near(0, abs=0.1)
    assert response_db(high_shelf, 50, corner_hz=2000, **settings) == near(0, abs=0.1)
    assert response_db(high_shelf, 2000, corner_hz=2000, **settings) == near(gain_db / 2, abs=0.1)
    assert response_db(high_shelf, 20000, corner_hz=2000, **settings) == near(gain_db, abs=0.1)
    assert response_db(peaking, 1000, centre_hz=1000, **settings) == near(gain_db, abs=0.1)
    assert response_db(peaking, 20, centre_hz=1000, **settings) == near(0, abs=0.1)


def test_a_frequency_beyond_nyquist_is_refused_and_not_moved():
    with pytest.raises(UsageError, match="high_shelf: expected a frequency below half the sample rate"):
        high_shelf(np.ones((1, 10)), 16000, corner_hz=9000, gain_db=3, q=1)


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_few_bits_have_few_values(speech, bits):
    step = 1 / (2 ** (bits - 1) + 1)
    made = bit_crush(speech, 16000, bits=bits)
    assert np.abs(made - speech).max() <= step / 2 + 1e-7  # of float32
    np.testing.assert_allclose(made / step, np.rint(made / step), atol=1e-2)


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_soft_clipping_keeps_the_level_and_lowers_the_crest(speech, amount):
    made = tanh_distortion(speech, 16000, amount=amount)
    assert np.square(made).mean() == pytest.approx(np.square(speech).mean(), rel=1e-3)
    assert np.abs(made).max() < np.abs(speech).max()


def test_trivial_faults_are_what_they_are_called(music):
    np.testing.assert_array_equal(polarity(music, 44100), -music)
    np.testing.assert_array_equal(reverse_channels(music, 44100), music[[1, 0]])
    np.testing.assert_array_equal(dc_offset(music, 44100, offset=0.25), music + 0.25)
