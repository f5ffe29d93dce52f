"""What `sepbench measure` prints: a line for each metric, with its count; and the same as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sepbench import metrics
from sepbench.evaluate import Measurements
from sepbench.evaluate.items import improvement_id
from sepbench.scores import STATUSES

__all__ = ["described", "told"]

_SHOWN = 5  # failures


def told(found: Measurements) -> Iterator[str]:
    """Give the lines for people: mean, its improvement in brackets, and over how many recordings it is."""
    units = {name: metric.unit for metric in metrics.load() for name in metric.ids}
    summary = found.summary()
    gains = {improvement_id(metric) for metric in summary} & summary.keys()
    absent = [metric for metric, one in summary.items() if one.statuses.keys() == {"not_installed"}]
    shown = [metric for metric in summary if metric not in gains and metric not in absent]
    width = max((len(metric) for metric in shown), default=0)
    for metric in shown:
        one, gain = summary[metric], summary.get(improvement_id(metric))
        value = "-" if one.mean is None else f"{one.mean:.3f} {units.get(metric.partition(':')[0], '')}".rstrip()
        gained = "" if gain is None or gain.mean is None else f" ({gain.mean:+.3f})"
        yield f"{metric:{width}}  {value + gained:>{14 if not gains else 26}}{_note(found, metric)}".rstrip()
    yield from dict.fromkeys(f"{found.items[0].scores[metric].reason}" for metric in absent if metric not in gains)
    failures = found.failures()
    for name, score in failures[:_SHOWN]:
        yield f"  {name}: {score.status}: {score.reason}"
    if failures and len(found.items) > 1:
        yield f"  {len(failures)} of {len(found.items)} recordings failed, wholly or in part"


def _note(found: Measurements, metric: str) -> str:
    """Say over how many recordings a mean is, or of a single one why there is none."""
    one = found.summary()[metric]
    if one.total == 1:
        score = found.items[0].scores[metric]
        return "" if score.status == "ok" else f"  {score.status}: {score.reason or STATUSES[score.status]}"
    lost = ", ".join(f"{count} {status}" for status, count in one.statuses.items() if status != "ok")
    return f"  n = {one.n}" + (f" of {one.total}, {lost}" if one.n < one.total else "")


def described(found: Measurements) -> dict[str, Any]:
    """Give everything as JSON holds it."""
    versions = {name: metric.version for metric in metrics.load() for name in metric.ids}
    return {
        "items": [
            {"name": item.name, "scores": {metric: score._asdict() for metric, score in item.scores.items()}}
            for item in found.items
        ],
        "summary": {
            metric: {**one._asdict(), "version": versions.get(metric.partition(":")[0].removesuffix("_i"))}
            for metric, one in found.summary().items()
        },
        "missing": list(found.missing),
    }
