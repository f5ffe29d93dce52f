"""Measuring recordings that lie on the disk: two files, or two folders of them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench import executors, metrics, shelf
from sepbench.audio import Pcm, read_pcm
from sepbench.errors import AudioError, MissingExtraError, SepbenchError, SignalError, UsageError
from sepbench.evaluate.pairing import Pair, Pairing, paired_files
from sepbench.metrics import Metric, Score
from sepbench.metrics.improvement import improvements

__all__ = ["FAILED", "Measured", "Measurements", "Summary", "measure"]

FAILED = ("unreadable", "mismatched", "metric_failed")
_TARGET, _REST = "target", "rest"
Signals = dict[str, NDArray[np.float64]]


class Measured(NamedTuple):
    """The scores of one recording by metric id."""

    name: str
    scores: dict[str, Score]


class Summary(NamedTuple):
    """What one metric says of all recordings: over the `n` of `total` that have a value."""

    mean: float | None
    median: float | None
    n: int
    total: int
    statuses: dict[str, int]


@dataclass(frozen=True)
class Measurements:
    """What `measure` found.

    Attributes
    ----------
    items : tuple of Measured
        One per recording, in the order of their names.
    missing : tuple of str
        Who has no partner, in words.
    metrics : tuple of Metric
        What was asked for, with unit, definition and version.
    """

    items: tuple[Measured, ...]
    missing: tuple[str, ...]
    metrics: tuple[Metric, ...]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give one row per recording and metric, as ``pandas.DataFrame`` takes them."""
        for item in self.items:
            for metric, score in item.scores.items():
                yield {"name": item.name, "metric": metric, **score._asdict()}

    def failures(self) -> list[tuple[str, Score]]:
        """Give name and first failure of each recording that could not be measured, or not by all metrics."""
        first = (
            (item.name, next((s for s in item.scores.values() if s.status in FAILED), None)) for item in self.items
        )
        return [(name, score) for name, score in first if score is not None]

    def summary(self) -> dict[str, Summary]:
        """Sum up each metric over all recordings; a mean never stands without its count."""
        columns: dict[str, list[Score]] = {}
        for item in self.items:
            for metric, score in item.scores.items():
                columns.setdefault(metric, []).append(score)
        return {metric: _summary(column, len(self.items)) for metric, column in columns.items()}


def _summary(column: list[Score], total: int) -> Summary:
    values = [score.value for score in column if score.value is not None]
    statuses = dict(sorted(Counter(score.status for score in column).items()))
    mean = statistics.fmean(values) if values else None
    return Summary(mean, statistics.median(values) if values else None, len(values), total, statuses)


class _Task(NamedTuple):
    pair: Pair
    metrics: tuple[str, ...]


def measure(
    reference: Path | str | None,
    estimate: Path | str,
    *,
    mixture: Path | str | None = None,
    metric_names: Sequence[str] | None = None,
    allow_missing: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measurements:
    """Measure estimates against references: two recordings, or the recordings of two folders, paired by name.

    Nothing is cut, padded or resampled to make two recordings fit. Float samples are read at 24 bits.

    Parameters
    ----------
    reference : path or None
        A recording or a folder; None for metrics that need no reference.
    estimate : path
        A recording or a folder.
    mixture : path, optional
        What the separator heard: adds each metric's improvement over it, and lets the rest of the mixture count as the
        interferer, so that there is an SIR. One recording may be the mixture of a whole folder.
    metric_names : sequence of str, optional
        See ``sepbench list metrics``; by default all that can be had.
    allow_missing : bool
        Measure what has a partner, and list what has none.
    workers : int, optional
        Worker processes, all processors by default; 0 for none.
    progress : callable, optional
        Called as ``progress(done, total)`` in recordings.

    Returns
    -------
    Measurements
        In a folder, a recording that can't be read or does not fit its partner has a status and a reason.

    Raises
    ------
    UsageError
        If recordings have no partner, a metric needs a reference and there is none, or nothing could be measured.
    AudioError, SignalError
        If a single recording can't be read, or does not fit its partner.

    Examples
    --------
    >>> import sepbench
    >>> found = sepbench.measure("clean", "enhanced", mixture="noisy")  # doctest: +SKIP
    >>> found.summary()["si_sdr_i"].mean  # doctest: +SKIP
    7.31
    """
    chosen = _chosen(metric_names, referenced=reference is not None)
    reference, mixture = (None if path is None else Path(path) for path in (reference, mixture))
    found = paired_files(reference, Path(estimate), mixture)
    if not allow_missing:
        _refuse_missing(found, estimate)
    tasks = [_Task(pair, tuple(chosen)) for pair in found.pairs]
    results: list[dict[str, Score]] = [{} for _ in tasks]
    errors: list[BaseException] = []
    for done, outcome in enumerate(_outcomes(tasks, workers), 1):
        if outcome.error is None:
            results[outcome.index] = outcome.result
        else:
            errors.append(outcome.error)
            results[outcome.index] = _lost(outcome.error, chosen.values())
        if progress:
            progress(done, len(tasks))
    _refuse_nothing(errors, len(tasks), estimate)
    if metric_names:
        _refuse_absent(results)
    items = (Measured(task.pair.name, scores) for task, scores in zip(tasks, results, strict=True))
    return Measurements(tuple(items), found.missing, tuple(chosen.values()))


def _outcomes(tasks: Sequence[_Task], workers: int | None) -> Iterator[executors.Outcome]:
    """Measure all; one recording is not worth a process. What is wrong with what was asked ends it."""
    processes = executors.default_workers() if workers is None else workers
    processes = processes if len(tasks) > 1 else 0
    for outcome in executors.run(_measured, tasks, workers=processes, limits=executors.UNTRUSTED):
        if isinstance(outcome.error, UsageError):
            raise outcome.error
        yield outcome


def _refuse_missing(found: Pairing, estimate: Path | str) -> None:
    if found.missing:
        raise UsageError(
            f"{estimate}: {len(found.missing)} recordings have no partner: {', '.join(found.missing[:5])}"
            + (", …" if found.missing[5:] else ""),
            f"mend the names, or measure the {len(found.pairs)} that have one with --allow-missing",
        )


def _refuse_absent(results: Sequence[Mapping[str, Score]]) -> None:
    """Where nothing that was asked for by name is installed, there is nothing to tell."""
    found = [score for scores in results for score in scores.values()]
    if found and all(score.status == "not_installed" for score in found):
        raise MissingExtraError(
            ", ".join(dict.fromkeys(str(score.reason) for score in found)),
            'pip install "sepbench[dnsmos,pesq,visqol]"; docs/metrics.md says how to name a transcriber',
        )


def _chosen(names: Sequence[str] | None, *, referenced: bool) -> dict[str, Metric]:
    """Give the metrics by the names under which a worker finds them."""
    wanted = names or shelf.names("metrics")
    found = dict(zip(wanted, metrics.load(wanted), strict=True))
    for name, metric in found.items():
        if names and metric.needs_reference and not referenced:
            raise UsageError(
                f"`{name}` needs a reference, and there is none", "name two recordings: REFERENCE ESTIMATE"
            )
    return {name: metric for name, metric in found.items() if referenced or not metric.needs_reference}


def _lost(error: BaseException, chosen: Iterable[Metric]) -> dict[str, Score]:
    """Give every metric the status of a recording that could not be measured."""
    if isinstance(error, AudioError):
        status = "unreadable"
    elif isinstance(error, SignalError):
        status = "mismatched"
    else:
        status = "metric_failed"
    reason = error.message if isinstance(error, SepbenchError) else str(error)
    if isinstance(error, executors.WorkerCrashedError) and error.at:
        reason += f", at `{error.at}`"
    return {key: Score(None, status, reason) for metric in chosen for key in metric.ids}


def _refuse_nothing(errors: list[BaseException], total: int, estimate: Path | str) -> None:
    if len(errors) < total:
        return
    first = errors[0]
    if total == 1 or not isinstance(first, SepbenchError):
        raise first
    raise UsageError(
        f"{estimate}: none of {total} recordings could be measured; the first: {first.message}", first.hint
    ) from first


def _measured(task: _Task) -> dict[str, Score]:
    """Measure one recording; runs in a worker."""
    pair, measures = task.pair, metrics.load(task.metrics)
    estimate = read_pcm(pair.estimate)
    references, mixture = _others(pair, estimate)
    sample_rate = estimate.sample_rate
    scores = _scores(measures, references, _signal(estimate), sample_rate)
    if mixture is not None:
        unprocessed = _scores(measures, references, mixture, sample_rate)
        scores |= improvements(scores, unprocessed, measures)
    return scores


def _others(pair: Pair, estimate: Pcm) -> tuple[Signals, NDArray[np.float64] | None]:
    """Read the reference and the mixture; what else is in the mixture is a reference too."""
    references: Signals = {}
    if pair.reference is not None:
        references[_TARGET] = _signal(_fitting(pair.reference, "reference", estimate, pair.estimate))
    if pair.mixture is None:
        return references, None
    mixture = _signal(_fitting(pair.mixture, "mixture", estimate, pair.estimate))
    if references:
        references[_REST] = mixture - references[_TARGET]
        references[_REST].flags.writeable = False
    return references, mixture


def _fitting(path: Path, role: str, estimate: Pcm, estimated: Path) -> Pcm:
    pcm = read_pcm(path)
    theirs, ours = _shape(pcm), _shape(estimate)
    if theirs != ours:
        raise SignalError(
            f"{estimated}: has {ours}, but the {role} {path.name} has {theirs}",
            "nothing is repaired silently: resample, mix down, cut or pad the estimate yourself if that is what you mean",
        )
    return pcm


def _shape(pcm: Pcm) -> str:
    return f"{pcm.sample_rate} Hz, {pcm.channels} channel{'s' * (pcm.channels > 1)}, {pcm.frames} samples"


def _signal(pcm: Pcm) -> NDArray[np.float64]:
    signal = pcm.samples.astype(np.float64) * 2.0 ** (1 - pcm.bits)
    signal.flags.writeable = False
    return signal


def _scores(measures: list[Metric], references: Mapping[str, Any], estimate: Any, sample_rate: int) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    for metric in measures:
        executors.note(metric.name)  # a sign of life, and whose fault it is if there comes no other
        try:
            scores |= metric.score(references, {_TARGET: estimate}, sample_rate)[_TARGET]
        except UsageError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            ids = metric.ids_for(estimate.shape[0], sample_rate)
            scores |= dict.fromkeys(ids, Score(None, "metric_failed", reason))
    return scores
