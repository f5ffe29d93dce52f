"""A corpus in numbers: one pass over its manifest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sepbench.columns import flattened
from sepbench.manifest import Manifest
from sepbench.mixing.hearing import Heard, listen
from sepbench.recipe import SPLITS
from sepbench.surveys import Levels, Tally

__all__ = ["Pool", "Survey", "Use", "survey"]

Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Use(NamedTuple):
    """A group or a recording, and how many sources are of it."""

    set: str
    name: str
    n: int


class Pool(NamedTuple):
    """What a source is taken from in a split.

    Attributes
    ----------
    split, source : str
    sets : tuple of str
    uses : int
        How many sources there are of this name.
    groups, recordings : tuple of Use
        The most used first.
    """

    split: str
    source: str
    sets: tuple[str, ...]
    uses: int
    groups: tuple[Use, ...]
    recordings: tuple[Use, ...]


class Survey:
    """What the rows of a manifest say as a whole.

    Attributes
    ----------
    manifest : Manifest
    heard : dict of str to Heard
        By split.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.heard: dict[str, Heard] = {}
        self._levels = Levels()
        self._columns: list[tuple[NDArray[np.str_], Flags, NDArray[np.int64]]] = []
        self._tallies = {
            "formats": Tally("sample_rate", "channels", "bits"),
            "licences": Tally("licence"),
            "statuses": Tally("split", "status"),
            "stages": Tally("stage"),
            "targets": Tally("name", "role"),
            "groups": Tally("split", "name", "set", "group"),
            "recordings": Tally("split", "name", "set", "item"),
            "labels": Tally("source", "name", "value"),
            "transforms": Tally("source", "name"),
        }
        self._reasons: dict[str, str] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of the manifest, in their order."""
        self._levels.add(batch)
        listen(batch, self.heard)
        proof = batch["proof"]
        status = pc.struct_field(proof, "status")
        usable = np.asarray(pc.fill_null(pc.equal(status, "ok"), not self.rendered))
        clipped = pc.fill_null(pc.struct_field(proof, "clipped_samples"), 0).to_numpy(zero_copy_only=False)
        self._columns.append((np.array(batch["split"].to_pylist()), usable, clipped))
        self._tallies["formats"].add(batch)
        self._tallies["licences"].add(batch)
        self._tallies["statuses"].add(pa.table({"split": batch["split"], "status": status}).drop_null())
        self._tallies["stages"].add(pa.table({"stage": pc.struct_field(proof.drop_null(), "float_stages").flatten()}))
        self._add_reasons(status.filter(pa.array(~usable)), proof.filter(pa.array(~usable)))
        self._add_sources(batch)

    def _add_reasons(self, status: pa.Array, proof: pa.Array) -> None:
        for name in set(pc.unique(status.drop_null()).to_pylist()) - set(self._reasons):
            first = pc.struct_field(proof, "reason")[pc.index(status, name).as_py()].as_py()
            self._reasons[name] = first or ""

    def _add_sources(self, batch: pa.RecordBatch) -> None:
        members = ("name", "role", "set", "group", "item", "labels", "transforms")
        sources = flattened(batch, batch["sources"], members, ("split",))
        for name in ("targets", "groups", "recordings"):
            self._tallies[name].add(sources)
        whole = sources.select(["name", "labels", "transforms"]).rename_columns(["source", "labels", "transforms"])
        for one in whole.combine_chunks().to_batches():
            self._tallies["labels"].add(flattened(one, one["labels"], ("name", "value"), ("source",)))
            self._tallies["transforms"].add(flattened(one, one["transforms"], ("name",), ("source",)))
        of_mixtures = flattened(batch, batch["degradations"], ("name",))
        of_mixtures = of_mixtures.append_column("source", pa.array(["the mixture"] * len(of_mixtures), pa.string()))
        self._tallies["transforms"].add(of_mixtures)

    @property
    def rendered(self) -> bool:
        """Whether rows have proofs."""
        return "corpus_hash" in self.manifest.metadata

    @cached_property
    def levels(self) -> dict[str, Floats]:
        """Levels as `sepbench.surveys` gives them, NaN where a row has none."""
        return self._levels.columns()

    @cached_property
    def split(self) -> NDArray[np.str_]:
        """The split of each row."""
        return np.concatenate([split for split, _, _ in self._columns])

    @cached_property
    def usable(self) -> Flags:
        """Whether each row has audio, or was only planned."""
        return np.concatenate([usable for _, usable, _ in self._columns])

    @cached_property
    def clipped(self) -> NDArray[np.int64]:
        """How many samples of each row are at full scale."""
        return np.concatenate([clipped for _, _, clipped in self._columns])

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that there are, in their order."""
        return tuple(split for split in SPLITS if (self.split == split).any())

    def level(self, name: str, split: str) -> Floats:
        """Give the values of a level in a split, of those mixtures that have it."""
        values: Floats = self.levels[name][self.split == split]
        return values[np.isfinite(values)]

    def counts(self, name: str) -> dict[tuple[Any, ...], int]:
        """Give a tally: ``formats``, ``licences``, ``statuses``, ``stages``, ``targets``, ``transforms``."""
        return self._tallies[name].counts()

    @cached_property
    def failures(self) -> dict[str, tuple[int, str]]:
        """How many rows have no audio, and the first reason, by status."""
        found: dict[str, int] = {}
        for (_, status), count in self.counts("statuses").items():
            found[status] = found.get(status, 0) + count
        return {status: (count, self._reasons[status]) for status, count in found.items() if status != "ok"}

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, targets first."""
        roles = ("target", "interferer", "noise")
        found = sorted(self.counts("targets"), key=lambda one: (roles.index(one[1]), one[0]))
        return tuple(dict.fromkeys(name for name, _ in found))

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        """What each source is taken from in each split."""
        groups, recordings = self._uses("groups"), self._uses("recordings")
        found = []
        for source in self.sources:
            for split in self.splits:
                mine = groups.get((split, source), [])
                if mine:
                    sets = tuple(sorted({use.set for use in mine}))
                    uses = sum(use.n for use in mine)
                    found.append(Pool(split, source, sets, uses, tuple(mine), tuple(recordings[split, source])))
        return tuple(found)

    def _uses(self, name: str) -> dict[tuple[str, str], list[Use]]:
        found: dict[tuple[str, str], list[Use]] = {}
        for (split, source, set_, what), count in self._tallies[name].counts().items():
            found.setdefault((split, source), []).append(Use(set_, what, count))
        return found

    @cached_property
    def labels(self) -> dict[str, dict[str, list[tuple[str, int]]]]:
        """Values of each label of each source and how many have it, the most frequent first."""
        found: dict[str, dict[str, list[tuple[str, int]]]] = {source: {} for source in self.sources}
        for (source, name, value), count in self._tallies["labels"].counts().items():
            found[source].setdefault(name, []).append((value, count))
        return {source: dict(sorted(labels.items())) for source, labels in found.items() if labels}


def survey(manifest: Manifest, *, progress: Progress | None = None) -> Survey:
    """Look at all rows of a manifest once, in bounded memory."""
    found, done = Survey(manifest), 0
    for batch in manifest.batches():
        found.add(batch)
        done += len(batch)
        if progress:
            progress(done, len(manifest))
    return found
