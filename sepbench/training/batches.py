"""Training batches, mixed on the fly: a target from one mixture of the corpus, the rest from another.

A batch is a function of the pack, the seed and the step alone: neither the number of workers nor a resumed training
changes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.draws import Draws, draws_for
from sepbench.models.config import BaselineConfig
from sepbench.training.augment import coloured
from sepbench.training.pack import Pack

__all__ = ["Batch", "batches", "make_batch"]

Floats = NDArray[np.float32]


class Batch(NamedTuple):
    """Mixtures of shape (batch, time) and their targets, of shape (batch, target, time), as float32."""

    mixtures: Floats
    targets: Floats


def make_batch(pack: Pack, config: BaselineConfig, seed: int, step: int) -> Batch:
    """Mix the batch of one step.

    Each component is a segment of a signal of its own. The first target keeps its level; each other component is scaled
    to a ratio drawn from ``snr_db``, and their sum by a gain drawn from ``gain_db``.
    """
    training = config.training
    draws = draws_for(config.name, 1, seed, "train", str(step), "batch")
    length = round(training.segment_s * config.sample_rate)
    components = np.empty((training.batch_size, len(pack.stems), length), np.float32)
    for example in components:
        for component in range(len(pack.stems)):
            segment = pack.segment(component, length, draws, training.speed)
            if component == len(config.targets) and draws.below(1000) < 1000 * training.second_noise:
                segment += pack.segment(component, length, draws, training.speed)
            example[component] = coloured(segment, draws, training.colour)
            if component:
                example[component] *= _gain_for(example[0], example[component], _decibels(training.snr_db, draws))
        example *= 10 ** (_decibels(training.gain_db, draws) / 20)
    return Batch(components.sum(1), components[:, : len(config.targets)])


def batches(
    pack: Pack, config: BaselineConfig, seed: int, steps: range, *, workers: int = 0
) -> Iterator[tuple[int, Batch]]:
    """Give each step with its batch, in order.

    Parameters
    ----------
    workers : int
        Threads that mix ahead; 0 mixes when asked. Mixing takes NumPy, which lets other threads run.
    """
    if workers == 0:
        for step in steps:
            yield step, make_batch(pack, config, seed, step)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[int, Future[Batch]]] = deque()
        for step in steps:
            ahead.append((step, pool.submit(make_batch, pack, config, seed, step)))
            if len(ahead) > 2 * workers:
                yield _finished(ahead)
        while ahead:
            yield _finished(ahead)


def _finished(ahead: deque[tuple[int, Future[Batch]]]) -> tuple[int, Batch]:
    step, future = ahead.popleft()
    return step, future.result()


def _gain_for(target: Floats, interferer: Floats, snr_db: float) -> float:
    ratio = float(np.square(target).sum()) / float(np.square(interferer).sum())
    return float(np.sqrt(ratio)) * 10 ** (-snr_db / 20)


def _decibels(limits: tuple[float, float], draws: Draws) -> float:
    low, high = (round(1000 * limit) for limit in limits)
    return draws.between(low, high) / 1000
