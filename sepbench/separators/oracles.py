"""Masks computed from the true sources: what a separator that masks a spectrogram could reach at best.

Both masks are real, between 0 and 1, one per channel, frequency and frame of the transform in
`sepbench.separators.spectrum`, and multiply the mixture's transform, so the phase of the estimates is the mixture's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SeparatorError, UsageError, did_you_mean
from sepbench.separators.protocol import Estimates, Signal
from sepbench.separators.spectrum import Spectrum, signal_of, spectrum_of, window_length

__all__ = ["IdealBinaryMask", "IdealRatioMask"]

Mask = NDArray[Any]


class _IdealMask(ABC):
    sample_rate: int | None = None
    targets: tuple[str, ...] | None = None
    needs_references = True
    version = "1"

    def separate(
        self, mixture: Signal, *, sample_rate: int, targets: tuple[str, ...], references: Mapping[str, Signal]
    ) -> Estimates:
        """Mask the mixture.

        Parameters
        ----------
        mixture : ndarray of float32, shape (channel, time)
        sample_rate : int
            In Hz.
        targets : tuple of str
            What to estimate; each has a reference.
        references : mapping of str to ndarray
            All true sources; they add up to the mixture.
        """
        unknown = [target for target in targets if target not in references]
        if unknown:
            raise SeparatorError(
                f"{type(self).__name__}: there is no reference for `{unknown[0]}`",
                did_you_mean(unknown[0], references, kind="references"),
            )
        length = window_length(sample_rate)
        heard = spectrum_of(mixture, length)
        sources = {name: spectrum_of(signal, length) for name, signal in references.items()}
        return {target: signal_of(heard * mask, mixture.shape[-1]) for target, mask in self.masks(sources, targets)}

    @abstractmethod
    def masks(self, sources: Mapping[str, Spectrum], targets: tuple[str, ...]) -> Iterator[tuple[str, Mask]]:
        """Give the mask of each target, from the transforms of all sources."""


class IdealRatioMask(_IdealMask):
    """Oracle: each source's share of the magnitudes, raised to a power.

    The mask of source *j* is ``|S_j|**p / sum_i |S_i|**p``, and 0 where all sources are 0; the masks of all sources
    add up to 1, so their estimates add up to the mixture.

    Parameters
    ----------
    power : float
        The exponent *p*, above 0: 2 shares by energy, as the Wiener filter does, 1 by magnitude.

    References
    ----------
    Liutkus and Badeau, *Generalized Wiener filtering with fractional power spectrograms*, ICASSP 2015; "IRM1" and
    "IRM2" of SiSEC 2018 are these masks.
    """

    def __init__(self, power: float = 2) -> None:
        if not power > 0:
            raise UsageError(f"IdealRatioMask: expected a `power` above 0, got {power}", "2 is the usual one")
        self.power = power

    def masks(self, sources: Mapping[str, Spectrum], targets: tuple[str, ...]) -> Iterator[tuple[str, Mask]]:
        """Give each target's share."""
        # scaled by the loudest, so that no power leaves float32
        loudest = reduce(np.maximum, (np.abs(source) for source in sources.values()))
        audible = loudest > 0
        total = sum(self._shares(source, loudest, audible) for source in sources.values())
        for target in targets:
            share = self._shares(sources[target], loudest, audible)
            yield target, np.divide(share, total, out=np.zeros_like(share), where=audible)

    def _shares(self, source: Spectrum, loudest: Mask, audible: Mask) -> Mask:
        relative = np.divide(np.abs(source), loudest, out=np.zeros_like(loudest), where=audible)
        return np.power(relative, np.float32(self.power))


class IdealBinaryMask(_IdealMask):
    """Oracle: all or nothing, by whether the target is louder than the sum of the rest.

    The mask of source *j* is 1 where ``|S_j| > |sum of S_i over i ≠ j|`` and 0 elsewhere. The rest is summed as a
    signal, with its phases, so for two sources every point belongs to the louder one.

    References
    ----------
    Wang, *On ideal binary mask as the computational goal of auditory scene analysis*, 2005; a local criterion of 0 dB.
    """

    def masks(self, sources: Mapping[str, Spectrum], targets: tuple[str, ...]) -> Iterator[tuple[str, Mask]]:
        """Say where each target is the louder one."""
        for target in targets:
            rest = [source for name, source in sources.items() if name != target]
            yield target, np.abs(sources[target]) > np.abs(np.sum(rest, axis=0) if rest else 0)
