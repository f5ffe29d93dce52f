"""From results to boards: ranks, ties, intervals and counts.

A `Board` is one table: one corpus, one target. What is printed anywhere comes from its rows and cells.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench import statistics
from sepbench.errors import UnknownNameError, UsageError, did_you_mean
from sepbench.leaderboard.collect import Result
from sepbench.leaderboard.schema import Corpus, Example, MetricInfo
from sepbench.scores import STATUSES

__all__ = ["Board", "Cell", "Column", "Row", "boards"]

SATURATED = 100.0  # dB; beyond it a ratio is rounding noise
# what a separator can answer for: left out of its mean, but counted as the worst value when it is ranked
OWN_FAULTS = ["saturated_low", "silent_estimate", "nonfinite_estimate", "separator_failed"]
_ORDER = ("si_sdr", "snr", "sdr", "sir", "sar", "pesq", "stoi", "estoi")  # from left to right, then by name
MEANINGS = {**STATUSES, "missing": "the score table has no row for the mixture"}
_WORDS = {"saturated_high": "> 100 dB, not averaged", "missing": "missing"}
_FEW_UNITS = 10  # intervals of fewer are too narrow
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """One metric, or its improvement over the mixture.

    Attributes
    ----------
    id, base : str
        Name in the score table, and that of the metric without ``_i``.
    name : str
        What tells the metric from the others: its title, or its id where several share a title.
    info : MetricInfo
    improvement : bool
    version : str
    """

    id: str
    base: str
    name: str
    info: MetricInfo
    improvement: bool
    version: str

    @property
    def title(self) -> str:
        """Name of the metric, with the qualifier that its id carries."""
        qualifier = self.base.partition(":")[2]
        return self.name + (f" ({qualifier})" if qualifier else "")

    @property
    def heading(self) -> str:
        """Title with the sign of an improvement."""
        return f"Δ {self.title}" if self.improvement else self.title

    @property
    def unit(self) -> str:
        """Unit as it is printed; empty where the metric is a plain number."""
        return "" if self.info.unit == "1" else self.info.unit

    @property
    def arrow(self) -> str:
        """Which way is better; empty where neither is."""
        return {True: "↑", False: "↓", None: ""}[self.info.higher_is_better]

    @property
    def decimals(self) -> int:
        """How many are worth printing: 2 for decibels and opinion scores, 3 for what lies between 0 and 1."""
        return 2 if self.unit or "pesq" in self.base else 3


@dataclass(frozen=True)
class Cell:
    """What one separator reached by one metric."""

    column: Column
    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    n: int
    total: int
    statuses: dict[str, int]

    @property
    def missing(self) -> int:
        """Number of mixtures of which the score table says nothing."""
        return self.total - sum(self.statuses.values())

    @property
    def scored(self) -> int:
        """Number of mixtures that were scored, those counted that are too good to average."""
        return self.n + self.statuses.get("saturated_high", 0)

    @property
    def count(self) -> str:
        """How many items the mean is over, and where the others went: ``n = 22 of 24, 2 undefined``."""
        if self.n == self.total:
            return f"n = {self.n}"
        kinds: Counter[str] = Counter()
        for status, times in self.lost.items():
            kinds[_WORDS.get(status) or STATUSES[status].partition(":")[0]] += times
        return f"n = {self.n} of {self.total}, " + ", ".join(f"{times} {kind}" for kind, times in kinds.items())

    @property
    def reasons(self) -> list[str]:
        """Say of each item that has no value why."""
        return [f"{times} × {status}: {MEANINGS[status]}" for status, times in sorted(self.lost.items())]

    @property
    def lost(self) -> dict[str, int]:
        """Number of mixtures that the mean leaves out, by status."""
        found = {status: times for status, times in self.statuses.items() if status != "ok"}
        return found | ({"missing": self.missing} if self.missing else {})

    @property
    def not_installed(self) -> bool:
        """Whether the package that computes the metric was not there."""
        return set(self.statuses) == {"not_installed"}

    @property
    def absent(self) -> str:
        """Words that stand where there is no mean; empty where there is one."""
        if self.mean is not None:
            return ""
        if self.not_installed:
            return f"{self.column.id}: not installed"
        return "> 100 dB" if "saturated_high" in self.statuses else "no value"


@dataclass(frozen=True)
class Row:
    """One separator in one table.

    Attributes
    ----------
    result : Result
    cells : dict of str to Cell
        By metric, from left to right.
    counted_as_worst : int
        Number of mixtures without a value through the separator's own fault.
    rank, rank_by_median : int or None
        Place by the mean, shared in a tie, and by the median.
    tied, moved_by_median : bool
        Whether it ties with a neighbour, and whether the median would put it elsewhere.
    to_above : statistics.Difference or None
        Paired difference to the row above in the ranking: this one minus the upper one.
    """

    result: Result
    cells: dict[str, Cell]
    counted_as_worst: int = 0
    rank: int | None = None
    tied: bool = False
    rank_by_median: int | None = None
    moved_by_median: bool = False
    to_above: statistics.Difference | None = None

    @property
    def place(self) -> str:
        """The rank as it is shown: ``2``, ``2=`` in a tie, a dash where none is given."""
        return "–" if self.rank is None else f"{self.rank}{'=' * self.tied}"


@dataclass(frozen=True)
class Board:
    """One table.

    Attributes
    ----------
    corpus : Corpus
    target : str
    notes : list of str
        What one must know of the corpus before reading its numbers.
    groups : list of list of Column
        Each metric with its improvement; the one that ranks comes first.
    main : Column
        What the rows are ranked by.
    rows, yardsticks : list of Row
        Ranked rows, best first; oracles and trivial separators, never ranked.
    """

    corpus: Corpus
    target: str
    notes: list[str]
    groups: list[list[Column]]
    main: Column
    rows: list[Row]
    yardsticks: list[Row]

    @property
    def columns(self) -> list[Column]:
        """All columns, from left to right."""
        return list(itertools.chain.from_iterable(self.groups))

    @property
    def all_rows(self) -> list[Row]:
        """Ranked rows, then yardsticks."""
        return [*self.rows, *self.yardsticks]

    @property
    def improvement(self) -> Column | None:
        """The improvement of the main metric, if it was scored."""
        return next((column for column in self.groups[0] if column.improvement), None)

    def column(self, metric: str) -> Column | None:
        """Give the column of a metric, if there is one."""
        return next((column for column in self.columns if column.id == metric), None)

    @property
    def definitions(self) -> list[list[Column]]:
        """The metrics that have one to show, those together that share it."""
        explained = [columns[0] for columns in self.groups if columns[0].info.definition]
        return [list(mine) for _, mine in itertools.groupby(explained, key=lambda column: column.info)]

    @functools.cached_property
    def best(self) -> dict[str, float]:
        """The best mean of the ranked rows, by metric."""
        found = {}
        for column in self.columns:
            means = [mean for row in self.rows if (mean := row.cells[column.id].mean) is not None]
            if means and column.info.higher_is_better is not None:
                found[column.id] = (max if column.info.higher_is_better else min)(means)
        return found

    def examples(self, row: Row) -> list[Example]:
        """Give what there is to listen to in a row, best first."""
        mine = [example for example in row.result.about.examples if example.target == self.target]
        return sorted(mine, key=lambda example: ("best", "median", "worst").index(example.which))

    @property
    def units(self) -> int:
        """Count the independent groups that the mixtures come from."""
        return len({group for row in self.all_rows for group in row.result.groups.values()})

    def footnotes(self, columns: Sequence[Column]) -> list[str]:
        """Say what the counts and marks mean, as far as they occur in these columns."""
        lost = {status for row in self.all_rows for column in columns for status in row.cells[column.id].lost}
        found = [f"{status}: {MEANINGS[status]}." for status in sorted(lost)]
        found += [
            f"{row.result.label}: {row.counted_as_worst} of {self.corpus.mixtures} mixtures have no {self.main.title} "
            "through its own fault; they are left out of its mean, but its rank and its difference to the rank above "
            "count them as the worst value in the table."
            for row in self.rows
            if row.counted_as_worst
        ]
        if any(row.tied for row in self.rows):
            found.append(
                "=: a tie with a neighbour: the 95 % interval of their paired difference, bootstrapped over "
                "independent groups, holds zero, or there are too few groups to tell. The first and the last of a run "
                "of ties may still differ."
            )
        if (units := self.units) < _FEW_UNITS:
            found.append(
                f"Intervals and ties stand on {units} independent group{'s' if units > 1 else ''} (speakers, songs): "
                "from so few they come out too narrow, or not at all."
            )
        if any(row.moved_by_median for row in self.rows):
            found.append("≠: ranked by the median instead of the mean, the row would stand elsewhere.")
        if len({(row.result.about.cost.processor, row.result.about.cost.threads) for row in self.all_rows}) > 1:
            found.append("RTF was not measured on one processor with one number of threads: compare it with care.")
        return found


def boards(results: Sequence[Result], *, main: str | None = None) -> list[Board]:
    """Make one table per corpus and target.

    Parameters
    ----------
    results : sequence of Result
        As `collect` gives them, sorted by corpus.
    main : str, optional
        The metric that ranks; by default the one that the corpus names.

    Raises
    ------
    UnknownNameError
        If the main metric was not scored.
    """
    found = []
    for _, group in itertools.groupby(results, key=lambda result: result.about.corpus.name):
        mine = list(group)
        scored = {target for result in mine for target, _ in result.items}
        found += [_board(mine, target, main) for target in mine[0].about.corpus.targets if target in scored]
    return found


def _board(results: list[Result], target: str, main: str | None) -> Board:
    corpus = results[0].about.corpus
    results = [result for result in results if any(of == target for of, _ in result.items)]
    columns = _columns(results, target)
    chosen = _main(columns, main or corpus.main_metric, where=f"{corpus.name}, {target}")
    groups: dict[str, list[Column]] = {chosen.base: []}  # the metric that ranks comes first
    for column in columns:
        groups.setdefault(column.base, []).append(column)
    ordered = list(itertools.chain.from_iterable(groups.values()))
    rows = [Row(result, {column.id: _cell(result, target, column) for column in ordered}) for result in results]
    ranked, yardsticks = _ranked(rows, target, chosen)
    notes = list(dict.fromkeys(note for result in results for note in result.about.corpus.notes))
    return Board(corpus, target, notes, list(groups.values()), chosen, ranked, yardsticks)


def _columns(results: list[Result], target: str) -> list[Column]:
    versions: dict[str, str] = {}
    infos: dict[str, MetricInfo] = {}
    for result in results:
        infos = result.about.metrics | infos
        versions |= {metric: items.version for (of, metric), items in result.items.items() if of == target}
    known = {name.partition(":")[0] for name in [*infos, *versions]}

    def column(metric: str) -> Column:
        name, colon, qualifier = metric.partition(":")
        improvement = name.endswith("_i") and name.removesuffix("_i") in known
        plain = name.removesuffix("_i") if improvement else name
        info = next((infos[key] for key in (plain + colon + qualifier, plain, metric) if key in infos), MetricInfo())
        shared = sum(one.title == info.title for one in infos.values()) > 1
        title = plain if shared or not info.title else info.title
        return Column(metric, plain + colon + qualifier, title, info, improvement, versions[metric])

    def place(one: Column) -> tuple[int, str, bool]:
        known = [at for at, start in enumerate(_ORDER) if one.base.startswith(start)]
        return (known[0] if known else len(_ORDER), one.base, one.improvement)

    return sorted((column(metric) for metric in versions), key=place)


def _main(columns: list[Column], wanted: str, *, where: str) -> Column:
    for column in columns:
        if wanted in (column.id, column.id.partition(":")[0]):
            if column.info.higher_is_better is None:
                raise UsageError(f"{where}: `{wanted}` has no better and no worse", "rank by another metric")
            return column
    raise UnknownNameError(
        f"{where}: `{wanted}`, the metric to rank by, was not scored",
        did_you_mean(wanted, [column.id for column in columns], kind="metrics") + "; rank by one of them with --main",
    )


def _cell(result: Result, target: str, column: Column) -> Cell:
    total, items = result.about.corpus.mixtures, result.items.get((target, column.id))
    if items is None:
        return Cell(column, None, None, None, None, 0, total, {})
    statuses = dict(sorted(Counter(items.statuses.tolist()).items()))
    found = statistics.summary(np.where(items.statuses == "ok", items.values, np.nan), items.groups)
    return Cell(column, found.mean, found.median, found.low, found.high, found.n, total, statuses)


def _ranked(rows: list[Row], target: str, main: Column) -> tuple[list[Row], list[Row]]:
    """Sort and number the rows that compete; sort the yardsticks."""
    sign = 1.0 if main.info.higher_is_better else -1.0
    values, faults, groups = _values_for_rank(rows, target, main, sign)
    found = [statistics.summary(row, groups) for row in values]
    scored = [bool(row.cells[main.id].scored) for row in rows]

    def sorted_by(field: str) -> list[int]:
        reached = [getattr(one, field) for one in found]
        return sorted(
            range(len(rows)),
            key=lambda at: (not scored[at], -sign * (reached[at] or 0.0), rows[at].result.key),
        )

    by_mean, by_median = (
        [at for at in sorted_by(field) if rows[at].result.about.separator.ranked] for field in ("mean", "median")
    )
    placed = [replace(rows[at], counted_as_worst=int(faults[at])) for at in by_mean]
    for place, at in enumerate(by_mean):
        if not scored[at]:
            break  # nothing to rank by, and nothing below it either
        above = statistics.paired_difference(values[at], values[by_mean[place - 1]], groups) if place else None
        tied = above is not None and above.tie
        if tied:
            placed[place - 1] = replace(placed[place - 1], tied=True)
        rank = placed[place - 1].rank if tied else place + 1
        placed[place] = replace(placed[place], rank=rank, tied=tied, to_above=above,
                                rank_by_median=by_median.index(at) + 1)  # fmt: skip
    yardsticks = [rows[at] for at in sorted_by("mean") if at not in by_mean]
    return [_marked(row, placed) for row in placed], yardsticks


def _marked(row: Row, rows: list[Row]) -> Row:
    """Mark a row that the median would put outside the places that it shares by the mean."""
    places = [place for place, other in enumerate(rows, start=1) if other.rank == row.rank]
    return replace(row, moved_by_median=row.rank is not None and row.rank_by_median not in places)


def _values_for_rank(
    rows: list[Row], target: str, main: Column, sign: float
) -> tuple[Floats, NDArray[np.int64], NDArray[Any]]:
    """Give the values that rows are ranked by, shape (row, mixture), with the faults of each row and the groups.

    A separator must not climb by failing on what is difficult: where the lack of a value is its own fault, the worst
    value in the table stands in.
    """
    scored = [row.result.items.get((target, main.id)) for row in rows]
    mixtures = np.unique(np.concatenate([items.mixtures for items in scored if items is not None]))
    units = {name: group for row in rows for name, group in row.result.groups.items()}
    values, faults = np.full((len(rows), len(mixtures)), np.nan), np.zeros((len(rows), len(mixtures)), dtype=np.bool_)
    for mine, faulty, items in zip(values, faults, scored, strict=True):
        if items is not None:
            at = np.searchsorted(mixtures, items.mixtures)
            mine[at] = np.where(items.statuses == "saturated_high", SATURATED, items.values)
            faulty[:] = True  # a row that the others have and this one lacks
            faulty[at] = np.isin(items.statuses.astype(str), OWN_FAULTS)
    if not np.isnan(values).all():
        values[faults] = sign * np.nanmin(sign * values)
    return values, faults.sum(axis=1), np.array([units[name] for name in mixtures.tolist()])
