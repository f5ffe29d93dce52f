"""Training losses, each from its equation: lower is better, one value per signal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

__all__ = ["multi_resolution_stft", "negative_si_sdr"]


def negative_si_sdr(reference: torch.Tensor, estimate: torch.Tensor, *, ceiling_db: float = 30.0) -> torch.Tensor:
    r"""Give the negative scale-invariant signal-to-distortion ratio, with a ceiling.

    With :math:`\alpha = \langle s, \hat s\rangle / \lVert s\rVert^2` and a ceiling of :math:`-10 \log_{10} \tau` dB,

    .. math:: -10 \log_{10} \frac{\lVert\alpha s\rVert^2}
              {\lVert\alpha s - \hat s\rVert^2 + \tau \lVert\alpha s\rVert^2}.

    The ceiling keeps easy examples from ruling the gradient: what is 30 dB clean needs no more work.

    Parameters
    ----------
    reference, estimate : Tensor of shape (…, time)
        The reference is not silent.
    ceiling_db : float
        What no estimate exceeds; infinity is the metric itself.

    Returns
    -------
    Tensor of shape (…)
        In dB.

    References
    ----------
    Le Roux et al., "SDR – half-baked or well done?", ICASSP 2019, eq. 3–4. The ceiling: Wisdom et al., "Unsupervised
    sound separation using mixture invariant training", NeurIPS 2020, eq. 3.

    Examples
    --------
    >>> reference = torch.tensor([1.0, 1.0, 1.0, 1.0])
    >>> print(f"{negative_si_sdr(reference, torch.tensor([2.0, 2.0, 2.0, 0.0])).item():.2f}")
    -4.76
    >>> print(f"{negative_si_sdr(reference, 0.5 * reference).item():.2f}")
    -30.00
    """
    power = reference.square().sum(-1)
    alpha = (reference * estimate).sum(-1) / power
    target = alpha[..., None] * reference
    # a silent estimate would be log(0/0): 80 dB below the reference it counts as noise, at 0 dB
    floor = 1e-8 * power
    kept = target.square().sum(-1)
    error = (target - estimate).square().sum(-1) + 10 ** (-ceiling_db / 10) * kept
    return -10 * torch.log10((kept + floor) / (error + floor))


def multi_resolution_stft(
    reference: torch.Tensor, estimate: torch.Tensor, *, fft_sizes: Sequence[int] = (256, 512, 1024)
) -> torch.Tensor:
    r"""Compare magnitude spectra at several resolutions.

    With :math:`S` and :math:`\hat S` the magnitudes, the mean over the resolutions of spectral convergence and
    log-magnitude distance,

    .. math:: \frac{\lVert S - \hat S\rVert_F}{\lVert S\rVert_F} + \operatorname{mean} \lvert\ln S - \ln \hat S\rvert.

    Unlike the SI-SDR it knows the level. Magnitudes are floored 60 dB below the RMS of the reference's, so that
    inaudible bins don't count; the value does not change when both signals are scaled alike.

    Parameters
    ----------
    reference, estimate : Tensor of shape (…, time)
        The reference is not silent.
    fft_sizes : sequence of int
        Hann windows of these lengths, advanced by a quarter.

    Returns
    -------
    Tensor of shape (…)
        0 where the magnitudes are equal.

    References
    ----------
    Yamamoto, Song, Kim, "Parallel WaveGAN", ICASSP 2020, eq. 3–6.
    """
    distances = [_stft_distance(reference, estimate, size) for size in fft_sizes]
    return torch.stack(distances).mean(0)


def _stft_distance(reference: torch.Tensor, estimate: torch.Tensor, size: int) -> torch.Tensor:
    wanted, found = _power(reference, size), _power(estimate, size)  # (…, frequency, frame)
    floor = 1e-6 * wanted.mean((-2, -1), keepdim=True)  # of powers: 60 dB
    wanted, found = wanted + floor, found + floor
    magnitudes, estimates = wanted.sqrt(), found.sqrt()
    difference = (magnitudes - estimates).square().sum((-2, -1))
    # the root has no gradient at 0
    convergence = (difference + floor[..., 0, 0]).sqrt() / wanted.sum((-2, -1)).sqrt()
    offset = floor[..., 0, 0].sqrt() / wanted.sum((-2, -1)).sqrt()
    logarithmic = 0.5 * (wanted.log() - found.log()).abs().mean((-2, -1))
    return convergence - offset + logarithmic


def _power(signal: torch.Tensor, size: int) -> torch.Tensor:
    flat = signal.reshape(-1, signal.shape[-1])
    window = _window(size, signal.device)
    spectrum = torch.stft(flat, size, size // 4, window=window, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return power.reshape(*signal.shape[:-1], *power.shape[-2:])


@cache
def _window(size: int, device: torch.device) -> torch.Tensor:
    return torch.hann_window(size, device=device)
