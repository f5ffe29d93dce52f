"""What a network is worth on mixtures that it was not trained on."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sepbench.metrics.si_sdr import si_sdr
from sepbench.models.inference import estimates
from sepbench.training.pack import stem_of

__all__ = ["Row", "mean_improvement", "validation_rows"]

Floats = NDArray[np.float32]


class Row(NamedTuple):
    """A mixture of shape (channel, time), and its targets of shape (target, channel, time)."""

    mixture: Floats
    targets: Floats


def validation_rows(corpus: Any, targets: tuple[str, ...], count: int) -> list[Row]:
    """Take up to `count` rows of a split, evenly spaced, as they are; each row has all targets."""
    chosen = np.unique(np.linspace(0, len(corpus) - 1, min(count, len(corpus))).round().astype(int))
    examples = (corpus[int(at)] for at in chosen)
    return [Row(example.mixture, np.stack([stem_of(example, target) for target in targets])) for example in examples]


def mean_improvement(network: torch.nn.Module, rows: list[Row], sample_rate: int) -> float | None:
    """Give the mean SI-SDR improvement over the mixture, in dB, over rows, targets and channels.

    Silent targets are left out, as no ratio is defined. None where nothing is left, or where an estimate is silent.
    """
    was_training = network.training
    network.eval()
    improvements = [
        improvement
        for row in rows
        for improvement in _improvements(row, estimates(network, row.mixture, sample_rate))
    ]  # fmt: skip
    network.train(was_training)
    mean = float(np.mean(improvements)) if improvements else math.nan
    return mean if math.isfinite(mean) else None


def _improvements(row: Row, found: Floats) -> list[float]:
    heard = row.targets.any(-1)  # (target, channel)
    mixtures = np.broadcast_to(row.mixture, row.targets.shape)
    return list(si_sdr(row.targets[heard], found[heard]) - si_sdr(row.targets[heard], mixtures[heard]))
