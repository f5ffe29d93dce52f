import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sepbench.losses import multi_resolution_stft, negative_si_sdr


def noise(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


# from -10 dB on: below it the projection of chance may be 80 dB down itself, where the floor is all there is
@given(seed=st.integers(0, 2**32), snr_db=st.floats(-10, 40))
def test_without_a_ceiling_it_is_the_equation_of_the_paper(seed, snr_db):
    reference = noise(seed, 3, 400)
    estimate = 0.3 * (reference + 10 ** (-snr_db / 20) * noise(seed + 1, 3, 400))
    s, found = reference.numpy(), estimate.numpy()
    target = (found * s).sum(-1, keepdims=True) / np.square(s).sum(-1, keepdims=True) * s
    expected = 10 * np.log10(np.square(target).sum(-1) / np.square(found - target).sum(-1))
    loss = negative_si_sdr(reference, estimate, ceiling_db=float("inf"))
    # the floor, 80 dB below the reference, against an estimate 10 dB below it and an error up to 40 dB below that
    np.testing.assert_allclose(-loss.numpy(), expected, atol=0.02)


@given(gain=st.floats(0.1, 10))
def test_si_sdr_does_not_know_the_level_of_the_estimate(gain):
    reference, estimate = noise(0, 400), noise(0, 400) + noise(1, 400)
    # the floor is relative to the reference: 80 dB below it
    torch.testing.assert_close(
        negative_si_sdr(reference, gain * estimate), negative_si_sdr(reference, estimate), rtol=0, atol=1e-4
    )


def test_no_estimate_is_better_than_the_ceiling():
    reference = noise(0, 400)
    assert negative_si_sdr(reference, reference, ceiling_db=20).item() == pytest.approx(-20, abs=1e-4)  # the floor


@pytest.mark.parametrize("estimate", [torch.zeros(2, 600), torch.ones(2, 600) * 1e-20])
def test_a_silent_estimate_has_a_finite_loss_with_a_gradient(estimate):
    reference, estimate = noise(0, 2, 600).float(), estimate.clone().requires_grad_()
    loss = negative_si_sdr(reference, estimate) + multi_resolution_stft(reference, estimate)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(estimate.grad).all()


def test_equal_signals_have_equal_spectra_and_a_finite_gradient():
    reference = noise(0, 2, 3000)
    estimate = reference.clone().requires_grad_()
    loss = multi_resolution_stft(reference, estimate)
    loss.sum().backward()
    assert loss.tolist() == [0, 0]
    assert torch.isfinite(estimate.grad).all()


@given(gain=st.floats(1e-3, 1e3))
def test_the_spectral_loss_does_not_know_the_common_level(gain):
    reference, estimate = noise(0, 2000), noise(1, 2000)
    torch.testing.assert_close(
        multi_resolution_stft(gain * reference, gain * estimate), multi_resolution_stft(reference, estimate)
    )


def test_the_spectral_loss_knows_the_level_of_the_estimate():
    reference = noise(0, 4000)
    convergence, logarithm = 0.5, np.log(2)  # of half the reference, whatever the resolution
    # the floor of the magnitudes, 60 dB below the mean power
    assert multi_resolution_stft(reference, 0.5 * reference).item() == pytest.approx(convergence + logarithm, abs=2e-3)


def test_the_spectral_loss_is_the_equation_of_the_paper():
    reference, estimate, size = noise(0, 2048), noise(1, 2048), 256
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)

    def magnitudes(signal):
        padded = np.pad(signal.numpy(), size // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
        return np.abs(np.fft.rfft(frames * window))

    s, found = magnitudes(reference), magnitudes(estimate)
    expected = np.linalg.norm(s - found) / np.linalg.norm(s) + np.abs(np.log(s) - np.log(found)).mean()
    loss = multi_resolution_stft(reference, estimate, fft_sizes=[size]).item()
    # the floor of the magnitudes, 60 dB below the mean power, lifts the few smallest
    assert loss == pytest.approx(expected, abs=2e-3)


def test_leading_axes_are_kept():
    assert negative_si_sdr(noise(0, 2, 3, 500), noise(1, 2, 3, 500)).shape == (2, 3)
    assert multi_resolution_stft(noise(0, 2, 3, 500), noise(1, 2, 3, 500)).shape == (2, 3)
