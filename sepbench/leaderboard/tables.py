"""How boards look in words: numbers, intervals and counts, and the table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sepbench import statistics
from sepbench.leaderboard.board import Board, Cell, Column, Row

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["cost", "interval", "number", "shown", "terminal", "to_above", "weights"]


def number(value: float | None, decimals: int, *, signed: bool = False) -> str:
    """Write a number for people.

    Examples
    --------
    >>> number(-0.001, 2), number(3.2, 2, signed=True), number(None, 2)
    ('0.00', '+3.20', '–')
    """
    if value is None:
        return "–"
    value = round(value, decimals) + 0.0  # no minus before a zero
    return f"{value:{'+' if signed and value else ''}.{decimals}f}"


def interval(one: Cell | statistics.Difference, column: Column) -> str:
    """Write a 95 % interval; empty where there are too few groups for one.

    Notes
    -----
    In brackets and not as ``±``, because a bootstrap interval need not be symmetric.
    """
    if one.low is None or one.high is None:
        return ""
    signed = column.improvement or isinstance(one, statistics.Difference)
    low, high = (number(end, column.decimals, signed=signed) for end in (one.low, one.high))
    return f"[{low}, {high}]"


def shown(cell: Cell) -> str:
    """Write a cell in one line: mean, interval and count, or why there is none."""
    if cell.absent:
        return cell.absent if cell.not_installed else f"{cell.absent} ({cell.count})"
    mean = number(cell.mean, cell.column.decimals, signed=cell.column.improvement)
    return " ".join(part for part in (mean, interval(cell, cell.column), f"({cell.count})") if part)


def to_above(row: Row, column: Column) -> str:
    """Write the paired difference to the row above in one line; empty for the first row."""
    if row.to_above is None:
        return ""
    mean = number(row.to_above.mean, column.decimals, signed=True)
    parts = (mean, interval(row.to_above, column), f"(n = {row.to_above.n}{', tie' * row.to_above.tie})")
    return " ".join(part for part in parts if part)


def terminal(board: Board, *, width: int = 110) -> Table:
    """Make a table for the terminal.

    Parameters
    ----------
    board : Board
    width : int
        In characters. Metrics that do not fit are left out, and the caption says how many.
    """
    from rich.table import Table
    from rich.text import Text

    fitting = board.columns[: max(1, (width - 56) // 19)]
    left_out = len(board.columns) - len(fitting)
    caption = [f"{board.corpus.mixtures} mixtures, {board.corpus.split} split, {board.corpus.hash[:19]}…"]
    caption += [f"Note: {note}" for note in board.notes]
    caption += [f"{left_out} more metrics in the page, in leaderboard.md and in leaderboard.csv."] * bool(left_out)
    table = Table(
        title=Text(f"{board.corpus.title or board.corpus.name}: {board.target}"),
        caption=Text("\n".join([*caption, *board.footnotes(fitting)])),
        caption_justify="left",
        width=width,
    )
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Separator", min_width=12, overflow="fold")
    for column in fitting:
        unit = f", {column.unit}" if column.unit else ""
        table.add_column(Text(f"{column.heading}{unit} {column.arrow}"), justify="right", min_width=16)
    table.add_column("RTF", justify="right", no_wrap=True)
    table.add_column("Weights", justify="right", no_wrap=True)
    for row in board.all_rows:
        yardstick = row in board.yardsticks
        name = row.result.label + (f"\n({row.result.about.separator.kind}, not ranked)" if yardstick else "")
        name += "".join(f"\n! {leak}" for leak in row.result.about.leak)
        place = row.place + (f" (≠ {row.rank_by_median})" if row.moved_by_median else "")
        cells = [_two_lines(row.cells[column.id]) for column in fitting]
        table.add_row(place, Text(name), *cells, cost(row), weights(row), style="dim" if yardstick else "",
                      end_section=bool(board.rows) and row is board.rows[-1])  # fmt: skip
    return table


def _two_lines(cell: Cell) -> Any:
    from rich.text import Text

    if cell.absent:
        return Text(cell.absent if cell.not_installed else f"{cell.absent}\n{cell.count}")
    mean = number(cell.mean, cell.column.decimals, signed=cell.column.improvement)
    return Text("\n".join(part for part in (mean, interval(cell, cell.column), cell.count) if part))


def cost(row: Row) -> str:
    """Write the real-time factor: processing time per second of audio."""
    factor = row.result.about.cost.real_time_factor
    return "–" if factor is None else f"{factor:.3f}" if factor >= 0.0005 else "< 0.001"


def weights(row: Row) -> str:
    """Write the number of trained weights with three digits: ``1.23 M``."""
    count = row.result.about.separator.parameters
    if count is None:
        return "–"
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)
