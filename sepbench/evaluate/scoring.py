"""Scoring separators on a corpus: run, measure, keep every item's score, and pick examples to listen to."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sepbench import __version__, executors, metrics, scores, storage
from sepbench.corpus import Corpus
from sepbench.errors import PlaceError, UsageError
from sepbench.evaluate.examples import ExampleTask, pick_examples, write_examples
from sepbench.evaluate.items import (
    Contestant,
    ItemTask,
    built,
    failed,
    score_item,
    score_rows,
    scored_targets,
)
from sepbench.metrics.improvement import improvement_id
from sepbench.recipe import parse as parse_recipe
from sepbench.separators.protocol import described

__all__ = ["score"]

RESULT = "result.json"
Progress = Callable[[int, int], None]


def score(
    separators: Sequence[str] | str,
    corpus: Path | str,
    out: Path | str,
    *,
    split: str = "test",
    metric_names: Sequence[str] | None = None,
    options: Mapping[str, str] | None = None,
    roots: Mapping[str, Path | str] | None = None,
    limit: int | None = None,
    workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Run separators over a corpus and write the score of every item.

    Parameters
    ----------
    separators : sequence of str
        Names of separators or baselines, folders of baselines, ``module:Class`` or ``file.py:Class``.
    corpus : path
        The folder of a corpus.
    out : path
        The folder of results: each separator gets ``out/<corpus>/<separator>/``.
    split : str
        Which split is scored.
    metric_names : sequence of str, optional
        See ``sepbench list metrics``; by default what the recipe names.
    options : mapping, optional
        Keyword arguments for the separators' classes.
    roots : mapping of str to path, optional
        The folders of the public sets, if the corpus was only planned.
    limit : int, optional
        Score this many mixtures, the first of the split.
    workers : int, optional
        Worker processes, in which the separators run; all processors by default, 0 for none.
    force : bool
        Score again what is there already, and replace what was scored in another way.
    progress : callable, optional
        Called as ``progress(done, total)`` in mixtures.

    Returns
    -------
    list of Path
        One result folder per separator, with ``scores.parquet``, ``result.json`` and ``examples/``.

    Raises
    ------
    UsageError
        If the split is empty, or a separator returns nothing that the corpus has.
    PlaceError
        If a result folder holds scores of another corpus under the same name, or, without `force`, of another split,
        another number of mixtures, or with other metrics or options.
    """
    if isinstance(separators, str):
        separators = [separators]
    if unnamed := [one for one in separators if not isinstance(one, str)]:
        raise UsageError(
            f"score: expected names of separators, got {unnamed[0]!r}",
            "a class is named as `module:Class` or `file.py:Class`, since workers have to find it too",
        )
    corpus = Path(corpus)
    opened = Corpus(corpus, split=split, roots=roots)
    if len(opened) == 0:
        raise UsageError(f"{corpus}: split `{split}` has no mixtures", "name another with --split, or mix one")
    recipe = parse_recipe(opened.manifest.metadata["recipe"])
    chosen = tuple(metric_names or recipe.metrics)
    measures = metrics.load(chosen)
    count = min(limit or len(opened), len(opened))
    contestants = [Contestant(name, tuple(sorted((options or {}).items()))) for name in separators]
    plans = [_Plan(opened, one, measures, Path(out), split, count) for one in contestants]
    _refuse_doubles(plans)
    there = [plan.done(force=force) for plan in plans]
    todo = [plan for plan, done in zip(plans, there, strict=True) if force or not done]
    if todo:
        _refuse_unwritable(todo[0].folder)
        given = tuple((name, str(path)) for name, path in sorted((roots or {}).items()))
        tasks = [
            ItemTask(corpus, split, given, index, tuple(plan.contestant for plan in todo), chosen)
            for index in range(count)
        ]
        processes = executors.default_workers() if workers is None else workers
        rows = _run(tasks, measures, opened, processes, progress)
        listening = [plan.begin(rows, recipe, (corpus, split, given)) for plan in todo]
        for outcome in executors.run(write_examples, listening, workers=processes):
            # a separator that crashes the second time has no examples
            todo[outcome.index].finish(recipe, outcome.result or [])
    return [plan.folder for plan in plans]


class _Plan:
    """One separator's result: what it will be, where it goes, whether it is there."""

    def __init__(
        self, corpus: Corpus, contestant: Contestant, measures: list[Any], out: Path, split: str, count: int
    ) -> None:
        self.corpus, self.contestant, self.measures = corpus, contestant, measures
        self.split, self.count = split, count
        self.options = dict(contestant.options)
        separator = built(contestant)
        self.who = described(separator, contestant.name)
        self.targets = scored_targets(separator, corpus[0])
        if not self.targets:
            raise UsageError(
                f"`{contestant.name}` returns {', '.join(separator.targets)}, but the corpus `{corpus.name}` has "
                f"{', '.join(corpus[0].sources)}",
                "the names of its `targets` must be names of the corpus's stems",
            )
        self.folder = out / corpus.name / self.who["name"]
        self.building = self.folder.with_name(f".{self.folder.name}.tmp")
        self.rows: list[dict[str, Any]] = []
        self.key = self._key()

    def _key(self) -> str:
        versions = sorted((metric.name, metric.version) for metric in self.measures)
        content = [
            __version__,
            self.corpus.corpus_hash,
            self.split,
            self.count,
            list(self.contestant),
            self.who,
            versions,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def done(self, *, force: bool) -> bool:
        """Say whether these scores are there; an unversioned separator may have changed, and is run again.

        A newer version takes the place of an older one; what was asked for in another way is not lost unless `force` says so.
        """
        path = self.folder / RESULT
        if not path.exists():
            return False
        there = json.loads(path.read_text(encoding="utf-8"))
        if there["corpus"]["hash"] != self.corpus.corpus_hash:
            raise PlaceError(
                f"{self.folder}: holds scores on another corpus of the name `{self.corpus.name}`",
                "choose another folder with --out",
            )
        corpus, options = there["corpus"], there["separator"].get("options", self.options)
        asked = {
            "split": (corpus["split"], self.split),
            "mixtures": (corpus["mixtures"], self.count),
            "metrics": (sorted(there["metrics"]), sorted(_definitions(self.measures))),
            "options": (options, self.options),
        }
        for what, (theirs, mine) in asked.items():
            if not force and theirs != mine:
                raise PlaceError(
                    f"{self.folder}: holds scores with {what} {_words(theirs)}; asked for were {_words(mine)}",
                    "choose another folder with --out, or replace them with --force",
                )
        return bool(there["key"] == self.key and self.who["version"] != "0")

    def begin(
        self, rows: list[dict[str, Any]], recipe: Any, where: tuple[Path, str, tuple[tuple[str, str], ...]]
    ) -> ExampleTask:
        """Write the scores beside the final folder, and say what there will be to listen to."""
        self.rows = [
            row | {"corpus": self.corpus.name, "corpus_hash": self.corpus.corpus_hash}
            for row in rows
            if row["separator"] == self.who["name"]
        ]
        shutil.rmtree(self.building, ignore_errors=True)
        metadata = {"sepbench": __version__, "key": self.key}
        scores.write(self.rows, self.building / scores.FILE_NAME, metadata=metadata)
        picks = pick_examples(self.rows, improvement_id(recipe.main_metric))
        return ExampleTask(self.building, self.contestant, where, picks)

    def finish(self, recipe: Any, examples: list[dict[str, Any]]) -> None:
        """Describe the result, and give it its final name."""
        words = json.dumps(self._result(recipe, examples), indent=1, sort_keys=True, allow_nan=False)
        storage.write_text(self.building / RESULT, words + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.building.rename(self.folder)

    def _result(self, recipe: Any, examples: list[dict[str, Any]]) -> dict[str, Any]:
        some = self.corpus[0]
        return {
            "schema_version": 1,
            "sepbench": __version__,
            "key": self.key,
            "corpus": {
                "name": self.corpus.name,
                "title": recipe.title or recipe.name,
                "description": recipe.description,
                "notes": list(recipe.notes),
                "hash": self.corpus.corpus_hash,
                "split": self.split,
                "mixtures": self.count,
                "skipped": self.corpus.skipped,
                "sample_rate": some.sample_rate,
                "channels": int(some.mixture.shape[0]),
                "targets": list(some.targets),
                "licence": _licence(self.corpus),
                "main_metric": recipe.main_metric,
            },
            "separator": self.who | {"options": self.options},
            "leak": _leaks(self.who, self.corpus),
            "cost": _cost(self.rows),
            "metrics": _definitions(self.measures),
            "examples": examples,
        }


def _run(
    tasks: list[ItemTask], measures: list[Any], corpus: Corpus, workers: int, progress: Progress | None
) -> list[dict[str, Any]]:
    """Score all mixtures; where a worker dies, find out whose fault it was by running each separator by itself."""
    by_item: list[list[dict[str, Any]]] = [[] for _ in tasks]
    crashed = []
    for done, outcome in enumerate(executors.run(score_item, tasks, workers=workers), 1):
        if isinstance(outcome.error, executors.WorkerCrashedError):
            crashed.append(outcome.index)
        elif outcome.error:
            raise outcome.error
        else:
            by_item[outcome.index] = outcome.result
        if progress:
            progress(done, len(tasks))
    for index in crashed:
        alone = [tasks[index]._replace(contestants=(one,)) for one in tasks[index].contestants]
        for outcome in executors.run(score_item, alone, workers=1):
            if outcome.error:
                by_item[index] += _crash_rows(alone[outcome.index], measures, corpus, str(outcome.error))
            else:
                by_item[index] += outcome.result
    return [row for rows in by_item for row in rows]


def _crash_rows(task: ItemTask, measures: list[Any], corpus: Corpus, reason: str) -> list[dict[str, Any]]:
    example = corpus[task.number]
    separator = built(task.contestants[0])
    who = described(separator, task.contestants[0].name)
    lost = failed(scored_targets(separator, example), measures, example, "separator_failed", reason)
    return score_rows(who, example, measures, lost, lost, None)


def _refuse_unwritable(folder: Path) -> None:
    """See that results can be written there, before hours of work."""
    new = [parent for parent in (folder.parent, folder.parent.parent) if not parent.exists()]
    trial = folder.with_name(f".{folder.name}.trial")
    storage.write_bytes(trial, b"")
    trial.unlink()
    for parent in new:
        parent.rmdir()


def _words(asked: Any) -> str:
    """Write what was asked for as on the command line."""
    if isinstance(asked, dict):
        asked = [f"{key}={value}" for key, value in asked.items()]
    return (", ".join(asked) or "none") if isinstance(asked, list) else str(asked)


def _refuse_doubles(plans: list[_Plan]) -> None:
    names = [plan.who["name"] for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two separators have the name `{name}`", "give their classes a `name` each")


def _licence(corpus: Corpus) -> str:
    parts = {part for row in corpus.manifest for part in row["licence"].split(" AND ")}
    return " AND ".join(sorted(parts))


def _leaks(who: Mapping[str, Any], corpus: Corpus) -> list[str]:
    """Say which groups of this corpus a separator declares to have been trained on."""
    trained = set(who["training"].get("groups", ()))
    if not trained:
        return []
    found: dict[str, set[str]] = {}
    total: dict[str, set[str]] = {}
    for row in corpus.manifest:
        for source in row["sources"]:
            key = f"{source['set']}:{source['group']}"
            total.setdefault(source["name"], set()).add(key)
            if key in trained:
                found.setdefault(source["name"], set()).add(key)
    return [
        f"trained on {len(groups)} of the {len(total[name])} groups that `{name}` comes from"
        for name, groups in sorted(found.items())
    ]


def _cost(rows: list[dict[str, Any]]) -> dict[str, Any]:
    by_item = {row["mixture_id"]: (row["duration_s"], row["separate_s"]) for row in rows}
    timed = [(duration, seconds) for duration, seconds in by_item.values() if seconds is not None]
    audio, seconds = sum(d for d, _ in timed), sum(s for _, s in timed)
    return {
        "audio_s": round(audio, 3),
        "separate_s": round(seconds, 3),
        "real_time_factor": round(seconds / audio, 5) if audio else None,
        "threads": 1,
        "processor": platform.processor() or platform.machine(),
    }


def _definitions(measures: list[Any]) -> dict[str, Any]:
    return {
        key: {
            "title": metric.titles.get(key, metric.title),
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "definition": metric.definition,
            "reference": metric.reference,
            "version": metric.version,
        }
        for metric in measures
        for key in metric.ids
    }
