"""Histograms as inline SVG in the page's own colours: one row per split over one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

__all__ = ["histogram", "ticks"]

Floats = NDArray[np.float64]
_BINS = 40
_NARROWEST = 1e-6  # below it the numbers on the axis would look the same
# in units of the drawing, which is as wide as its column of the page
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP, _FOOT = 440.0, 44.0, 12.0, 46.0, 6.0, 24.0


class _Axis(NamedTuple):
    low: float
    high: float
    finest: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def histogram(columns: Mapping[str, Floats], label: str) -> Markup:
    """Draw how often values occur, one row for each column, each as high as its own most frequent bin.

    Parameters
    ----------
    columns : mapping of str to ndarray of float, shape (mixture,)
        By the words at the left; finite, none of them empty.
    label : str
        What the picture shows, for those who can't see it.

    Returns
    -------
    Markup
        An element that needs no style of its own, beside the classes of the page.
    """
    edges = _edges(np.concatenate(list(columns.values())))
    whole = edges[1] - edges[0] == 1.0
    axis = _Axis(edges[0], edges[-1], finest=1.0 if whole else 0.0)
    height = _TOP + _ROW * len(columns) + _FOOT
    parts = [
        _row(name, values, edges, axis, _TOP + _ROW * (at + 1)) for at, (name, values) in enumerate(columns.items())
    ]
    return Markup(
        f'<svg class="histogram" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}{_scale(axis, height - _FOOT)}</svg>"
    )


def _edges(values: Floats) -> Floats:
    """Divide the range of values; whole numbers get a bin each where there are few of them."""
    low, high = float(values.min()), float(values.max())
    if high - low < _BINS and np.array_equal(values, np.rint(values)):
        return np.arange(low, high + 2) - 0.5
    if high - low < _NARROWEST * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _row(name: str, values: Floats, edges: Floats, axis: _Axis, base: float) -> str:
    counts, _ = np.histogram(values, edges)
    heights = counts / counts.max() * (_ROW - 8)
    steps = "".join(
        f"V{base - height:.1f}H{axis.at(edge):.1f}" for height, edge in zip(heights.tolist(), edges[1:], strict=True)
    )
    middle = axis.at(float(np.median(values)))
    return (
        f'<text x="0" y="{base - 4:g}" class="ink">{escape(name)}</text>'
        f'<path class="bars" d="M{_LEFT:g} {base:g}{steps}V{base:g}Z"/>'
        f'<path class="rule" d="M{_LEFT:g} {base:g}H{_WIDTH - _RIGHT:g}"/>'
        f'<path class="median" d="M{middle:.1f} {base:g}v-{_ROW - 8:g}"/>'
    )


def _scale(axis: _Axis, base: float) -> str:
    found = ticks(axis.low, axis.high, finest=axis.finest)
    decimals = max(0, -math.floor(math.log10(found[1] - found[0]))) if len(found) > 1 else 0
    return "".join(
        f'<path class="rule" d="M{axis.at(value):.1f} {base:g}v4"/>'
        f'<text x="{axis.at(value):.1f}" y="{base + 17:g}" text-anchor="middle">{_number(value, decimals)}</text>'
        for value in found
    )


def _number(value: float, decimals: int) -> str:
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")


def ticks(low: float, high: float, *, finest: float = 0.0, most: int = 7) -> Sequence[float]:
    """Give round numbers within a range, at most so many, and no nearer to each other than `finest`.

    Examples
    --------
    >>> ticks(-5.0, 10.0)
    [-5.0, 0.0, 5.0, 10.0]
    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = max((high - low) / most, finest)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
