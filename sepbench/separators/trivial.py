"""Separators that do nothing: the yardsticks without which a number can't be read."""

from __future__ import annotations

import numpy as np

from sepbench.separators.protocol import Estimates, Signal

__all__ = ["Mixture", "Silence"]


class Mixture:
    """The mixture itself, as the estimate of every target: where improvements start."""

    sample_rate: int | None = None
    targets: tuple[str, ...] | None = None
    trivial = True
    version = "1"

    def separate(self, mixture: Signal, *, sample_rate: int, targets: tuple[str, ...]) -> Estimates:
        """Give a copy of the mixture for every target."""
        return {target: np.array(mixture, dtype=np.float32) for target in targets}


class Silence:
    """Zeros, as the estimate of every target: 0 dB of SNR, and no value of most metrics."""

    sample_rate: int | None = None
    targets: tuple[str, ...] | None = None
    trivial = True
    version = "1"

    def separate(self, mixture: Signal, *, sample_rate: int, targets: tuple[str, ...]) -> Estimates:
        """Give zeros for every target."""
        return {target: np.zeros(mixture.shape, dtype=np.float32) for target in targets}
