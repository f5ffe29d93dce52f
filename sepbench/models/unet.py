"""A U-Net on the short-time Fourier transform.

The network sees the compressed spectrum as an image and gives a complex mask per target. The transform and its inverse
stay outside `MaskUNet`, which is made of convolutions alone and so can be exported by itself.

References
----------
Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR 2017. The bounded complex
mask: Hu et al., "DCCRN: Deep complex convolution recurrent network for phase-aware speech enhancement", Interspeech
2020, its mask E.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from sepbench.models.normalise import unit_rms

__all__ = ["MaskUNet", "UNetSeparator"]


class UNetSeparator(nn.Module):
    """Mask the mixture's spectrum, with a correction of its phase.

    Parameters
    ----------
    targets : int
        Number of sources to estimate.
    fft_size, hop : int
        Of the Hann-windowed transform, in samples.
    channels : sequence of int
        Width of the image at each level: it is halved in both directions from one to the next.
    compression : float
        Magnitudes are raised to this power before the network sees them, so that quiet partials count.
    """

    def __init__(
        self,
        *,
        targets: int = 1,
        fft_size: int = 512,
        hop: int = 128,
        channels: Sequence[int] = (8, 16, 32, 64, 96, 128),
        compression: float = 0.3,
    ) -> None:
        super().__init__()
        self.targets, self.fft_size, self.hop, self.compression = targets, fft_size, hop, compression
        self.window: torch.Tensor
        self.register_buffer("window", torch.hann_window(fft_size), persistent=False)
        self.network = MaskUNet(inputs=3, outputs=2 * targets, channels=channels)
        with torch.no_grad():  # training begins at the mixture, not at silence
            bias: torch.Tensor = self.network.get_parameter("last.bias")
            bias.copy_(torch.tensor([1.0, 0.0] * targets))

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
        spectrum = self._stft(normalised)  # (batch, frequency, frame), complex
        image = self.network(self._features(spectrum)).float()  # (batch, 2 · target, frequency, frame)
        mask = bounded(image.unflatten(1, (self.targets, 2)))  # (batch, target, frequency, frame), complex
        masked = (mask * spectrum[:, None]).flatten(0, 1)  # (batch · target, frequency, frame)
        estimate = self._istft(masked, mixture.shape[-1]).reshape(-1, self.targets, mixture.shape[-1])
        return estimate * scale[:, None]

    def _features(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Give compressed magnitude, real and imaginary part as an image of shape (batch, 3, frequency, frame)."""
        magnitude = spectrum.abs()
        compressed = magnitude**self.compression
        # where there is no magnitude there is no phase: the quotient is 0 / floor
        phase = spectrum / magnitude.clamp_min(torch.finfo(magnitude.dtype).tiny)
        return torch.stack([compressed, compressed * phase.real, compressed * phase.imag], 1)

    def _stft(self, signal: torch.Tensor) -> torch.Tensor:
        return torch.stft(
            signal, self.fft_size, self.hop, window=self.window, center=True, pad_mode="constant", return_complex=True
        )

    def _istft(self, spectrum: torch.Tensor, length: int) -> torch.Tensor:
        return torch.istft(spectrum, self.fft_size, self.hop, window=self.window, center=True, length=length)


def bounded(parts: torch.Tensor) -> torch.Tensor:
    """Turn pairs of numbers into complex masks within the unit circle: a mask never amplifies.

    Parameters
    ----------
    parts : Tensor of shape (batch, target, 2, frequency, frame)
        Real and imaginary part, any size.

    Returns
    -------
    complex Tensor of shape (batch, target, frequency, frame)
        The same phases; the magnitudes go through the hyperbolic tangent.
    """
    # tanh(r)/r and its gradient are smooth in r², but not as computed at r = 0
    radius = parts.square().sum(2).add(1e-8).sqrt()
    factor = torch.tanh(radius) / radius
    return torch.complex(parts[:, :, 0] * factor, parts[:, :, 1] * factor)


class MaskUNet(nn.Module):
    """An encoder and a decoder of 2-D convolutions with connections between their levels.

    Each level halves the image with a convolution of stride 2, and doubles it again with a transposed one. A size of
    k · 2^levels + 1 comes back as it was: the 257 frequencies of a 512-point transform fit without padding, and
    frames are added until they do.

    Parameters
    ----------
    inputs, outputs : int
        Channels of the image that goes in, and of the one that comes out.
    channels : sequence of int
        Width at each level.
    """

    def __init__(self, *, inputs: int, outputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        steps = list(itertools.pairwise(channels))
        self.unit = 2 ** len(steps)
        self.first = convolution(inputs, channels[0])
        self.down = nn.ModuleList(
            nn.Sequential(convolution(above, below, stride=2), convolution(below, below)) for above, below in steps
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 3, stride=2, padding=1) for above, below in reversed(steps)
        )
        self.merge = nn.ModuleList(convolution(2 * above, above) for above, _ in reversed(steps))
        self.last = nn.Conv2d(channels[0], outputs, 1)
        # a third off a step on a CPU; the stubs lack the keyword
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map an image of shape (batch, input, frequency, frame) to one of shape (batch, output, frequency, frame)."""
        height, width = image.shape[-2:]
        image = functional.pad(image, (0, (1 - width) % self.unit, 0, (1 - height) % self.unit))
        stream = self.first(image.contiguous(memory_format=torch.channels_last))
        passed = []
        for down in self.down:
            passed.append(stream)
            stream = down(stream)
        for up, merge in zip(self.up, self.merge, strict=True):
            stream = merge(torch.cat([up(stream), passed.pop()], 1))
        image = self.last(stream)
        return image[..., :height, :width]


def convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    """Convolve, normalise over the batch, rectify: the image keeps its size, or is halved."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1, inplace=True),
    )
