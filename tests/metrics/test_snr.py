from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sepbench.errors import SignalError
from sepbench.metrics import snr

SAMPLES = st.integers(-(2**15), 2**15 - 1)
PAIRS = arrays(np.int64, st.tuples(st.just(2), st.integers(1, 40)), elements=SAMPLES)


def exact_db(ratio: Fraction) -> float:
    return 10 * float(np.log10(np.longdouble(ratio.numerator) / np.longdouble(ratio.denominator)))


@settings(deadline=None)  # a busy machine is no failure
@given(PAIRS)
def test_snr_equals_rational_arithmetic(pair):
    reference, estimate = pair
    assume(reference.any() and (reference != estimate).any())
    signal = sum(Fraction(int(s)) ** 2 for s in reference)
    error = sum(Fraction(int(e) - int(s)) ** 2 for s, e in zip(reference, estimate, strict=True))
    # the sums are exact in float64; one division, one logarithm and one product round
    assert float(snr(reference, estimate)) == pytest.approx(exact_db(signal / error), abs=1e-12)


def test_reference_comes_first():
    reference, estimate = np.array([3.0, 4.0]), np.array([1.0, 0.0])
    assert float(snr(reference, estimate)) == 10 * np.log10(25 / 20)
    assert float(snr(estimate, reference)) == 10 * np.log10(1 / 20)


def test_snr_hears_a_gain_error(noise):
    reference = noise(1000)
    assert float(snr(reference, 0.5 * reference)) == pytest.approx(20 * np.log10(2), abs=1e-12)


def test_quiet_recordings_have_the_snr_of_loud_ones(noise):
    reference, error = noise(2, 1000)
    loud = float(snr(reference, reference + 0.03 * error))
    for level in (1e-8, 1e6):  # an epsilon in the formula would show here
        assert float(snr(level * reference, level * (reference + 0.03 * error))) == pytest.approx(loud, abs=1e-9)


def test_leading_axes_stay_and_each_signal_has_its_own_value(noise):
    reference, estimate = noise(2, 3, 4, 500)
    values = snr(reference, estimate)
    assert values.shape == (3, 4)
    assert values.dtype == np.float64
    assert values[1, 2] == snr(reference[1, 2], estimate[1, 2])


def test_memory_layout_does_not_change_the_value(noise):
    reference, estimate = noise(2, 2, 500)
    transposed = snr(np.asfortranarray(reference), np.asfortranarray(estimate))
    np.testing.assert_array_equal(transposed, snr(reference, estimate))


def test_integers_do_not_overflow():
    reference = np.full(1000, 30000, np.int16)
    assert float(snr(reference, reference - np.int16(300))) == pytest.approx(40.0, abs=1e-12)


def test_read_only_inputs_are_taken_and_left_alone(noise):
    reference, estimate = noise(2, 100)
    before = reference.copy(), estimate.copy()
    reference.flags.writeable = estimate.flags.writeable = False
    snr(reference, estimate)
    np.testing.assert_array_equal((reference, estimate), before)


def test_silence_and_identity_give_what_ieee_arithmetic_gives(noise):
    signal = noise(100)
    assert float(snr(signal, signal)) == np.inf
    assert float(snr(signal, 0 * signal)) == 0.0
    assert float(snr(0 * signal, signal)) == -np.inf
    assert np.isnan(snr(0 * signal, 0 * signal))
    assert np.isnan(snr(signal, np.where(signal > 0, np.nan, signal)))


@pytest.mark.parametrize(
    ("reference", "estimate", "said"),
    [
        (np.zeros((2, 10)), np.zeros((2, 9)), r"reference has shape \(2, 10\) but estimate has \(2, 9\)"),
        (np.zeros((1, 10)), np.zeros(10), r"reference has shape \(1, 10\) but estimate has \(10,\)"),
        (np.zeros(0), np.zeros(0), "no samples"),
        (np.float64(1), np.float64(1), "no samples"),
        (np.zeros(3, complex), np.zeros(3), "array of complex128"),
        (np.zeros(3), np.array(["a", "b", "c"]), "estimate is an array of <U1"),
    ],
)
def test_signals_that_do_not_fit_are_refused(reference, estimate, said):
    with pytest.raises(SignalError, match=said) as caught:
        snr(reference, estimate)
    assert caught.value.hint
