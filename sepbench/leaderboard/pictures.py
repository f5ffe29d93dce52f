"""The plot: quality against cost, as SVG in the page's own colours."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sepbench.leaderboard.board import Board, Cell, Row

__all__ = ["quality_and_cost"]

MAX_NAMES = 30  # more than that can't be read
# drawn in colours that stand for nothing, then replaced by the page's: so the plot follows light and dark
_INKS = {"#010203": "var(--ink)", "#040506": "var(--muted)", "#070809": "var(--rule)", "#0a0b0c": "var(--accent)",
         "#0d0e0f": "var(--paper)"}  # fmt: skip
_INK, _MUTED, _RULE, _ACCENT, _PAPER = _INKS


class _Point(NamedTuple):
    row: Row
    cell: Cell
    cost: float
    quality: float


def quality_and_cost(board: Board) -> str:
    """Draw the main metric's improvement against the real-time factor, with 95 % intervals, as inline SVG.

    Empty where no row has both. The SVG has no style attribute, no id that is not referred to, and no date: the page's
    content security policy forbids the first, other plots on the page the second, identical bytes the third.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    column = board.improvement or board.main
    points = _points(board, column.id)
    if not points:
        return ""
    salt = f"{board.corpus.name}/{board.target}"
    with rc_context({"svg.hashsalt": salt, "svg.fonttype": "none", "font.size": 8.5}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name in a script that the font lacks: the browser has one
        figure = Figure(figsize=(5.2, 3.5), layout="constrained")
        FigureCanvasAgg(figure)  # names are placed by their size, and only a canvas with pixels can measure one
        axes = figure.add_subplot()
        _draw(axes, points)
        if column.improvement:
            axes.axhline(0, color=_MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        title = f"{column.title}{' improvement' if column.improvement else ''}"
        unit = f" in {column.unit}" if column.unit else ""
        _label(axes, "Real-time factor, logarithmic (cheaper to the left)",
               f"{title}{unit} ({'higher' if column.info.higher_is_better else 'lower'} is better)")  # fmt: skip
        _name_points(figure, axes, points)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True,
                       metadata={"Date": None, "Creator": None, "Format": None, "Type": None})  # fmt: skip
    return _inline(file.getvalue(), label=f"{title} against real-time factor on {salt}")


def _points(board: Board, metric: str) -> list[_Point]:
    found = []
    for row in board.all_rows:
        cell, cost = row.cells[metric], row.result.about.cost.real_time_factor
        if cell.mean is not None and cost and row.result.about.separator.kind != "trivial":
            found.append(_Point(row, cell, cost, cell.mean))
    return found


def _draw(axes: Any, points: list[_Point]) -> None:
    axes.set_xscale("log")
    axes.grid(color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    for point in points:
        ranked, cell = point.row.rank is not None, point.cell
        ink = _ACCENT if ranked else _MUTED
        if cell.low is not None and cell.high is not None:
            axes.vlines(point.cost, cell.low, cell.high, color=ink, linewidth=1.3)
        axes.plot(
            [point.cost], [point.quality], "o" if ranked else "D", markersize=6,
            markerfacecolor=ink if ranked else _PAPER, markeredgecolor=ink, markeredgewidth=1.3,
        )  # fmt: skip
    axes.margins(0.12, 0.12)
    costs = [point.cost for point in points]
    if max(costs) / min(costs) < 10:  # a decade at least, or the axis has no number on it
        middle = float(np.sqrt(max(costs) * min(costs)))
        axes.set_xlim(middle / 10, middle * 10)


def _label(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across, color=_MUTED)
    axes.set_ylabel(up, color=_MUTED, parse_math=False)
    axes.tick_params(which="both", length=0, colors=_MUTED)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    # all nine of a decade stand in each other's way
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.spines[:].set_visible(False)


def _name_points(figure: Any, axes: Any, points: list[_Point]) -> None:
    """Write each name beside its point, at the first of twelve places where it covers nothing."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    ends = [(p.cost, end) for p in points for end in (p.cell.low, p.quality, p.cell.high) if end is not None]
    marks = axes.transData.transform(ends)
    taken = np.hstack([marks - 5, marks + 5])  # left, lower, right and upper edge, in pixels
    frame = np.array([axes.get_window_extent().extents])
    for point in sorted(points, key=lambda one: -one.quality)[:MAX_NAMES]:
        label = point.row.result.label
        label = label if len(label) <= 28 else f"{label[:27]}…"
        text = axes.annotate(label, (point.cost, point.quality), textcoords="offset points", color=_INK,
                             annotation_clip=False, parse_math=False)  # fmt: skip
        text.set_in_layout(False)
        tried: list[tuple[float, int, NDArray[np.float64]]] = []
        for offset, across, up in _PLACES:
            text.set(position=offset, horizontalalignment=across, verticalalignment=up)
            box = text.get_window_extent(renderer).extents
            outside = np.prod(box[2:] - box[:2]) - _overlap(box, frame)
            tried.append((_overlap(box, taken) + 3 * outside, len(tried), box))
        _, best, box = min(tried)
        offset, across, up = _PLACES[best]
        text.set(position=offset, horizontalalignment=across, verticalalignment=up)
        taken = np.vstack([taken, box])


_PLACES = [
    ((7, 0), "left", "center"), ((-7, 0), "right", "center"), ((0, 8), "center", "bottom"), ((0, -8), "center", "top"),
    ((6, 6), "left", "bottom"), ((-6, 6), "right", "bottom"), ((6, -6), "left", "top"), ((-6, -6), "right", "top"),
    ((7, 16), "left", "bottom"), ((7, -16), "left", "top"), ((-7, 16), "right", "bottom"), ((-7, -16), "right", "top"),
]  # fmt: skip


def _overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Give the area that a box shares with others, each as left, lower, right and upper edge."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.prod(np.maximum(sides, 0), axis=1).sum())


def _inline(svg: str, *, label: str) -> str:
    """Turn a file of matplotlib into an element of a page that allows no inline style."""
    from markupsafe import escape

    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' style="([^"]*)"', lambda found: _attributes(found[1]), svg)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = svg.replace("xlink:href", "href")
    for ink, variable in _INKS.items():
        svg = svg.replace(ink, variable)
    head, _, rest = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    return f'<svg {box[0] if box else ""} role="img" aria-label="{escape(label)}">{rest}'.strip()


def _attributes(style: str) -> str:
    """Write the declarations of a style attribute as presentation attributes, which the policy does not touch."""
    found = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":  # a shorthand, and no attribute: the page's own typeface, in this size
            size = re.search(r"([\d.]+)px", value)
            name, value = "font-size", size[1] if size else "9"
        found.append(f' {name}="{value}"')
    return "".join(found)
