"""Read result folders, and refuse what does not belong into one table.

A result is a folder ``<corpus>/<separator>`` with ``result.json``, ``scores.parquet`` and perhaps ``examples/``. It may
come from a stranger, so nothing in it is believed: texts are made visible, numbers must be finite and possible, paths
must stay inside the folder, and every mean is computed again from the rows.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sepbench import scores
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.leaderboard.schema import Description, name_text, short, visible

__all__ = ["Items", "Result", "collect", "inside"]

RESULT_FILE = "result.json"
SCHEMA_VERSION = 1
MAX_JSON_BYTES = 1 << 20
MAX_EXAMPLE_BYTES = 64 << 20
PARTS = ("mixture", "reference", "estimate")
# what the scales can't exceed (P.862.2, P.862.1; a correlation), with room for rounding
_HIGHEST = {
    "pesq_wb": 4.65,
    "pesq_nb": 4.56,
    "stoi": 1 + 1e-9,
    "estoi": 1 + 1e-9,
    "csig_wb": 5,
    "cbak_wb": 5,
    "covl_wb": 5,
}


@dataclass(frozen=True)
class Items:
    """The scores of one target by one metric, one per mixture, sorted by mixture.

    Attributes
    ----------
    mixtures, groups, statuses : ndarray of str, shape (item,)
    values : ndarray of float64, shape (item,)
        NaN where there is no value.
    version : str
        Implementation of the metric.
    """

    mixtures: NDArray[Any]
    groups: NDArray[Any]
    statuses: NDArray[Any]
    values: NDArray[np.float64]
    version: str


@dataclass(frozen=True)
class Result:
    """One separator on one corpus.

    Attributes
    ----------
    folder : Path
    about : object
        What ``result.json`` says: `corpus`, `separator`, `cost`, `leak`, `metrics`, `examples`.
    items : dict of (str, str) to Items
        By target and metric.
    groups : dict of str to str
        The independent unit of each mixture.
    """

    folder: Path
    about: Description
    items: dict[tuple[str, str], Items]
    groups: dict[str, str]

    @property
    def label(self) -> str:
        """Name of the separator."""
        return self.about.separator.name

    @property
    def key(self) -> tuple[str, str, str]:
        """What results are told apart and sorted by."""
        return self.about.corpus.name, self.label, self.about.separator.version


def collect(paths: Iterable[Path | str]) -> list[Result]:
    """Read the results under the given folders, sorted by corpus and separator.

    Parameters
    ----------
    paths : iterable of path
        Each a folder of results, of one corpus, or of one separator.

    Raises
    ------
    UsageError
        If there is no result, or two of one corpus do not belong into one table.
    TableError
        If a result is damaged, or its two files contradict each other.
    """
    folders = {folder.resolve(): folder for path in paths for folder in _folders(Path(path))}
    if not folders:
        raise UsageError("publish: no results were named", "name a folder that `sepbench score` has written")
    found = [_read(folder) for folder in folders.values()]
    found.sort(key=lambda result: result.key)
    _refuse_mixtures_of_benchmarks(found)
    return found


def inside(folder: Path, relative: str) -> Path:
    """Give the file that lies at a relative path inside a folder, links followed.

    Raises
    ------
    UsageError
        If the path is absolute, climbs out, leads out over a link, or names no regular file.
    """
    parts = PurePosixPath(relative).parts
    odd = relative != visible(relative) or "\\" in relative or ":" in relative
    if odd or relative.startswith("/") or ".." in parts:
        raise UsageError(
            f"{folder / RESULT_FILE}: `{short(relative)}` is no path inside the result",
            "files are named relative to the result's folder, with `/`, without `..`",
        )
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path}: is a link that leads out of the result", "put the file itself into the folder")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file", "fetch the result again, or take it out of `examples`")
    return path


def _folders(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        raise PlaceError(f"{path}: there is no such folder", "name a folder that `sepbench score` has written")
    for depth in ("", "*/", "*/*/"):
        found = [file for file in sorted(path.glob(f"{depth}{RESULT_FILE}")) if not _hidden(file.relative_to(path))]
        for folder in (file.parent for file in found):
            if not folder.resolve().is_relative_to(path.resolve()):
                raise UsageError(f"{folder}: is a link that leads out of {path}", "name the folder itself")
            yield folder
        if found:
            return
    raise UsageError(
        f"{path}: expected results as <corpus>/<separator>/{RESULT_FILE}, found none",
        "name a folder that `sepbench score` has written",
    )


def _hidden(path: Path) -> bool:
    """Say whether a path is of a folder that somebody is still writing, or has thrown away."""
    return any(part.startswith(".") for part in path.parts)


def _read(folder: Path) -> Result:
    about = _description(folder)
    items = _items(folder, about)
    for example in about.examples:
        if sorted(example.files) != sorted(PARTS):
            raise TableError(
                f"{folder / RESULT_FILE}: example `{example.mixture_id}` has the files "
                f"{', '.join(visible(part) for part in sorted(example.files))}",
                f"expected {', '.join(PARTS)}",
            )
        for relative in example.files.values():
            if inside(folder, relative).stat().st_size > MAX_EXAMPLE_BYTES:
                raise UsageError(
                    f"{folder / relative}: is larger than {MAX_EXAMPLE_BYTES >> 20} MiB", "cut the example shorter"
                )
    return Result(folder, about, items, _groups(folder, items))


def _description(folder: Path) -> Description:
    path = inside(folder, RESULT_FILE)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise TableError(f"{path}: is larger than {MAX_JSON_BYTES >> 20} MiB", "a result holds no more than texts")
    try:
        found = json.loads(
            path.read_text("utf-8"),
            object_pairs_hook=_no_doubles,
            parse_constant=_finite,
            parse_float=_finite,
        )
        if isinstance(found, dict) and found.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
            raise TableError(
                f"{path}: is of schema version {found['schema_version']}, this sepbench reads {SCHEMA_VERSION}",
                "update sepbench",
            )
        return Description.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise TableError(f"{path}: `{visible(where)}`: {first['msg']}", "write it with `sepbench score`") from error
    except TableError:
        raise
    except (ValueError, RecursionError) as error:
        words = short(str(error))
        raise TableError(f"{path}: is no valid JSON ({words})", "write it with `sepbench score`") from error


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys are unique: where they are not, two readers see two results."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key `{next(key for key in keys if keys.count(key) > 1)}` stands there twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"`{text}` is not a finite number")
    return value


def _items(folder: Path, about: Description) -> dict[tuple[str, str], Items]:
    path = inside(folder, scores.FILE_NAME)
    table, _ = scores.read(path)
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in _READ}
    said = {
        "corpus": about.corpus.name,
        "corpus_hash": about.corpus.hash,
        "split": about.corpus.split,
        "separator": about.separator.name,
        "separator_version": about.separator.version,
    }
    for column, expected in said.items():
        for text in sorted(set(columns.pop(column)) - {expected}):
            if visible(text) != expected:
                raise TableError(
                    f"{path}: is of {column} `{short(text)}`, but {RESULT_FILE} says `{expected}`",
                    "the two files are not of one run: score again",
                )
    _refuse_impossible_values(path, columns)
    return dict(_by_metric(path, columns, about))


_READ = ("corpus", "corpus_hash", "split", "separator", "separator_version", "target", "metric", "metric_version",
         "mixture_id", "group", "status", "value", "frame")  # fmt: skip


def _refuse_impossible_values(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    values, statuses = columns["value"].astype(np.float64), columns["status"]
    columns["value"] = values
    unknown = sorted(set(statuses) - set(scores.STATUSES))
    if unknown:
        raise TableError(f"{path}: unknown status `{short(unknown[0])}`", f"known are {', '.join(scores.STATUSES)}")
    # pyarrow gives null as NaN, so a NaN that was stored is caught here as well
    wrong = np.flatnonzero((statuses == "ok") != np.isfinite(values))
    for at in wrong:
        if statuses[at] != "saturated_high":
            raise TableError(
                f"{path}: `{short(columns['mixture_id'][at])}` has the value {values[at]}, status `{statuses[at]}`",
                "only a finite value is `ok`, and only `ok` has a value",
            )
    for metric in sorted(set(columns["metric"])):
        highest = _HIGHEST.get(metric.partition(":")[0], math.inf)
        mine = values[(columns["metric"] == metric) & (statuses == "ok")]
        if mine.size and mine.max() > highest:
            raise TableError(
                f"{path}: {short(metric)} is {mine.max():.4g}, but the scale ends at {highest:.4g}", "score again"
            )


def _by_metric(
    path: Path, columns: dict[str, NDArray[Any]], about: Description
) -> Iterator[tuple[tuple[str, str], Items]]:
    for target in sorted(set(columns["target"])):
        if visible(target) not in about.corpus.targets:
            raise TableError(
                f"{path}: `{short(target)}` is no target of the corpus",
                f"{RESULT_FILE} names {', '.join(about.corpus.targets)}",
            )
        for metric in sorted(set(columns["metric"][columns["target"] == target])):
            chosen = (columns["target"] == target) & (columns["metric"] == metric)
            mine = {name: values[chosen] for name, values in columns.items()}
            versions = sorted(set(mine["metric_version"]))
            if len(versions) > 1:
                raise TableError(f"{path}: {short(metric)} is of two versions: {', '.join(map(short, versions))}",
                                 "score again: the numbers of two implementations are not averaged")  # fmt: skip
            items = _one_per_mixture(path, mine, _from_table(path, "metric_version", versions[0]))
            if len(items.mixtures) > about.corpus.mixtures:
                raise TableError(
                    f"{path}: has {len(items.mixtures)} mixtures for {short(metric)}, but the corpus has "
                    f"{about.corpus.mixtures}",
                    "score again: there are rows of another corpus",
                )
            yield (_from_table(path, "target", target), _from_table(path, "metric", metric)), items


def _from_table(path: Path, column: str, text: str) -> str:
    try:
        return name_text(text)
    except ValueError as error:
        raise TableError(f"{path}: {column} `{short(text)}`: {error}", "score again") from error


def _one_per_mixture(path: Path, mine: dict[str, NDArray[Any]], version: str) -> Items:
    """Sort by mixture; where a metric has frames, a mixture counts with the median over them, as museval does."""
    order = np.lexsort((np.nan_to_num(mine["frame"].astype(np.float64), nan=-1), mine["mixture_id"].astype(str)))
    mixtures, frames = mine["mixture_id"].astype(str)[order], mine["frame"].astype(np.float64)[order]
    groups, statuses, values = mine["group"][order], mine["status"][order], mine["value"][order]
    same = mixtures[1:] == mixtures[:-1]
    double = np.flatnonzero(same & ((frames[1:] == frames[:-1]) | np.isnan(frames[1:]) | np.isnan(frames[:-1])))
    if double.size:
        raise TableError(f"{path}: `{short(mixtures[double[0]])}` is scored twice by one metric", "score again")
    if not same.any():
        return Items(mixtures, groups, statuses, values, version)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    reduced_values, reduced_statuses = [], []
    for start, end in zip(starts, [*starts[1:], len(mixtures)], strict=True):
        ok = statuses[start:end] == "ok"
        reduced_values.append(np.median(values[start:end][ok]) if ok.any() else np.nan)
        reduced_statuses.append("ok" if ok.any() else statuses[start])
    return Items(mixtures[starts], groups[starts], np.array(reduced_statuses, dtype=object),
                 np.array(reduced_values), version)  # fmt: skip


def _groups(folder: Path, items: dict[tuple[str, str], Items]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in items.values():
        for mixture, group in zip(one.mixtures.tolist(), one.groups.tolist(), strict=True):
            if found.setdefault(mixture, group) != group:
                raise TableError(f"{folder / scores.FILE_NAME}: `{short(mixture)}` is of two groups", "score again")
    return found


def _refuse_mixtures_of_benchmarks(found: list[Result]) -> None:
    """Raise where two results of one corpus name were not made on the same items with the same metrics."""
    first: dict[tuple[str, ...], tuple[Result, str]] = {}

    def hold(key: tuple[str, ...], result: Result, value: object, what: str, hint: str) -> None:
        before, known = first.setdefault(key, (result, str(value)))
        if known != str(value):
            raise UsageError(
                f"{before.folder} and {result.folder} do not belong into one table: {what} is {known} and {value}", hint
            )

    names: dict[tuple[str, str, str], Result] = {}
    for result in found:
        corpus, separator = result.about.corpus, result.about.separator
        twin = names.setdefault((corpus.name, _folded(separator.name), separator.version), result)
        if twin is not result:
            raise UsageError(
                f"{twin.folder} and {result.folder} are both `{separator.name}` {separator.version} on {corpus.name}",
                "publish one of the two, or give one of them another version",
            )
        hold((corpus.name,), result, corpus.hash, f"the hash of {corpus.name}",
             "score one of them again on the other's corpus, or give the changed corpus a new name")  # fmt: skip
        for field in ("split", "mixtures", "sample_rate", "channels"):
            hold((corpus.name, field), result, getattr(corpus, field), f"`{field}` of {corpus.name}", "score again")
        for mixture, group in result.groups.items():  # an interval is only as honest as the units that it resamples
            hold((corpus.name, "group", mixture), result, group, f"the group of `{short(mixture)}`", "score again")
        for (_, metric), items in result.items.items():
            hold((corpus.name, "metric", metric), result, items.version, f"the version of {metric}",
                 "score one of them again with the other's version of sepbench")  # fmt: skip


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
