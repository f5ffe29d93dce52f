"""What `sepbench measure` prints: a line for each metric, with its count; and the same as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sepbench.evaluate.measuring import Measurements, Summary
from sepbench.metrics import Score
from sepbench.metrics.improvement import improvement_id
from sepbench.scores import STATUSES

__all__ = ["described", "told"]

_SHOWN = 5  # failures


def told(found: Measurements) -> Iterator[str]:
    """Give the lines for people: mean, its improvement in brackets, and over how many recordings it is."""
    units = {name: metric.unit for metric in found.metrics for name in metric.ids}
    summary = found.summary()
    gains = {improvement_id(metric) for metric in summary} & summary.keys()
    plain = {metric: one for metric, one in summary.items() if metric not in gains}
    absent = [metric for metric, one in plain.items() if one.statuses.keys() == {"not_installed"}]
    width, room = max(map(len, plain), default=0), 26 if gains else 14
    for metric, one in plain.items():
        if metric not in absent:
            value = _value(one, summary.get(improvement_id(metric)), units.get(metric.partition(":")[0], ""))
            yield f"{metric:{width}}  {value:>{room}}{_note(one, _first(found, metric))}".rstrip()
    yield from dict.fromkeys(str(_first(found, metric).reason) for metric in absent)
    yield from _failures(found)


def _value(one: Summary, gain: Summary | None, unit: str) -> str:
    value = "-" if one.mean is None else f"{one.mean:.3f} {unit}".rstrip()
    return value if gain is None or gain.mean is None else f"{value} ({gain.mean:+.3f})"


def _first(found: Measurements, metric: str) -> Score:
    """Give the first score of this id: recordings of other rates or channels have other ids."""
    return next(item.scores[metric] for item in found.items if metric in item.scores)


def _note(one: Summary, first: Score) -> str:
    """Say over how many recordings a mean is, or of a single one why there is none."""
    if one.total == 1:
        return "" if first.status == "ok" else f"  {first.status}: {first.reason or STATUSES[first.status]}"
    lost = [f"{count} {status}" for status, count in one.statuses.items() if status != "ok"]
    if elsewhere := one.total - sum(one.statuses.values()):
        lost.append(f"{elsewhere} under another name")
    return f"  n = {one.n}" + (f" of {one.total}, {', '.join(lost)}" if lost else "")


def _failures(found: Measurements) -> Iterator[str]:
    failures = found.failures()
    for name, score in failures[:_SHOWN]:
        yield f"  {name}: {score.status}: {score.reason}"
    if failures and len(found.items) > 1:
        yield f"  {len(failures)} of {len(found.items)} recordings failed, wholly or in part"


def described(found: Measurements) -> dict[str, Any]:
    """Give everything as JSON holds it."""
    versions = {name: metric.version for metric in found.metrics for name in metric.ids}
    return {
        "items": [
            {"name": item.name, "scores": {metric: score._asdict() for metric, score in item.scores.items()}}
            for item in found.items
        ],
        "summary": {
            metric: {**one._asdict(), "version": versions[metric.partition(":")[0].removesuffix("_i")]}
            for metric, one in found.summary().items()
        },
        "missing": list(found.missing),
    }
