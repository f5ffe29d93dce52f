"""Separators without training: what was done before there were networks, as a yardstick."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import UsageError
from sepbench.separators.protocol import Estimates, Signal
from sepbench.separators.spectrum import signal_of, spectrum_of, window_length

__all__ = ["Hpss", "SpectralGate"]

Floats = NDArray[Any]


class SpectralGate:
    """Classical speech enhancement: a decision-directed Wiener filter over a noise floor taken for constant.

    Per channel and frequency, the noise power is the `quantile` of the power over all frames, divided by
    ``-ln(1 - quantile)``, which is what the quantile of Gaussian noise is of its mean; frames of digital silence are
    left out. From the ratio γ of a frame's power to the noise power, the SNR before is estimated as
    ``ξ = smoothing * |last estimate|² / noise + (1 - smoothing) * max(γ - 1, 0)`` and the gain is ``ξ / (1 + ξ)``,
    at least `floor_db`.

    It helps against steady noise. Noise that comes and goes it lets pass, and what never pauses it takes for noise. The
    defaults were chosen on clips of LibriSpeech, ESC-10 and VoiceBank-DEMAND: scores there are not held out.

    Parameters
    ----------
    target : str
        What to call the estimate.
    quantile : float
        Between 0 and 1: how much of the time noise is alone, at least.
    smoothing : float
        From 0 to below 1: weight of the last frame; high values sound smooth and lag.
    floor_db : float
        The smallest gain, in dB.

    References
    ----------
    Ephraim and Malah, *Speech enhancement using a minimum mean-square error short-time spectral amplitude estimator*,
    IEEE TASSP 32(6), 1984 (decision-directed SNR); Stahl, Fischer and Bippus, *Quantile based noise estimation for
    spectral subtraction and Wiener filtering*, ICASSP 2000.
    """

    sample_rate: int | None = None
    version = "1"

    def __init__(
        self, target: str = "speech", quantile: float = 0.2, smoothing: float = 0.92, floor_db: float = -20
    ) -> None:
        if not (0 < quantile < 1 and 0 <= smoothing < 1 and floor_db <= 0):
            raise UsageError(
                f"SpectralGate: got quantile {quantile}, smoothing {smoothing}, floor_db {floor_db}",
                "expected 0 < quantile < 1, 0 <= smoothing < 1 and floor_db <= 0",
            )
        self.targets = (target,)
        self.quantile, self.smoothing, self.floor = quantile, smoothing, 10 ** (floor_db / 20)

    def separate(self, mixture: Signal, *, sample_rate: int) -> Estimates:
        """Take steady noise out of each channel."""
        spectrum = spectrum_of(mixture, window_length(sample_rate))
        # float64: the squares of the quietest float32 leave float32
        power = np.square(np.abs(spectrum).astype(np.float64))
        cleaned = spectrum * self._gains(power, self._noise(power))
        return {self.targets[0]: signal_of(cleaned, mixture.shape[-1])}

    def _noise(self, power: Floats) -> Floats:
        noise = np.zeros(power.shape[:-1])
        for channel, floor in zip(power, noise, strict=True):
            sounding = channel[:, channel.any(axis=0)]
            if sounding.size:
                floor[:] = np.quantile(sounding, self.quantile, axis=-1) / -math.log1p(-self.quantile)
        return noise

    def _gains(self, power: Floats, noise: Floats) -> NDArray[np.float32]:
        gains = np.ones(power.shape, dtype=np.float32)
        noisy = noise > 0  # where there is no noise the gain stays 1
        ratio = np.divide(power, noise[..., None], out=np.ones_like(power), where=noisy[..., None])
        before = np.maximum(ratio[..., 0] - 1, 0)
        for frame in range(power.shape[-1]):
            gamma = ratio[..., frame]
            now = np.maximum(gamma - 1, 0)
            xi = self.smoothing * before + (1 - self.smoothing) * now
            gain = np.maximum(xi / (1 + xi), self.floor)
            before = np.square(gain) * gamma
            gains[..., frame] = np.where(noisy, gain, 1)
        return gains


class Hpss:
    """Vocals by median filtering: what is no steady tone in a long window, yet a tone in a short one.

    The spectrogram with a long window (the power of two nearest to 0.37 s) is split by median filters into what is
    smooth in time and what is smooth in frequency. The latter holds what comes, goes and glides: voice and drums. It is
    split again with a short window (nearest to 46 ms), where the voice is what is smooth in time. That is the first
    target; the mixture less it is the second.

    A weak yardstick: on the nine songs that its settings were chosen on, excerpts of MUSDB18-HQ among them, the vocals
    gained 1.5 dB on average and some lost. A trained separator that does not beat it has learnt nothing.

    Parameters
    ----------
    targets : str
        Names of the two estimates, the voice first, separated by a comma.
    kernel : int
        Length of the median filters, in frames and in frequencies.

    References
    ----------
    FitzGerald, *Harmonic/percussive separation using median filtering*, DAFx 2010; FitzGerald and Gainza, *Single
    channel vocal separation using median filtering and factorisation techniques*, ISAST Transactions 4(1), 2010.
    """

    sample_rate: int | None = None
    version = "1"

    def __init__(self, targets: str = "vocals,accompaniment", kernel: int = 17) -> None:
        names = tuple(name.strip() for name in targets.split(","))
        if len(set(names)) != 2 or "" in names:
            raise UsageError(f"Hpss: expected two targets, got `{targets}`", "such as `vocals,accompaniment`")
        if kernel < 1:
            raise UsageError(f"Hpss: expected a kernel of 1 or more, got {kernel}", "17 is the usual one")
        self.targets, self.kernel = names, kernel

    def separate(self, mixture: Signal, *, sample_rate: int) -> Estimates:
        """Split the mixture into what sings and the rest."""
        _, moving = self._split(mixture, _nearest_power_of_two(0.37 * sample_rate))
        voice, _ = self._split(moving, _nearest_power_of_two(0.046 * sample_rate))
        return {self.targets[0]: voice, self.targets[1]: mixture - voice}

    def _split(self, signal: Signal, length: int) -> tuple[Signal, Signal]:
        from librosa.decompose import hpss

        # half the windows of the other masks: median filters are slow
        parts = hpss(spectrum_of(signal, length, overlap=2), kernel_size=self.kernel)
        steady, moving = (signal_of(part, signal.shape[-1], overlap=2) for part in parts)
        return steady, moving


def _nearest_power_of_two(value: float) -> int:
    return 1 << max(3, round(math.log2(value)))
