"""Integrated loudness after ITU-R BS.1770-4, in float64: measured and reported, never part of a hash.

A recursive filter is evaluated in blocks: within a block of 32 samples it is a matrix, between blocks only its four
state variables pass. That is several times as fast as sample by sample, needs NumPy alone, and goes through long
recordings in pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["integrated_loudness"]

Floats = NDArray[np.float64]
_GATE_S, _HOP = 0.4, 0.25  # a hop is a quarter of a gating block
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_SURROUND = (1.0, 1.0, 1.0, 1.41, 1.41)  # left, right, centre, left and right surround
_BLOCK, _GROUP = 32, 32  # samples in a block, blocks in a group, groups in a group of groups
_PIECE = (
    32 * _BLOCK * _GROUP**2
)  # a whole number of groups of groups, so that the state after it is the one that goes on


def integrated_loudness(samples: NDArray[Any], sample_rate: int, full_scale: float = 1.0) -> float | None:
    """Measure the loudness of a recording.

    Parameters
    ----------
    samples : ndarray, shape (channel, time)
        Up to five channels, in the order left, right, centre, left surround, right surround.
    sample_rate : int
        In Hz.
    full_scale : float
        The value that stands for 1.

    Returns
    -------
    float or None
        In LUFS; None where it is not defined: below 0.4 s, with more than five channels, or below the gates.

    References
    ----------
    ITU-R BS.1770-4 (2015), annex 1, with the filters and the blocks of pyloudnorm, whose values these are.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)[None]
    >>> round(integrated_loudness(tone, 48000), 1)  # a full-scale tone at 997 Hz
    -3.1
    """
    channels, frames = samples.shape
    if frames < _GATE_S * sample_rate or channels > len(_SURROUND):
        return None
    blocks = round((frames / sample_rate - _GATE_S) / (_GATE_S * _HOP)) + 1
    # gating blocks overlap by three quarters: sum each quarter once
    edges = np.array([int(_GATE_S * (j * _HOP) * sample_rate) for j in range(blocks + 4)])
    quarters = np.zeros((channels, len(edges) - 1))
    for first, weighted in _k_weighted(samples, sample_rate):
        _add_squares(quarters, edges, first, weighted)
    powers = sum(quarters[:, k : k + blocks] for k in range(4)) / (_GATE_S * sample_rate * full_scale**2)
    power = np.asarray(_SURROUND[:channels]) @ powers
    loud = power[power >= _power(_ABSOLUTE_GATE_LUFS)]
    if len(loud) == 0:
        return None
    gate = _power(_lufs(float(loud.mean())) + _RELATIVE_GATE_LU)
    loud = power[(power > gate) & (power > _power(_ABSOLUTE_GATE_LUFS))]
    return _lufs(float(loud.mean())) if len(loud) else None


def _add_squares(quarters: Floats, edges: NDArray[np.int64], first: int, weighted: Floats) -> None:
    """Add the energies of a piece, which begins at sample `first`, to the quarters that it touches."""
    last = min(first + weighted.shape[1], int(edges[-1]))
    if last <= first:
        return
    begin = int(np.searchsorted(edges, first, side="right")) - 1
    end = int(np.searchsorted(edges, last, side="left"))
    starts = np.maximum(edges[begin:end], first) - first
    squares = np.square(weighted, out=weighted)[:, : last - first]
    quarters[:, begin:end] += np.add.reduceat(squares, starts, axis=1)


def _lufs(power: float) -> float:
    return -0.691 + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


class _Steps(NamedTuple):
    """How the state goes through a group of steps, each a multiplication with one matrix and an addition.

    `inside` leads from what each step adds to the state after each, had the group begun at rest; `before` from the
    state at the group's start to the state before each step; `over` to the state at its end.
    """

    inside: Floats
    before: Floats
    over: Floats


class _Blockwise(NamedTuple):
    """The filter as matrices: from a block's input to its output and to the state after it, from the state before it."""

    output: Floats
    output_of_state: Floats
    state: Floats
    steps: tuple[_Steps, _Steps]  # of blocks, and of groups of blocks


def _k_weighted(samples: NDArray[Any], sample_rate: int) -> Iterator[tuple[int, Floats]]:
    """Filter a recording; gives (first sample, filtered piece of shape (channel, time)) from its beginning to its end."""
    filters = _blockwise(sample_rate)
    channels, frames = samples.shape
    state = np.zeros((channels, 4))
    for first in range(0, frames, _PIECE):
        piece = samples[:, first : first + _PIECE]
        blocks = np.zeros((channels, -(-piece.shape[1] // _BLOCK), _BLOCK))
        blocks.reshape(channels, -1)[:, : piece.shape[1]] = piece
        before, state = _states(blocks @ filters.state, state, filters.steps)
        output = blocks @ filters.output
        output += before @ filters.output_of_state
        yield first, output.reshape(channels, -1)[:, : piece.shape[1]]


def _states(added: Floats, state: Floats, steps: tuple[_Steps, ...]) -> tuple[Floats, Floats]:
    """Give the state before each step, shape (channel, step, 4), and after a whole number of groups."""
    channels, count, _ = added.shape
    groups = -(-count // _GROUP)
    padded = np.zeros((channels, groups * _GROUP, 4))
    padded[:, :count] = added
    after = (padded.reshape(channels, groups, -1) @ steps[0].inside).reshape(channels, groups, _GROUP, 4)
    if steps[1:]:
        at_start, state = _states(after[:, :, -1], state, steps[1:])
    else:
        at_start = np.empty((channels, groups, 4))
        for group in range(groups):
            at_start[:, group] = state
            state = state @ steps[0].over + after[:, group, -1]
    before = (at_start @ steps[0].before).reshape(channels, groups, _GROUP, 4)
    before[:, :, 1:] += after[:, :, :-1]
    return before.reshape(channels, -1, 4)[:, :count], state


@lru_cache(maxsize=32)
def _blockwise(sample_rate: int) -> _Blockwise:
    """Make the matrices by running the filter from each unit state and on a unit impulse."""
    stages = _shelf(sample_rate), _high_pass(sample_rate)
    impulse = np.zeros(_BLOCK)
    impulse[0] = 1
    response, _ = _run(stages, impulse, np.zeros(4))
    output = np.zeros((_BLOCK, _BLOCK))
    state = np.zeros((_BLOCK, 4))
    for at in range(_BLOCK):
        output[at, at:] = response[: _BLOCK - at]
        state[at] = _run(stages, impulse[: _BLOCK - at], np.zeros(4))[1]
    rows = [_run(stages, np.zeros(_BLOCK), unit) for unit in np.eye(4)]
    # states are rows: the state after a block without input is the one before it times this
    block = np.stack([row[1] for row in rows])
    blocks = _steps(block)
    return _Blockwise(output, np.stack([row[0] for row in rows]), state, (blocks, _steps(blocks.over)))


def _steps(step: Floats) -> _Steps:
    powers = [np.linalg.matrix_power(step, k) for k in range(_GROUP + 1)]
    inside = np.zeros((_GROUP, 4, _GROUP, 4))
    for here in range(_GROUP):
        for later in range(here, _GROUP):
            inside[here, :, later] = powers[later - here]
    return _Steps(inside.reshape(4 * _GROUP, -1), np.stack(powers[:_GROUP], axis=1).reshape(4, -1), powers[_GROUP])


_Stage = tuple[tuple[float, float, float], tuple[float, float]]


def _run(stages: tuple[_Stage, _Stage], signal: Floats, state: Floats) -> tuple[Floats, Floats]:
    """Filter sample by sample, in the transposed direct form II: two state variables for each stage."""
    z = [float(value) for value in state]
    output = np.empty(len(signal))
    for n, x in enumerate(signal.tolist()):
        for at, ((b0, b1, b2), (a1, a2)) in zip((0, 2), stages, strict=True):
            y = b0 * x + z[at]
            z[at], z[at + 1] = b1 * x - a1 * y + z[at + 1], b2 * x - a2 * y
            x = y
        output[n] = x
    return output, np.array(z)


def _shelf(sample_rate: int, corner_hz: float = 1500.0, gain_db: float = 4.0, q: float = math.sqrt(0.5)) -> _Stage:
    """A high shelf: the head."""
    a = 10 ** (gain_db / 40)
    w = 2 * math.pi * corner_hz / sample_rate
    alpha, cos = math.sin(w) / (2 * q), math.cos(w)
    wide = 2 * math.sqrt(a) * alpha
    a0 = (a + 1) - (a - 1) * cos + wide
    b = a * ((a + 1) + (a - 1) * cos + wide), -2 * a * ((a - 1) + (a + 1) * cos), a * ((a + 1) + (a - 1) * cos - wide)
    return (b[0] / a0, b[1] / a0, b[2] / a0), (
        2 * ((a - 1) - (a + 1) * cos) / a0,
        ((a + 1) - (a - 1) * cos - wide) / a0,
    )


def _high_pass(sample_rate: int, corner_hz: float = 38.0, q: float = 0.5) -> _Stage:
    """A high pass: what is too low to be heard."""
    w = 2 * math.pi * corner_hz / sample_rate
    alpha, cos = math.sin(w) / (2 * q), math.cos(w)
    a0 = 1 + alpha
    return ((1 + cos) / 2 / a0, -(1 + cos) / a0, (1 + cos) / 2 / a0), (-2 * cos / a0, (1 - alpha) / a0)
