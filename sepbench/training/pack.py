"""The stems of a corpus in memory, and random segments of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.draws import Draws
from sepbench.errors import SilentSignalError, UsageError, did_you_mean
from sepbench.training.augment import played

__all__ = ["Pack", "stem_of"]

Floats = NDArray[np.float32]
_TRIES = 100
_ACTIVE = 1e-3  # a segment counts as silent 30 dB below the power of its recording


class Pack:
    """The stems of a corpus in memory.

    Parameters
    ----------
    corpus : Corpus
        One split of it.
    targets : sequence of str
        The stems to estimate. All others are summed into one, the rest.

    Attributes
    ----------
    stems : list of list of ndarray
        For each target, and for the rest, the signals that are not silent. Each channel is a signal of its own; 16-bit
        samples stay int16.
    powers : list of list of float
        Their mean squares at full scale 1.
    """

    def __init__(self, corpus: Any, targets: Sequence[str]) -> None:
        self.stems: list[list[NDArray[Any]]] = [[] for _ in range(len(targets) + 1)]
        self.powers: list[list[float]] = [[] for _ in self.stems]
        for at in range(len(corpus)):
            example = corpus[at]
            wanted = [stem_of(example, target) for target in targets]
            others = [stem for name, stem in example.sources.items() if name not in targets]
            rest = sum(others, np.zeros_like(wanted[0]))
            for component, stem in enumerate([*wanted, rest]):
                self._add(component, stem)
        for component, target in enumerate(targets):
            if not self.stems[component]:
                raise SilentSignalError(f"{corpus.name}: every `{target}` to train on is silent", "check the corpus")
        if not self.stems[-1]:  # the targets add up to the mixture
            del self.stems[-1], self.powers[-1]
        if len(self.stems) == 1:
            raise UsageError(
                f"{corpus.name}: holds nothing but `{targets[0]}`", "train on mixtures of two sources or more"
            )

    def _add(self, component: int, stem: Floats) -> None:
        for channel in stem:
            power = float(np.square(channel, dtype=np.float64).mean())
            if power > 0:
                self.stems[component].append(_narrowed(channel))
                self.powers[component].append(power)

    def segment(self, component: int, length: int, draws: Draws, speed: float) -> Floats:
        """Draw a segment that is not silent, played at a speed within 1 ± `speed`."""
        longer = math.ceil(length * (1 + speed))
        for _ in range(_TRIES):
            at = draws.below(len(self.stems[component]))
            segment = played(_cut(self.stems[component][at], longer, draws), length, draws, speed)
            if float(np.square(segment).mean()) > _ACTIVE * self.powers[component][at]:
                return segment
        raise SilentSignalError(f"training: {_TRIES} segments in a row were silent", "train on longer segments")


def stem_of(example: Any, target: str) -> Floats:
    """Give a target of an example.

    Raises
    ------
    UsageError
        If it has none of this name.
    """
    if target not in example.sources:
        raise UsageError(
            f"{example.mixture_id}: has no source `{target}`, which the baseline estimates",
            did_you_mean(target, example.sources, kind="sources"),
        )
    stem: Floats = example.sources[target]
    return stem


def _cut(signal: NDArray[Any], length: int, draws: Draws) -> Floats:
    """Cut a segment at random; a signal that is shorter lies somewhere within it."""
    segment = np.zeros(length, np.float32)
    if len(signal) >= length:
        start = draws.below(len(signal) - length + 1)
        segment[:] = signal[start : start + length]
    else:
        start = draws.below(length - len(signal) + 1)
        segment[start : start + len(signal)] = signal
    return segment / np.float32(32768) if signal.dtype == np.int16 else segment


def _narrowed(signal: Floats) -> NDArray[Any]:
    steps = np.rint(signal * 32768)
    exact = bool(np.array_equal(steps, signal * 32768)) and float(np.abs(steps).max()) < 32768
    return steps.astype(np.int16) if exact else signal.copy()
