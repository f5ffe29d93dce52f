from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sepbench.errors import SignalError
from sepbench.metrics import si_sdr

SAMPLES = st.integers(-(2**15), 2**15 - 1)
PAIRS = arrays(np.int64, st.tuples(st.just(2), st.integers(2, 40)), elements=SAMPLES)


def exact_si_sdr(reference, estimate) -> float:
    """Equations 3 and 4 in rational arithmetic: ``<ŝ,s>² / (‖ŝ‖²‖s‖² - <ŝ,s>²)``."""
    s, s_hat = [Fraction(int(x)) for x in reference], [Fraction(int(x)) for x in estimate]
    product = sum(a * b for a, b in zip(s, s_hat, strict=True)) ** 2
    ratio = product / (sum(a * a for a in s) * sum(b * b for b in s_hat) - product)
    return 10 * float(np.log10(np.longdouble(ratio.numerator)) - np.log10(np.longdouble(ratio.denominator)))


@settings(deadline=None)  # a busy machine is no failure
@given(PAIRS)
def test_si_sdr_equals_rational_arithmetic(pair):
    reference, estimate = pair
    assume(reference.any() and int(reference @ estimate) != 0)
    assume(int(reference @ estimate) ** 2 != int(reference @ reference) * int(estimate @ estimate))
    expected = exact_si_sdr(reference, estimate)
    # alpha rounds by 1e-16, which the small residual of a good estimate shows larger, and a bad one's small projection
    assume(-40 < expected < 60)
    assert float(si_sdr(reference, estimate)) == pytest.approx(expected, abs=1e-12 * 10 ** max(0, abs(expected) / 20))


def test_si_sdr_of_a_recording_equals_rational_arithmetic(noise):
    reference, error = np.rint(8000 * noise(2, 16000)).astype(np.int64)
    for weight in (0.1, 0.6, 3.0):
        estimate = reference // 2 + np.rint(weight * error).astype(np.int64)
        assert float(si_sdr(reference, estimate)) == pytest.approx(exact_si_sdr(reference, estimate), abs=1e-12)


@settings(deadline=None)  # a busy machine is no failure
@given(gain=st.floats(1e-6, 1e6), negative=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_si_sdr_does_not_change_with_any_gain(gain, negative, seed):
    reference, error = np.random.default_rng(seed).standard_normal((2, 200))
    estimate = reference + 0.3 * error
    gained = float(si_sdr(reference, (-gain if negative else gain) * estimate))
    assert gained == pytest.approx(float(si_sdr(reference, estimate)), abs=1e-9)  # the gain rounds every sample
    assert float(si_sdr(gain * reference, estimate)) == pytest.approx(float(si_sdr(reference, estimate)), abs=1e-9)


def test_the_mean_is_taken_out_only_on_request(noise):
    reference, error = noise(2, 1000)
    estimate = reference + 0.1 * error + 5.0
    assert float(si_sdr(reference, estimate)) < -10
    centred = float(si_sdr(reference - reference.mean(), estimate - estimate.mean()))
    assert float(si_sdr(reference, estimate, zero_mean=True)) == pytest.approx(centred, abs=1e-9)


def test_leading_axes_stay_and_each_signal_has_its_own_value(noise):
    reference, estimate = noise(2, 3, 2, 500)
    values = si_sdr(reference, estimate)
    assert values.shape == (3, 2)
    assert values[2, 1] == si_sdr(reference[2, 1], estimate[2, 1])


def test_read_only_inputs_are_taken_and_left_alone(noise):
    reference, estimate = noise(2, 100)
    before = reference.copy(), estimate.copy()
    reference.flags.writeable = estimate.flags.writeable = False
    si_sdr(reference, estimate)
    si_sdr(reference, estimate, zero_mean=True)
    np.testing.assert_array_equal((reference, estimate), before)


def test_silence_and_identity_give_what_ieee_arithmetic_gives(noise):
    signal = noise(100)
    assert float(si_sdr(signal, signal)) == np.inf
    assert float(si_sdr(signal, -4 * signal)) == np.inf
    assert float(si_sdr([1.0, 0.0], [0.0, 1.0])) == -np.inf
    assert np.isnan(si_sdr(signal, 0 * signal))
    assert np.isnan(si_sdr(0 * signal, signal))


def test_lengths_are_never_repaired():
    with pytest.raises(SignalError, match="reference has shape"):
        si_sdr(np.ones(10), np.ones(11))
