"""A convolutional separator on the waveform, after Conv-TasNet.

A learned filter bank takes the place of the Fourier transform: an encoder turns the mixture into overlapping frames of
non-negative coefficients, a stack of dilated convolutions looks at them and gives a mask per target, and a decoder adds
the masked frames up again.

References
----------
Luo, Mesgarani, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking for Speech Separation", IEEE/ACM TASLP
27 (8), 2019.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from sepbench.models.normalise import unit_rms

__all__ = ["Conv1dSeparator", "fourier_frame"]

_KNEE = 10.0  # the logarithm begins at a tenth of the mixture's RMS, so that quiet partials count


class Conv1dSeparator(nn.Module):
    """Mask a learned filter bank.

    Parameters
    ----------
    targets : int
        Number of sources to estimate.
    filters, kernel : int
        Number and length of the encoder's filters; they advance by half their length.
    channels, hidden : int
        Width of the stream through the blocks, and within each.
    dilations, repeats : int
        A repeat is a run of blocks with dilations 1, 2, 4 … 2^(dilations - 1).
    """

    def __init__(
        self,
        *,
        targets: int = 1,
        filters: int = 256,
        kernel: int = 128,
        channels: int = 96,
        hidden: int = 192,
        dilations: int = 6,
        repeats: int = 2,
    ) -> None:
        super().__init__()
        self.targets, self.kernel, self.stride = targets, kernel, kernel // 2
        self.encoder = nn.Conv1d(1, filters, kernel, self.stride, bias=False)
        self.bottleneck = nn.Sequential(nn.GroupNorm(1, filters), nn.Conv1d(filters, channels, 1))
        self.blocks = nn.ModuleList(
            Block(channels, hidden, dilation=2**power) for _ in range(repeats) for power in range(dilations)
        )
        self.mask = nn.Sequential(nn.ReLU(), nn.Conv1d(channels, targets * filters, 1), nn.Sigmoid())
        self.decoder = nn.ConvTranspose1d(filters, 1, kernel, self.stride, bias=False)
        with torch.no_grad():  # begin with a filter bank that gives the mixture back, and learn from there
            self.encoder.weight.copy_(fourier_frame(filters, kernel))
            self.decoder.weight.copy_(fourier_frame(filters, kernel))

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        """Estimate the targets.

        Parameters
        ----------
        mixture : Tensor of shape (batch, time)
            Any length.

        Returns
        -------
        Tensor of shape (batch, target, time)
            As long as the mixture.
        """
        normalised, scale = unit_rms(mixture)
        frames = self._framed(normalised)  # (batch, 1, padded time)
        with _full_precision(mixture):
            coefficients = functional.relu(self.encoder(frames))  # (batch, filter, frame)
        stream = self.bottleneck(torch.log1p(_KNEE * coefficients))  # (batch, channel, frame)
        skipped = torch.zeros_like(stream)
        for block in self.blocks:
            stream, skip = block(stream)
            skipped = skipped + skip
        mask = self.mask(skipped).unflatten(1, (self.targets, -1))  # (batch, target, filter, frame)
        masked = (mask * coefficients[:, None]).flatten(0, 1)  # (batch · target, filter, frame)
        with _full_precision(mixture):
            estimate = self.decoder(masked).unflatten(0, (-1, self.targets))[:, :, 0]  # (batch, target, padded time)
        start = self.kernel - self.stride
        found: torch.Tensor = estimate[..., start : start + mixture.shape[-1]] * scale[:, None]
        return found

    def _framed(self, mixture: torch.Tensor) -> torch.Tensor:
        """Pad so that each sample lies in the same number of frames and the last frame is full."""
        edge = self.kernel - self.stride
        short = -(mixture.shape[-1] + edge) % self.stride
        return functional.pad(mixture, (edge, edge + short))[:, None]


def _full_precision(signal: torch.Tensor) -> torch.autocast:
    """Keep autocast away from what carries the samples: bfloat16 has 8 bits."""
    return torch.autocast(signal.device.type, enabled=False)


def fourier_frame(filters: int, kernel: int) -> torch.Tensor:
    r"""Give windowed cosines and sines, each with both signs, so that half of each pair is left after rectification.

    With :math:`M` frequencies :math:`(k + 1/2) \pi / M`, cosines and sines of length :math:`L \le 2M` form a tight
    frame, as :math:`\sum_k \cos((k + 1/2) \pi d / M) = 0` for :math:`0 < |d| < 2M`. The squares of half-overlapping
    sine windows add up to 1. So an encoder and a decoder with these weights give the signal back.

    Parameters
    ----------
    filters : int
        Four times the number of frequencies.
    kernel : int
        Length, at most half of `filters`.

    Returns
    -------
    Tensor of shape (filter, 1, kernel)

    References
    ----------
    Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020.
    """
    if filters % 4 or kernel % 2 or kernel > filters // 2:
        raise ValueError(f"expected `filters` in fours and an even `kernel` up to its half, got {filters} and {kernel}")
    count = filters // 4
    time = torch.arange(kernel) + 0.5
    angle = (torch.arange(count) + 0.5)[:, None] * (math.pi / count) * time  # (frequency, time)
    window = torch.sin(math.pi * time / kernel) / math.sqrt(count)
    basis = torch.cat([angle.cos(), angle.sin()]) * window
    return torch.cat([basis, -basis])[:, None]


class Block(nn.Module):
    """A dilated depthwise-separable convolution with a residual and a skip connection.

    Normalisation is global, over channels and time, as the network is not causal. ReLU stands where the paper has
    PReLU, whose gradient took a fifth of a training step on a CPU.
    """

    def __init__(self, channels: int, hidden: int, *, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, hidden, 1),
            nn.ReLU(),
            nn.GroupNorm(1, hidden),
            nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation, groups=hidden),
            nn.ReLU(),
            nn.GroupNorm(1, hidden),
        )
        self.residual = nn.Conv1d(hidden, channels, 1)
        self.skip = nn.Conv1d(hidden, channels, 1)

    def forward(self, stream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the stream for the next block and what goes past the others, both of shape (batch, channel, frame)."""
        hidden = self.body(stream)
        return stream + self.residual(hidden), self.skip(hidden)
