"""Energies and gains in exact arithmetic."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sepbench.errors import SilentSignalError
from sepbench.level import Gain, amplitude, energy, gain_for_level, gain_for_peak, gain_for_snr, ratio_db

samples = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=300), elements=st.integers(-(2**25) + 1, 2**25 - 1)
)


def real(gain):
    return Fraction(gain.mantissa) / Fraction(2) ** gain.shift


@given(samples)
def test_energy_is_the_exact_sum_of_squares(signal):
    assert energy(signal) == sum(int(value) ** 2 for value in signal.reshape(-1))


def test_energy_of_an_hour_at_full_scale_does_not_overflow():
    assert energy(np.full((1, 5_000_000), 2**25 - 1, np.int32)) == 5_000_000 * (2**25 - 1) ** 2


@given(st.integers(1, 2**80), st.integers(1, 2**80), st.integers(-90_000, 90_000))
def test_a_gain_reaches_the_wanted_ratio(target, other, snr_mdb):
    gain = float(Gain.of(gain_for_snr(target, other, snr_mdb)))
    # the mantissa has 28 bits: half a step is 2^-28 of the gain at most, 3.3e-8 dB
    assert 10 * math.log10(Fraction(target) / Fraction(other)) - 20 * math.log10(gain) == pytest.approx(
        snr_mdb / 1000, abs=5e-8
    )


@given(st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e12"), places=14))
def test_a_gain_is_normalised_and_nearest(value):
    gain = Gain.of(value)
    assert 2**27 <= gain.mantissa < 2**28
    assert abs(real(gain) - Fraction(value)) <= Fraction(value) / 2**28
    assert Fraction(float(gain)) == real(gain)


@given(st.integers(-(2**25) + 1, 2**25 - 1), st.integers(2**27, 2**28 - 1), st.integers(10, 60))
def test_a_gain_times_a_sample_is_exact(sample, mantissa, shift):
    gain = Gain(mantissa, shift)
    assert Fraction(float(np.float64(sample) * float(gain))) == Fraction(sample) * real(gain)


def test_gains_never_change():
    assert Gain.of(gain_for_snr(12345678901234567890, 987654321098765, 12345)) == Gain(226409635, 23)
    assert amplitude(-6021) == Decimal("0.49997696968745551147387471446595790156513428681517")


def test_a_gain_for_a_peak_never_exceeds_it():
    for peak in (32767.5, 40000.1, 99999.9):
        assert float(gain_for_peak(32000, peak)) * peak <= 32000


def test_a_level_is_reached():
    signal = np.array([[1000, -1000, 1000, -1000]], np.int32)
    gain = Gain.of(gain_for_level(energy(signal), signal.size, -20_000, 24))
    assert 20 * math.log10(float(gain) * 1000 / 2**23) == pytest.approx(-20, abs=1e-7)


def test_silence_reaches_no_ratio():
    with pytest.raises(SilentSignalError):
        gain_for_snr(0, 5, 0)


def test_ratios_of_zero_are_infinite_or_undefined():
    assert ratio_db(5, 0) == math.inf
    assert ratio_db(0, 5) == -math.inf
    assert math.isnan(ratio_db(0, 0))
