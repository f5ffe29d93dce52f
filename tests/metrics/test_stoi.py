from __future__ import annotations

import numpy as np
import pystoi
import pytest

from sepbench.errors import SignalError
from sepbench.metrics import estoi, stoi
from sepbench.metrics.octave_resampling import resample
from sepbench.metrics.stoi import STOI


@pytest.mark.parametrize("sample_rate", [8000, 10000, 16000, 16001, 22050, 44100, 48000])
def test_stoi_and_estoi_are_those_of_pystoi(speech_like, noise, sample_rate):
    reference = speech_like(2, sample_rate)
    estimate = reference + 0.05 * noise(len(reference))
    for measure, extended in ((stoi, False), (estoi, True)):  # the random numbers in it are of 1e-16
        expected = pystoi.stoi(reference, estimate, sample_rate, extended=extended)
        assert float(measure(reference, estimate, sample_rate)) == pytest.approx(expected, abs=1e-12)


def test_quiet_recordings_have_the_value_of_loud_ones(speech_like, noise):
    reference = speech_like(2)
    estimate = reference + 0.05 * noise(len(reference))
    for measure in (stoi, estoi):
        loud = float(measure(reference, estimate, 16000))
        for level in (1e-12, 1e9):  # an epsilon would show here, as it does in pystoi
            assert float(measure(level * reference, level * estimate, 16000)) == pytest.approx(loud, abs=1e-12)


def test_values_lie_between_minus_one_and_one(speech_like):
    reference = speech_like(2)
    for measure in (stoi, estoi):
        assert float(measure(reference, reference, 16000)) == pytest.approx(1.0, abs=1e-12)
        assert -1 <= float(measure(reference, speech_like(2, seed=1), 16000)) < 0.9


def test_an_estimate_that_is_silent_for_a_while_is_scored_as_if_nothing_were_heard_there(speech_like):
    """pystoi takes random numbers there; their mean is what we give."""
    reference = speech_like(3)
    estimate = np.where(np.arange(len(reference)) < 24000, reference, 0.0)
    expected = np.mean([pystoi.stoi(reference, estimate, 16000, extended=True) for _ in range(20)])
    assert float(estoi(reference, estimate, 16000)) == pytest.approx(expected, abs=5e-3)


def test_estoi_leaves_the_random_numbers_of_the_caller_alone(speech_like):
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.rand(3)  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    estoi(speech_like(1), speech_like(1, seed=1), 16000)
    np.testing.assert_array_equal(np.random.rand(3), expected)  # noqa: NPY002


@pytest.mark.parametrize(("rate", "samples"), [(16000, 4001), (8000, 999), (44100, 5000), (48000, 1), (16001, 3000)])
def test_the_matrix_resamples_as_octave_does(noise, rate, samples):
    signal = noise(2, samples)
    expected = np.stack([pystoi.utils.resample_oct(row, 10000, rate) for row in signal])
    np.testing.assert_allclose(resample(signal, rate, 10000, np), expected, atol=1e-12)


@pytest.mark.parametrize("measure", [stoi, estoi])
@pytest.mark.parametrize("level", [1e-300, 1e-100, 1e100, 1e300])
def test_the_level_of_neither_means_anything(speech_like, noise, measure, level):
    reference = speech_like(1)
    estimate = reference + 0.1 * noise(16000)
    expected = float(measure(reference, estimate, 16000))
    assert float(measure(level * reference, estimate, 16000)) == pytest.approx(expected, abs=1e-12)
    assert float(measure(reference, level * estimate, 16000)) == pytest.approx(expected, abs=1e-12)


def test_more_noise_is_less_intelligible(speech_like, noise):
    reference = speech_like(2)
    for measure in (stoi, estoi):
        values = [float(measure(reference, reference + level * noise(len(reference)), 16000)) for level in (0.01, 0.1)]
        assert 1 > values[0] > values[1]


def test_leading_axes_stay(speech_like, noise):
    reference = np.stack([speech_like(1), speech_like(1, seed=1)])
    estimate = reference + 0.05 * noise(*reference.shape)
    values = stoi(reference, estimate, 16000)
    assert values.shape == (2,)
    assert values[1] == stoi(reference[1], estimate[1], 16000)


@pytest.mark.parametrize("samples", [1, 100, 409, 410, 2000, 5900])
def test_too_few_frames_have_no_value_instead_of_a_sentinel(noise, samples):
    signal = noise(samples)
    assert np.isnan(stoi(signal, signal, 16000))
    assert np.isnan(estoi(signal, signal, 16000))


def test_frames_are_counted_after_silence_is_removed(noise):
    signal = np.zeros(32000)
    signal[:3000] = noise(3000)
    assert np.isnan(stoi(signal, signal, 16000))
    assert STOI.score({"a": signal[None]}, {"a": signal[None]}, 16000)["a"]["stoi"].status == "too_short"


def test_thirty_frames_are_enough(noise):
    signal = noise(31 * 128 + 129)  # at 10 kHz: removing silence leaves 31 hops, and the last frame is not begun
    assert float(stoi(signal, signal, 10000)) == pytest.approx(1.0, abs=1e-9)  # its epsilons are of 1e-16
    assert np.isnan(stoi(signal[:-1], signal[:-1], 10000))


def test_silence_and_broken_samples_have_no_value(speech_like):
    signal = speech_like(1)
    broken = np.where(np.arange(len(signal)) == 5, np.nan, signal)
    for measure in (stoi, estoi):
        assert np.isnan(measure(signal, 0 * signal, 16000))
        assert np.isnan(measure(0 * signal, signal, 16000))
        assert np.isnan(measure(signal, broken, 16000))
        assert np.isnan(measure(broken, signal, 16000))


def test_a_whole_rate_in_floating_point_is_taken_and_another_refused(speech_like):
    signal = speech_like(1)
    assert float(stoi(signal, signal, 16000.0)) == float(stoi(signal, signal, 16000))
    for rate in (0, -16000, 16000.5):
        with pytest.raises(SignalError, match="sample rate"):
            stoi(signal, signal, rate)


def test_lengths_are_never_repaired():
    with pytest.raises(SignalError, match="reference has shape"):
        stoi(np.ones(9000), np.ones(9001), 16000)


def test_read_only_inputs_are_taken_and_left_alone(speech_like):
    signal = speech_like(1)
    before = signal.copy()
    signal.flags.writeable = False
    stoi(signal, signal, 16000)
    estoi(signal, signal, 16000)
    np.testing.assert_array_equal(signal, before)


@pytest.mark.parametrize("frames", [30, 31, 200])
@pytest.mark.parametrize("kind", ["plain", "extended"])
def test_compiled_and_uncompiled_correlations_are_one(noise, uncompiled, kind, frames):
    from sepbench.metrics import envelope_correlation

    x = np.abs(noise(15, frames))
    y = np.abs(x + 0.5 * noise(15, frames, seed=1))
    x[3], y[4] = 0.0, 1.0  # a band without a sound, and one that does not move
    compiled = getattr(envelope_correlation, kind)(x, y)
    assert getattr(uncompiled("envelope_correlation"), kind)(x, y) == pytest.approx(compiled, abs=1e-13)
