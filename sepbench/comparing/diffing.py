"""Comparing: one pass over each manifest, and a second over the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sepbench.columns import flattened
from sepbench.comparing.comparison import Comparison, Count, LevelPair, Shared, Side
from sepbench.comparing.joining import Digests, differing, joined, missing
from sepbench.comparing.leaves import MADE, PLAN
from sepbench.errors import UsageError
from sepbench.manifest import Manifest
from sepbench.mixing.hearing import Heard, listen
from sepbench.recipe import SPLITS, changes
from sepbench.surveys import Levels, Tally, distribution, in_order

__all__ = ["diff"]

Progress = Callable[[int, int], None]
_COUNTED = ("statuses", "stages", "sets", "licences")


def diff(a: Path | str, b: Path | str, *, limit: int = 3, progress: Progress | None = None) -> Comparison:
    """Say how two corpora differ.

    Rows are compared by their ids, in whatever order they stand, and by what is recorded of them: no audio is opened
    (`sepbench.verify` holds audio against its record). A million rows take less than a minute for each corpus, and
    some 300 bytes of memory each.

    Parameters
    ----------
    a, b : path
        Folders of corpora, or manifests.
    limit : int
        How many rows are named where rows differ.
    progress : callable, optional
        Called as ``progress(done, total)`` in rows.

    Returns
    -------
    Comparison
        `Comparison.same` says whether there is a difference at all.

    Raises
    ------
    UsageError
        If `limit` is negative.
    TableError
        If one is missing, damaged, or no manifest.

    Examples
    --------
    ::

        found = sepbench.diff("corpora/mine", "corpora/yours")
        found.same, found.planned.rows, [column.name for column in found.planned.columns]
    """
    if limit < 0:
        raise UsageError(f"diff: expected a limit of at least 0, got {limit}", "0 names no rows, only counts them")
    one, other = Manifest.read(a), Manifest.read(b)
    of_a, of_b = _Seen(), _Seen()
    _gather([(one, of_a), (other, of_b)], progress)
    join = joined(of_a.digests, of_b.digests)
    statuses, stages, sets, licences = (_counts(of_a.tallies[name], of_b.tallies[name]) for name in _COUNTED)
    return Comparison(
        a=_side(a, one, of_a),
        b=_side(b, other, of_b),
        recipe=tuple(changes(one.metadata["recipe"], other.metadata["recipe"])),
        only_a=missing(join.only_a, of_a.digests.ids, limit),
        only_b=missing(join.only_b, of_b.digests.ids, limit),
        planned=differing(one, other, join.planned, PLAN, limit),
        made=differing(one, other, join.made, MADE, limit),
        levels=_levels(of_a.levels, of_b.levels),
        statuses=statuses,
        stages=stages,
        sets=sets,
        licences=licences,
        shared=tuple(_shared(of_a.heard, of_b.heard)),
    )


def _gather(both: Sequence[tuple[Manifest, _Seen]], progress: Progress | None) -> None:
    done, total = 0, sum(len(manifest) for manifest, _ in both)
    for manifest, seen in both:
        for batch in manifest.batches():
            seen.add(batch)
            done += len(batch)
            if progress:
                progress(done, total)


class _Seen:
    """What is gathered of a manifest in one pass."""

    def __init__(self) -> None:
        self.digests, self.levels = Digests(), Levels()
        self.heard: dict[str, Heard] = {}
        self.tallies = {name: Tally(name) for name in _COUNTED}

    def add(self, batch: pa.RecordBatch) -> None:
        self.digests.add(batch)
        self.levels.add(batch)
        listen(batch, self.heard)
        proof = batch["proof"].drop_null()
        self._count("statuses", pc.struct_field(proof, "status"))
        self._count("stages", pc.struct_field(proof, "float_stages").flatten())
        self._count("sets", flattened(batch, batch["sources"], ("set",))["set"])
        self._count("licences", batch["licence"])

    def _count(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        self.tallies[name].add(pa.table({name: values}))


def _side(path: Path | str, manifest: Manifest, seen: _Seen) -> Side:
    words, recipe = manifest.metadata, manifest.metadata["recipe"]
    return Side(
        path=str(path),
        name=manifest.name,
        version=recipe.get("version", 1),
        seed=words.get("seed", 0),
        sepbench=str(words.get("sepbench", "unknown")),
        rows=len(manifest),
        rendered=sum(seen.tallies["statuses"].counts().values()),
        plan_hash=words["plan_hash"],
        corpus_hash=words.get("corpus_hash"),
    )


def _levels(a: Levels, b: Levels) -> tuple[LevelPair, ...]:
    of_a, of_b = ({name: distribution(values) for name, values in one.columns().items()} for one in (a, b))
    none = distribution(np.zeros(0))
    names = sorted({*of_a, *of_b}, key=in_order)
    return tuple(LevelPair(name, of_a.get(name, none), of_b.get(name, none)) for name in names)


def _counts(a: Tally, b: Tally) -> tuple[Count, ...]:
    ones, others = ({name: count for (name,), count in tally.counts().items()} for tally in (a, b))
    return tuple(Count(name, ones.get(name, 0), others.get(name, 0)) for name in sorted({*ones, *others}))


def _shared(a: dict[str, Heard], b: dict[str, Heard]) -> Iterator[Shared]:
    for one in (split for split in SPLITS if split in a):
        for other in (split for split in SPLITS if split in b):
            both = a[one].shared_with(b[other])
            if both.recordings or both.units:
                yield Shared(one, other, len(both.recordings), both.groups)
