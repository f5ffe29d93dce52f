"""Scoring one mixture: every separator, every metric, every target; a failure is a row with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sepbench import metrics
from sepbench.catalog import label_list, labels_of
from sepbench.corpus import Corpus, Example
from sepbench.errors import SepbenchError
from sepbench.evaluate.running import run
from sepbench.metrics.improvement import improvements
from sepbench.metrics.metric import Framed, Metric, Score, Scores
from sepbench.separators.protocol import Signal, build, described

__all__ = ["Contestant", "ItemTask", "failed", "score_item", "score_rows", "scored_targets"]

Row = dict[str, Any]


class Contestant(NamedTuple):
    """A separator as workers can build it: its name or address, and its options."""

    name: str
    options: tuple[tuple[str, str], ...] = ()


class ItemTask(NamedTuple):
    """One mixture of a corpus, and who is to separate it."""

    corpus: Path
    split: str
    roots: tuple[tuple[str, str], ...]
    number: int
    contestants: tuple[Contestant, ...]
    metrics: tuple[str, ...]


def score_item(task: ItemTask) -> list[Row]:
    """Run and score all contestants on one mixture; give rows of the score table."""
    example = opened(task.corpus, task.split, task.roots)[task.number]
    measures = metrics.load(task.metrics)
    references = {name: _double(signal) for name, signal in example.sources.items()}
    mixture = _double(example.mixture)  # one array in all places: a metric may see that it is the same
    unprocessed = _measure(measures, references, dict.fromkeys(references, mixture), example)
    rows: list[Row] = []
    for contestant in task.contestants:
        rows += _score_contestant(contestant, example, measures, references, unprocessed)
    return rows


@lru_cache(maxsize=4)
def opened(path: Path, split: str, roots: tuple[tuple[str, str], ...]) -> Corpus:
    """Open a corpus once per process."""
    return Corpus(path, split=split, roots=dict(roots))


@lru_cache(maxsize=64)
def built(contestant: Contestant) -> Any:
    """Build a separator once per process."""
    return build(contestant.name, dict(contestant.options))


def scored_targets(separator: Any, example: Example) -> tuple[str, ...]:
    """Give the targets that a separator returns and the mixture has."""
    offered = separator.targets or example.targets
    return tuple(name for name in offered if name in example.sources)


def _score_contestant(
    contestant: Contestant,
    example: Example,
    measures: list[Metric],
    references: Mapping[str, Any],
    unprocessed: Scores,
) -> list[Row]:
    separator = built(contestant)
    who = described(separator, contestant.name)
    targets = scored_targets(separator, example)
    seconds: float | None = None
    try:
        found = run(separator, example.mixture, example.sample_rate, example.targets, example.sources)
        seconds = found.seconds
        estimates = {name: _double(found.estimates[name]) for name in targets}
        if getattr(separator, "interchangeable", False):
            estimates = _arranged(references, estimates)
        scores = _measure(measures, references, estimates, example)
    except SepbenchError as error:
        scores = failed(targets, measures, example, "separator_failed", error.message)
    return score_rows(who, example, measures, scores, unprocessed, seconds)


def score_rows(
    who: Mapping[str, Any],
    example: Example,
    measures: list[Metric],
    scores: Scores,
    unprocessed: Scores,
    seconds: float | None,
) -> list[Row]:
    """Turn the scores of a separator on one mixture, and their improvements, into rows of the table."""
    base = _base_row(example) | {
        "separator": who["name"],
        "separator_version": who["version"],
        "separate_s": seconds,
    }
    versions = {metric_id: metric.version for metric in measures for metric_id in metric.ids}
    rows = []
    for target, values in scores.items():
        for metric_id, score in (values | improvements(values, unprocessed[target], measures)).items():
            version = versions[metric_id.partition(":")[0].removesuffix("_i")]
            named = base | {"target": target, "metric": metric_id, "metric_version": version}
            rows += [named | outcome for outcome in _outcomes(score)]
    return rows


def _outcomes(score: Score) -> list[Row]:
    """Give one row's worth for each frame, where the metric has frames."""
    parts: Iterable[tuple[int | None, Score]] = (
        enumerate(score.frames) if isinstance(score, Framed) else [(None, score)]
    )
    return [{"frame": n, "value": part.value, "status": part.status, "reason": part.reason} for n, part in parts]


def _arranged(references: Mapping[str, Any], estimates: Mapping[str, Any]) -> dict[str, Any]:
    """Give the outputs of a separator whose order means nothing to the targets that they suit best by SI-SDR."""
    targets = list(estimates)
    sources, outputs = (np.stack([side[name].reshape(-1) for name in targets]) for side in (references, estimates))
    order = metrics.permuted(metrics.si_sdr, sources, outputs).permutation
    return {target: estimates[targets[place]] for target, place in zip(targets, order, strict=True)}


def failed(targets: Iterable[str], measures: list[Metric], example: Example, status: str, reason: str) -> Scores:
    """Give every metric of every target the same status, under the ids that its scores would have."""
    channels = example.mixture.shape[0]
    ids = [key for one in measures for key in one.ids_for(channels, example.sample_rate)]
    return {name: {key: Score(None, status, reason) for key in ids} for name in targets}


def _measure(
    measures: list[Metric], references: Mapping[str, Any], estimates: Mapping[str, Any], example: Example
) -> Scores:
    scores: Scores = {name: {} for name in estimates}
    for metric in measures:
        try:
            found = metric.score(references, estimates, example.sample_rate)
        except Exception as error:
            found = failed(estimates, [metric], example, "metric_failed", f"{type(error).__name__}: {error}")
        for name, values in found.items():
            scores[name] |= values
    return scores


def _base_row(example: Example) -> Row:
    row = example.row
    target = next(source for source in row["sources"] if source["role"] == "target")
    return {
        "mixture_id": example.mixture_id,
        "split": row["split"],
        "group": target["group"],
        "frame": None,
        "snr_db": None if row["snr_mdb"] is None else row["snr_mdb"] / 1000,
        "duration_s": row["frames"] / row["sample_rate"],
        "conditions": label_list(conditions(row)),
    }


def conditions(row: Mapping[str, Any]) -> dict[str, str]:
    """Give the labels of a row's sources as ``source.label``; sources of one name are joined with `+`."""
    found: dict[str, list[str]] = {}
    for source in row["sources"]:
        for label, value in labels_of(source).items():
            values = found.setdefault(f"{source['name']}.{label}", [])
            if value not in values:
                values.append(value)
    return {name: "+".join(values) for name, values in found.items()}


def _double(signal: Signal) -> Any:
    double = signal.astype(np.float64)
    double.flags.writeable = False
    return double
